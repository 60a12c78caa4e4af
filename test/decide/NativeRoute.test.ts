import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import * as Decision from "../../src/decide/Decision.ts"
import type { Kind } from "../../src/endpoint/address/Engine.ts"
import { InferenceEndpointsLLM, layerTest } from "../../src/InferenceEndpointsLLM.ts"

/** The service over an engine whose own route gives these responses; it keeps what it was asked. */
const native = (engine: Kind, version: string | undefined, response: unknown) => {
  const asked: Array<{ readonly path: string; readonly body: Readonly<Record<string, unknown>> }> = []
  const layer = Layer.effect(
    InferenceEndpointsLLM,
    Effect.map(InferenceEndpointsLLM, (llm) =>
      InferenceEndpointsLLM.of({
        ...llm,
        about: Effect.succeed({ model: "org/model", served: "served", engine, engineVersion: version, isPinned: true }),
        request: (path, body, schema) => {
          asked.push({ path, body })
          return Effect.orDie(Schema.decodeUnknownEffect(schema)(response))
        }
      }))
  ).pipe(Layer.provide(layerTest(() => "never asked")))
  return { asked, layer }
}

const team = Decision.question({ instructions: "Which team?", labels: { billing: "payments", technical: null } })

describe("the native route", () => {
  for (const [engine, version] of [["vllm", "0.33.0"], ["vllm", "v1.2.0"], ["sglang", undefined]] as const) {
    it.effect(`of ${engine} ${version ?? ""} is asked in OpenAI's form, under the name that the server knows`, () =>
      Effect.gen(function*() {
        const { asked, layer } = native(engine, version, {
          answers: [{
            type: "choice",
            name: "",
            choice: "technical",
            probabilities: [{ value: "billing", probability: 0.25 }, { value: "technical", probability: 0.75 }],
            confidence: 0.75
          }],
          usage: { input_tokens: 20, output_tokens: 1 }
        })
        const decision = yield* Effect.provide(Decision.decide("it crashed", team), layer)
        assert.deepInclude(decision, {
          label: "technical",
          probabilities: { billing: 0.25, technical: 0.75 },
          route: "native",
          usage: { inputTokens: 20, outputTokens: 1 }
        })
        assert.deepStrictEqual(asked, [{
          path: "/v1/decisions",
          body: {
            model: "served",
            input: "it crashed",
            questions: [{
              type: "choice",
              name: "",
              instructions: "Which team?",
              choices: [
                { value: "billing", description: "payments" },
                { value: "technical", description: null }
              ]
            }]
          }
        }])
      }))
  }

  it.effect("of transformers serve is asked by name", () =>
    Effect.gen(function*() {
      const { asked, layer } = native("transformers", "5.24.0", {
        answers: { team: { type: "choice", choice: "billing", probabilities: { billing: 0.9, technical: 0.1 } } }
      })
      const { team: decision } = yield* Effect.provide(Decision.decideAll("charged twice", { team }), layer)
      assert.strictEqual(decision.label, "billing")
      assert.deepStrictEqual(asked[0]?.body["questions"], {
        team: { type: "choice", instructions: "Which team?", criteria: { billing: "payments", technical: null } }
      })
    }))

  it.effect("that tells the mass of the labels is believed when it is low", () =>
    Effect.gen(function*() {
      const { layer } = native("vllm", "0.33.0", {
        answers: [{
          choice: "billing",
          label_mass: 0.2,
          probabilities: [{ value: "billing", probability: 0.5 }, { value: "technical", probability: 0.5 }]
        }]
      })
      const error = yield* Effect.flip(Effect.provide(Decision.decide("hi", team), layer))
      assert.strictEqual(error._tag === "DecisionError" && error.reason._tag, "LowMass")
    }))

  const broken: ReadonlyArray<readonly [what: string, answers: ReadonlyArray<unknown>, reason: string]> = [
    ["refuses", [{ type: "refusal", name: "" }], "Refused"],
    ["leaves a question out", [], "InvalidAnswer"],
    ["leaves a label out", [{ probabilities: [{ value: "billing", probability: 1 }] }], "InvalidAnswer"],
    ["does not sum up to 1", [{
      probabilities: [{ value: "billing", probability: 0.9 }, { value: "technical", probability: 0.9 }]
    }], "InvalidAnswer"]
  ]
  for (const [what, answers, reason] of broken) {
    it.effect(`that ${what} gives no decision`, () =>
      Effect.gen(function*() {
        const { layer } = native("vllm", "0.33.0", { answers })
        const error = yield* Effect.flip(Effect.provide(Decision.decide("hi", team), layer))
        assert.strictEqual<string>(error.reason._tag, reason)
      }))
  }

  it.effect("keeps the answers of the other questions where one fails", () =>
    Effect.gen(function*() {
      const { layer } = native("vllm", "0.33.0", {
        answers: [
          { type: "refusal" },
          { probabilities: [{ value: "yes", probability: 0.7 }, { value: "no", probability: 0.3 }] }
        ]
      })
      const settled = yield* Effect.provide(
        Decision.decideSettled("hi", { team, urgent: Decision.predicate("Is it urgent?") }),
        layer
      )
      assert.strictEqual(settled.team._tag, "Failure")
      assert.strictEqual(settled.urgent._tag === "Success" && settled.urgent.success.label, "yes")
    }))
})
