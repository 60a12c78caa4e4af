import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Decision from "../../src/decide/Decision.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as World from "../World.ts"

type Top = ReadonlyArray<{ readonly text: string; readonly logprob: number }>

/** The first token as a model would see it: the likeliest one is generated. */
const first = (top: Top) => {
  const [best] = top.toSorted((a, b) => b.logprob - a.logprob)
  return { tokens: best === undefined ? [] : [{ ...best, special: false, top }] }
}

const token = (text: string, probability: number) => ({ text, logprob: Math.log(probability) })

const sends = (top: Top) => ({ script: () => first(top) })

const question = Decision.question({
  instructions: "Which team should handle this?",
  labels: { billing: "payments", technical: "bugs", other: null }
})

const paths = Effect.flatMap(
  Simulator.Simulator,
  ({ journal }) => Effect.map(journal.entries, (entries) => entries.map(({ request }) => request.path))
)

const close = (actual: number | undefined, expected: number) =>
  assert.approximately(actual ?? Number.NaN, expected, 1e-5)

const five = [
  token("billing", 0.4),
  token(" Billing", 0.1),
  token("technical", 0.25),
  token("other", 0.05),
  token("I", 0.15)
]

describe("a decision", () => {
  for (const engine of World.engines) {
    for (const input of ["I was charged twice", { raw: "Ticket: charged twice. Team:" }]) {
      it.effect(
        `equals the softmax of the log probabilities that ${engine} sent, forms of a label summed, ${
          typeof input === "string" ? "as messages" : "raw"
        }`,
        () =>
          Effect.gen(function*() {
            const decision = yield* Decision.decide(input, question)
            assert.strictEqual(decision.label, "billing")
            // vLLM tells the labels alone
            close(decision.mass, 0.8)
            close(decision.probabilities.billing, 0.5 / 0.8)
            close(decision.probabilities.technical, 0.25 / 0.8)
            close(decision.probabilities.other, 0.05 / 0.8)
            assert.strictEqual(decision.route, "tokens")
          }).pipe(Effect.provide(World.layer({ engine, server: sends(five) })))
      )
    }
  }

  const logit = Schema.Finite.check(Schema.isBetween({ minimum: -6, maximum: 0 }))

  it.effect.prop(
    "is the softmax for whatever the engine sends",
    [Schema.Tuple([logit, logit, logit])],
    ([logits]) => {
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0)
      const [a = 0, b = 0, c = 0] = logits.map((logit) => logit - Math.log(total))
      const top = [{ text: "billing", logprob: a }, { text: "technical", logprob: b }, { text: "other", logprob: c }]
      return Effect.gen(function*() {
        const { mass, probabilities } = yield* Decision.decide("charged twice", question)
        close(mass, 1)
        close(probabilities.billing, Math.exp(a))
        close(probabilities.technical, Math.exp(b))
        close(probabilities.other, Math.exp(c))
      }).pipe(Effect.provide(World.layer({ engine: "llamacpp", server: sends(top) })))
    }
  )

  it.effect("loses mass where the model would rather refuse, and fails with what it would have said", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Decision.decide("charged twice", question))
      assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "LowMass")
      if (error._tag !== "DecisionError" || error.reason._tag !== "LowMass") return
      close(error.reason.mass, 0.2)
      assert.strictEqual(error.reason.outside[0]?.text, "I")
      assert.include(error.message, "`other`")
      const lenient = yield* Decision.decide("charged twice", question, { minimumMass: 0.1 })
      close(lenient.mass, 0.2)
      close(lenient.probabilities.billing, 0.75)
    }).pipe(Effect.provide(World.layer({
      engine: "llamacpp",
      server: sends([token("I", 0.7), token("billing", 0.15), token("technical", 0.05), token("Sorry", 0.1)])
    }))))

  it.effect("is asked for without a constraint, and with nothing of the service's own sampling", () =>
    Effect.gen(function*() {
      yield* Decision.decide("charged twice", question)
      const body = (yield* World.bodies).at(-1)
      assert.deepInclude(body, { max_tokens: 1, temperature: 1, top_p: 1, logprobs: true, top_logprobs: 20 })
      for (
        const field of ["response_format", "structured_outputs", "regex", "json_schema", "min_p", "repetition_penalty"]
      ) {
        assert.notProperty(body, field)
      }
    }).pipe(Effect.provide(World.layer({
      engine: "sglang",
      server: { ...sends(five), version: "0.5.23" },
      service: {
        generationOptions: {
          temperature: 0.1,
          topP: 0.3,
          minP: 0.2,
          repetitionPenalty: 1.5,
          maxNewTokens: 900,
          thinkingBudget: 300
        },
        structuredOutput: { format: "regex", schema: "billing|technical" }
      }
    }))))

  it.effect("is refused before anything is sent by an engine that tells no log probabilities", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Decision.decide("charged twice", question))
      assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "NoLogProbabilities")
      assert.deepStrictEqual(yield* World.bodies, [])
    }).pipe(Effect.provide(World.layer({ engine: "hf-serve" }))))

  it.effect("says what a label that was not listed can have held at most", () =>
    Effect.gen(function*() {
      const { atMost, probabilities } = yield* Decision.decide("charged twice", question)
      assert.strictEqual(probabilities.other, 0)
      assert.deepStrictEqual(Object.keys(atMost), ["other"])
      close(atMost.other, 0.05)
    }).pipe(Effect.provide(World.layer({
      server: sends([
        token("billing", 0.6),
        token("technical", 0.2),
        token("a", 0.06),
        token("b", 0.05),
        token("c", 0.04),
        token("other", 0.03)
      ])
    }))))

  it.effect("is a mean over orders on request, which tells how often another label came first", () => {
    const seen: Array<string> = []
    return Effect.gen(function*() {
      const { orders, probabilities } = yield* Decision.decide("charged twice", question, { orders: 3 })
      close(probabilities.billing, (0.6 + 0.2 + 0.2) / 3)
      close(probabilities.technical, (0.2 + 0.6 + 0.2) / 3)
      assert.deepStrictEqual(orders, { count: 3, flips: 2 })
      assert.sameMembers(seen, ["billing", "technical", "other"])
    }).pipe(Effect.provide(World.layer({
      engine: "llamacpp",
      server: {
        // a model that likes what stands first
        script: (_, prompt) => {
          const leading = /- (billing|technical|other)/.exec(prompt)?.[1] ?? ""
          seen.push(leading)
          return first(["billing", "technical", "other"].map((label) => token(label, label === leading ? 0.6 : 0.2)))
        }
      }
    })))
  })

  it.effect("reads letters in place of labels on request", () =>
    Effect.gen(function*() {
      const { probabilities } = yield* Decision.decide("charged twice", question, { codes: true })
      close(probabilities.billing, 0.25)
      close(probabilities.technical, 0.75)
      const [body] = yield* World.bodies
      assert.include(JSON.stringify(body), "B: technical: bugs")
    }).pipe(Effect.provide(World.layer({
      engine: "llamacpp",
      server: sends([token("A", 0.2), token(" B", 0.5), token("b", 0.1)])
    }))))

  it.effect("closes thoughts first: behind the prompt that is rendered here", () =>
    Effect.gen(function*() {
      yield* Decision.decide("charged twice", question)
      const body = (yield* World.bodies).at(-1)
      assert.match(String(body?.["prompt"]), /<\|assistant\|><think>\n\n<\/think>\n\n$/)
    }).pipe(
      Effect.provide(
        InferenceEndpointsLLM.layer({
          baseUrl: "http://localhost:8080",
          apiKey: false,
          chatTemplate: "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|><think>\n"
        }).pipe(Layer.provideMerge(Simulator.layer({ engine: "llamacpp", ...sends(five) })))
      )
    ))

  it.effect("closes thoughts first: by the template's variable where the server renders", () =>
    Effect.gen(function*() {
      yield* Decision.decide("charged twice", question)
      const [body] = yield* World.bodies
      assert.deepStrictEqual(body?.["chat_template_kwargs"], { enable_thinking: false, thinking: false })
    }).pipe(Effect.provide(World.layer({ engine: "llamacpp", server: sends(five) }))))

  it.effect("of several questions is several requests that begin alike", () =>
    Effect.gen(function*() {
      const { team, urgent } = yield* Decision.decideAll("charged twice", {
        team: question,
        urgent: Decision.predicate("Is it urgent?")
      })
      assert.strictEqual(team.label, "billing")
      assert.strictEqual(urgent.label, "no")
      const prompts = (yield* World.bodies).map((body) => JSON.stringify(body["messages"]))
      assert.lengthOf(prompts, 2)
      for (const prompt of prompts) assert.match(prompt, /^\[\{"role":"user","content":"charged twice\\n\\n/)
    }).pipe(Effect.provide(World.layer({
      engine: "llamacpp",
      server: {
        script: (_, prompt) => first(prompt.includes("urgent") ? [token("no", 0.8), token("yes", 0.2)] : five)
      }
    }))))
})

describe("labels that begin with the same token", () => {
  const nested = Decision.question({ instructions: "Which?", labels: ["sky", "skyline", "ski"] })

  it.effect("are refused before anything is sent where one begins with the other and nothing can be asked behind it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Decision.decide("up there", nested))
      assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "SharedToken")
      assert.deepStrictEqual(yield* World.bodies, [])
    }).pipe(Effect.provide(World.layer({ engine: "llamacpp" }))))

  it.effect("are refused where the server lists such a token", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Decision.decide("up there", Decision.question({ instructions: "Which?", labels: ["skill", "sky"] }))
      )
      assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "SharedToken")
    }).pipe(Effect.provide(World.layer({ engine: "llamacpp", server: sends([token("sk", 0.6), token("sky", 0.3)]) }))))

  it.effect("are told apart by the ids of vLLM's tokenizer before anything is generated", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Decision.decide("up there", Decision.question({ instructions: "Which?", labels: ["to be", "to have"] }))
      )
      assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "SharedToken")
      assert.deepStrictEqual([...new Set(yield* paths)], ["/tokenize"])
    }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))

  for (const engine of World.engines) {
    it.effect(`are scored whole behind a raw prompt on ${engine}`, () =>
      Effect.gen(function*() {
        const { mass, probabilities } = yield* Decision.decide({ raw: "Up there is the" }, nested)
        close(mass, 0.9)
        close(probabilities.ski, 0.6 * 0.5 / 0.9)
        close(probabilities.sky, (0.3 * 0.25 + 0.6 * 0.5) / 0.9)
        close(probabilities.skyline, 0.3 * 0.75 / 0.9)
      }).pipe(Effect.provide(World.layer({
        engine,
        server: {
          script: (_, prompt) =>
            first(
              prompt.endsWith(" sk")
                ? [token("y.", 0.5), token("i", 0.5)]
                : prompt.endsWith(" sky")
                ? [token("line", 0.75), token("\n", 0.25)]
                : [token(" sk", 0.6), token(" sky", 0.3), token("!", 0.1)]
            )
        }
      }))))
  }
})

