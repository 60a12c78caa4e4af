import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as GenerationOptions from "../../src/GenerationOptions.ts"
import type * as Message from "../../src/Message.ts"
import * as OnFetch from "../../src/promise/fetch.ts"
import * as OnNode from "../../src/promise/node.ts"
import type * as Settings from "../../src/Settings.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as SimulatorServer from "../../src/simulator/SimulatorServer.ts"

/** Each type is assignable to the other. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false

const isSame = <T extends true>(same: T): void => assert.isTrue(same)

describe("the types without Effect are those of the service", () => {
  it("name for name", () => {
    isSame<Same<keyof OnNode.GenerationOptions, keyof GenerationOptions.GenerationOptions>>(true)
    isSame<Same<keyof OnNode.Settings, keyof Settings.Settings>>(true)
  })

  it("and value for value", () => {
    isSame<Same<OnNode.GenerationOptions, GenerationOptions.GenerationOptions>>(true)
    isSame<Same<OnNode.Settings, Settings.Settings>>(true)
    isSame<Same<OnNode.Input, Message.Input>>(true)
  })

  it("exactly one target", () => {
    const options: ReadonlyArray<OnNode.Options> = [
      { modelId: "org/model" },
      { endpointName: "mine", endpointNamespace: "org" },
      { baseUrl: "http://localhost:8080" },
      // @ts-expect-error no target
      {},
      // @ts-expect-error two targets
      { modelId: "org/model", endpointName: "mine" }
    ]
    assert.lengthOf(options, 5)
  })
})

const messageOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => "no failure", (error) => error)

const collect = async <A>(iterable: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for await (const element of iterable) all.push(element)
  return all
}

const run = <A>(effect: Effect.Effect<A>) => Effect.runPromise(effect)

const use = (
  connect: (options: OnNode.Options) => OnNode.Client,
  test: (client: OnNode.Client, simulator: Simulator.Simulator["Service"]) => Promise<void>,
  options: { readonly attempts?: number } = {}
) =>
  Effect.gen(function*() {
    const { url } = yield* SimulatorServer.SimulatorServer
    const simulator = yield* Simulator.Simulator
    const client = connect({ baseUrl: url, apiKey: false, engine: "tgi", ...options })
    // the faults of a test are for its calls, not for the questions that are asked of a server first
    yield* Effect.promise(() => client.ready().then(() => test(client, simulator))).pipe(
      Effect.ensuring(Effect.promise(client.close))
    )
  })

for (const [name, { connect }] of [["Node", OnNode], ["fetch", OnFetch]] as const) {
  layer(SimulatorServer.layer(), { excludeTestServices: true })(`a client on ${name}`, (it) => {
    it.effect("generates, and tells what it took", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.answer({ text: "Scattering." }))
        const { finishReason, statistics, text } = await llm.generate("Why?", { maxNewTokens: 24 })
        assert.strictEqual(text, "Scattering.")
        assert.strictEqual(finishReason, "stop")
        assert.isAbove(statistics.outputTokens ?? 0, 0)
      }))

    it.effect("generates several, each by a seed of its own", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.journal.clear)
        assert.lengthOf(await llm.generateSeveral("Why?", { numGenerations: 3, seed: 7, maxNewTokens: 8 }), 3)
        const seeds = (await run(simulator.journal.entries)).flatMap(({ request: { json } }) =>
          typeof json === "object" && json !== null && "seed" in json ? [Number(json.seed)] : []
        )
        assert.deepStrictEqual(seeds.toSorted((a, b) => a - b), [7, 8, 9])
      }))

    it.effect("decides between labels, and throws with the mass that they lack", () =>
      use(connect, async (llm, simulator) => {
        const question = { instructions: "Which team?", labels: { billing: "payments", technical: null } }
        const told = (billing: number) => {
          const top = [
            { text: "billing", logprob: Math.log(billing) },
            { text: "technical", logprob: Math.log(0.1) },
            { text: "Sorry", logprob: Math.log(0.9 - billing) }
          ]
          return { tokens: [{ text: "billing", logprob: Math.log(billing), top }] }
        }
        await run(simulator.answer(told(0.4)))
        const { label, probabilities } = await llm.decide("charged twice", question, { minimumMass: 0.4 })
        assert.strictEqual(label, "billing")
        assert.approximately(probabilities.technical, 0.2, 1e-6)
        await run(simulator.answer(told(0.1)))
        const failure = await messageOf(llm.decide("charged twice", question))
        assert.strictEqual(failure instanceof OnNode.DecisionFailure ? failure.reason._tag : "", "LowMass")
      }))

    it.effect("streams, and the last event is the whole", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.answer({ text: "one two three" }))
        const events = await collect(llm.stream("Count."))
        const texts = events.flatMap((event) => event._tag === "Text" ? [event.text] : [])
        const last = events.at(-1)
        assert.strictEqual(texts.join(""), "one two three")
        assert.strictEqual(last?._tag === "Finish" ? last.generation.text : undefined, "one two three")
      }))

    it.effect("a stream that is cut throws an error with its reason, after what had arrived", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.fail(Fault.cut(2)))
        const seen: Array<string> = []
        const failure = await messageOf((async () => {
          for await (const event of llm.stream("Count.")) if (event._tag === "Text") seen.push(event.text)
        })())
        assert.isAbove(seen.length, 0)
        assert.instanceOf(failure, OnNode.InferenceFailure)
        assert.strictEqual(failure instanceof OnNode.InferenceFailure ? failure.reason._tag : "", "StreamInterrupted")
      }))

    it.effect("leaving a stream stops the server", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.fail(Fault.stall(1)))
        for await (const event of llm.stream("Count.")) {
          if (event._tag === "Text") break
        }
        const entry = await run(simulator.journal.wait(({ outcome }) => outcome === "cancelled"))
        assert.strictEqual(entry.outcome, "cancelled")
      }))

    it.effect("an abort rejects with the reason of the signal, and stops the server", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.journal.clear)
        for (const call of ["generate", "stream"] as const) {
          await run(simulator.fail(Fault.stall(1)))
          const controller = new AbortController()
          const pending = messageOf(
            call === "generate"
              ? llm.generate("Wait.", { signal: controller.signal, delivery: "stream" })
              : collect(llm.stream("Wait.", { signal: controller.signal }))
          )
          await run(simulator.journal.wait(({ tokens }) => tokens === 1))
          controller.abort(new Error("changed my mind"))
          const reason = await pending
          assert.strictEqual(reason instanceof Error ? reason.message : reason, "changed my mind")
          await run(simulator.journal.wait(({ outcome }) => outcome === "cancelled"))
          await run(simulator.journal.clear)
        }
      }))

    it.effect("a failure is a class with a reason that can be matched", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.fail(Fault.overloaded))
        const failure = await messageOf(llm.generate("Hello"))
        assert.instanceOf(failure, OnNode.InferenceEndpointsError)
        assert.deepInclude(failure instanceof OnNode.InferenceEndpointsError ? failure.reason : {}, {
          _tag: "Overloaded",
          status: 429,
          isRetryable: true
        })
      }, { attempts: 1 }))

    it.effect("an option out of range is refused before anything is sent", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.journal.clear)
        const failure = await messageOf(llm.generate("Hello", { topP: 2 }))
        assert.match(failure instanceof Error ? failure.message : "", /topP/)
        assert.lengthOf((await run(simulator.journal.entries)).filter(({ request }) => request.method === "POST"), 0)
      }))

    it.effect("a value comes of a plain JSON Schema, of a Standard Schema, and of one of Effect's", () =>
      use(connect, async (llm, simulator) => {
        const text = JSON.stringify({ name: "Ada", age: 36 })
        await run(simulator.answer({ text }, { text }, { text }))
        const properties = { name: { type: "string" }, age: { type: "integer" } }
        const plain = { type: "object", properties, required: ["name", "age"], additionalProperties: false }
        const standard: OnNode.Standard<string> = {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: (value) => ({ value: `read ${JSON.stringify(value)}` }),
            jsonSchema: { input: () => plain }
          }
        }
        const effect = Schema.toStandardJSONSchemaV1(
          Schema.toStandardSchemaV1(Schema.Struct({ name: Schema.String, age: Schema.Int }))
        )
        assert.deepStrictEqual((await llm.object("Who?", { schema: plain })).value, { name: "Ada", age: 36 })
        assert.strictEqual((await llm.object("Who?", { schema: standard })).value, `read ${text}`)
        const { value } = await llm.object("Who?", { schema: effect })
        assert.strictEqual(value.age, 36)
      }))

    it.effect("a value that does not fit is asked for again with what is wrong, and then fails with it", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.journal.clear)
        await run(simulator.answer({ text: "{\"age\":-1}" }, { text: "{\"age\":-2}" }))
        const schema: OnNode.Standard<unknown> = {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: () => ({ issues: [{ message: "must not be negative", path: ["age"] }] }),
            jsonSchema: {
              input: () => ({ type: "object", properties: { age: { type: "integer" } }, required: ["age"] })
            }
          }
        }
        const failure = await messageOf(llm.object("How old?", { schema, retries: 1 }))
        assert.instanceOf(failure, OnNode.StructuredOutputFailure)
        assert.match(failure instanceof Error ? failure.message : "", /must not be negative/)
        const asked = (await run(simulator.journal.entries)).filter(({ request }) => request.method === "POST")
        assert.include(asked[1]?.request.body, "must not be negative")
      }))

    it.effect("a schema that does not tell its JSON Schema is refused before anything is sent", () =>
      use(connect, async (llm) => {
        const schema: OnNode.Standard<unknown> = {
          "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) }
        }
        const failure = await messageOf(llm.object("Who?", { schema }))
        assert.instanceOf(failure, OnNode.StructuredOutputFailure)
        assert.match(failure instanceof Error ? failure.message : "", /plain JSON Schema/)
      }))

    it.effect("a batch gives an outcome for every input, the failed ones too", () =>
      use(connect, async (llm, simulator) => {
        await run(simulator.answer({ text: "a" }, { text: "b" }))
        const inputs = ["one", [], "two"]
        const outcomes = await collect(llm.batch(inputs, { ordered: true, concurrency: 1 }))
        assert.deepStrictEqual(outcomes.map(({ index, ok }) => [index, ok]), [[0, true], [1, false], [2, true]])
        const failed = outcomes[1]
        assert.strictEqual(failed?.ok === false ? failed.error.reason._tag : "", "InvalidRequest")
      }))
  })
}
