// What an endpoint honours, measured before a run depends on it; and whether it mixes up its callers.
import { Console, Effect, Layer } from "effect"
import { Canary, InferenceEndpointsLLM, Proof, Prove } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

// a server that accepts a seed and a schema, but honours neither
const server = Simulator.layer({ engine: "vllm", lies: ["seed", "grammar"] })
const options = { baseUrl: "http://simulator", apiKey: false } as const

const measured = Effect.gen(function*() {
  const proof = yield* Prove.prove()
  yield* Console.log(`${proof.requests} requests to ${proof.engine} ${proof.engineVersion}: ${Proof.verdict(proof)}`)
  for (const finding of proof.findings.filter(Proof.isOther)) {
    yield* Console.log(`  ${finding.name}: ${finding.outcome}, documented as ${finding.documented}: ${finding.detail}`)
  }
  return proof
}).pipe(Effect.provide(InferenceEndpointsLLM.layer(options).pipe(Layer.provideMerge(server))))

const program = Effect.gen(function*() {
  const proof = yield* measured

  // given to the service, the proof refuses what this endpoint was measured to drop
  const refused = yield* Effect.flip(
    Effect.flatMap(
      InferenceEndpointsLLM.InferenceEndpointsLLM,
      (llm) => llm.generate("hi", { seed: 7, temperature: 1 })
    )
      .pipe(Effect.provide(InferenceEndpointsLLM.layer({ ...options, proof }).pipe(Layer.provide(server))))
  )
  yield* Console.log(`refused: ${refused.message.slice(0, 110)}…`)

  // concurrent requests, each for a word of its own
  for (const lies of [[], ["mix"]] as const) {
    const canary = yield* Effect.result(Canary.check({ rounds: 1 })).pipe(
      Effect.provide(
        InferenceEndpointsLLM.layer(options).pipe(Layer.provide(Simulator.layer({
          engine: "sglang",
          lies,
          latency: { firstToken: 5 },
          script: (_, prompt) => ({ text: (/the word (\w+)/.exec(prompt)?.[1] ?? "").concat(" ").repeat(10) })
        })))
      )
    )
    yield* Console.log(
      canary._tag === "Success"
        ? `canary: ${canary.success.verdict} after ${canary.success.requests} requests`
        : `canary: ${canary.failure.message.slice(0, 100)}…`
    )
  }
})

await Effect.runPromise(program)