describe("vLLM", () => {
  it.effect("tells exact log probabilities of the labels' own tokens, however unlikely they are", () =>
    Effect.gen(function*() {
      const { mass, probabilities } = yield* Decision.decide("charged twice", question, { minimumMass: 0 })
      close(mass, 0.003)
      close(probabilities.other, 1 / 3)
      const body = (yield* World.bodies).at(-1)
      assert.isArray(body?.["logprob_token_ids"])
    }).pipe(Effect.provide(World.layer({
      engine: "vllm",
      server: sends([
        ...Array.from({ length: 25 }, (_, at) => token(`w${at}`, 0.03)),
        token("billing", 0.001),
        token("technical", 0.001),
        token("other", 0.001)
      ])
    }))))

  const native = {
    engine: "vllm",
    target: { engine: { kind: "vllm", source: "override", version: "0.33.0" } }
  } as const

  it.effect("0.33 decides all questions by its own route in one request", () =>
    Effect.gen(function*() {
      const { team, urgent } = yield* Decision.decideAll("charged twice", {
        team: question,
        urgent: Decision.predicate("Is it urgent?")
      })
      for (const { mass, probabilities, route } of [team, urgent]) {
        assert.strictEqual(route, "native")
        assert.isUndefined(mass)
        close(Object.values(probabilities).reduce((sum, value) => sum + value, 0), 1)
      }
      assert.deepStrictEqual(yield* paths, ["/v1/decisions"])
    }).pipe(Effect.provide(World.layer({ ...native, server: { version: "0.33.0" } }))))

  it.effect("decides by tokens where its own route does not take the model, and asks it once", () =>
    Effect.gen(function*() {
      const server = yield* Simulator.Simulator
      yield* server.fail(Fault.status(501, "{\"error\":{\"message\":\"not implemented\",\"code\":501}}"))
      assert.strictEqual((yield* Decision.decide("charged twice", question)).route, "tokens")
      assert.strictEqual((yield* Decision.decide("charged twice", question)).route, "tokens")
      assert.lengthOf((yield* paths).filter((path) => path === "/v1/decisions"), 1)
    }).pipe(Effect.provide(World.layer({ ...native, server: { version: "0.33.0", ...sends(five) } }))))

  it.effect("fails where its own route is demanded and the input is a conversation", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Decision.decide([{ role: "system", content: "Be brief" }, { role: "user", content: "x" }], question, {
          route: "native"
        })
      )
      assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "InvalidQuestion")
    }).pipe(Effect.provide(World.layer(native))))
})

describe("a question", () => {
  it.effect("with one label, with two alike or with a blank one is not asked", () =>
    Effect.gen(function*() {
      for (const labels of [["a"], ["a", "a"], ["a", " "], []]) {
        const error = yield* Effect.flip(Decision.decide("x", { instructions: "Which?", labels }))
        assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "InvalidQuestion")
      }
      assert.deepStrictEqual(yield* World.bodies, [])
    }).pipe(Effect.provide(World.layer())))

  it("on a scale has a rating between its labels", () => {
    const scale = Decision.question({ instructions: "How angry?", labels: ["calm", "annoyed", "angry"] })
    const decision: Decision.Decision<"calm" | "annoyed" | "angry"> = {
      label: "annoyed",
      probabilities: { calm: 0.25, annoyed: 0.5, angry: 0.25 },
      mass: 1,
      atMost: {},
      outside: [],
      orders: { count: 1, flips: 0 },
      route: "tokens",
      usage: {}
    }
    assert.strictEqual(Decision.rating(scale, decision), 1)
  })
})

describe("a batch that judges", () => {
  it.effect("gets what was decided about a row as the JSON text of a generation, with its tokens", () =>
    Effect.gen(function*() {
      const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
      const [generation] = yield* Decision.row(llm, { team: question })("charged twice", { maxNewTokens: 500, seed: 3 })
      const Column = Schema.fromJsonString(
        Schema.Struct({ team: Schema.Struct({ label: Schema.String, mass: Schema.Finite }) })
      )
      const { team } = yield* Schema.decodeEffect(Column)(generation?.text ?? "")
      assert.strictEqual(team.label, "billing")
      close(team.mass, 0.8)
      assert.isAbove(generation?.statistics.inputTokens ?? 0, 0)
    }).pipe(Effect.provide(World.layer({ engine: "llamacpp", server: sends(five) }))))
})
