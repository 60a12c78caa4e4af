import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Schema } from "effect"
import { Decision, DecisionModel } from "effect/ai"
import * as HuggingFaceDecisionModel from "../../src/ai/HuggingFaceDecisionModel.ts"
import * as World from "../World.ts"

const Ticket = Decision.make({
  input: Schema.Struct({ subject: Schema.String }),
  decisions: {
    team: Decision.classify({ instructions: "Which team?", criteria: { billing: "payments", technical: null } }),
    anger: Decision.rate({ instructions: "How angry?", criteria: ["calm", "annoyed", "furious"] }),
    urgent: Decision.probability({ instructions: "It cannot wait" })
  }
})

const answers: Readonly<Record<string, ReadonlyArray<readonly [string, number]>>> = {
  "Which team?": [["billing", 0.6], ["technical", 0.3], ["I", 0.1]],
  "How angry?": [["calm", 0.25], ["annoyed", 0.5], ["furious", 0.25]],
  "It cannot wait": [["yes", 0.9], ["No", 0.1]]
}

const model = (told: typeof answers, engine: World.Simulated = "llamacpp") =>
  Layer.provide(
    HuggingFaceDecisionModel.layerWith(),
    World.layer({
      engine,
      server: {
        script: (_, prompt) => {
          const list = Object.entries(told).find(([instructions]) => prompt.includes(instructions))?.[1] ?? []
          const top = list.map(([text, probability]) => ({ text, logprob: Math.log(probability) }))
          const [best] = top.toSorted((a, b) => b.logprob - a.logprob)
          return best === undefined ? undefined : { tokens: [{ ...best, top }] }
        }
      }
    })
  )

const decide = Effect.flatMap(
  DecisionModel.DecisionModel,
  (model) => model.decide(Ticket, { input: { subject: "charged twice" } })
)

describe("the decision model", () => {
  it.effect("classifies, rates and estimates in one call", () =>
    Effect.gen(function*() {
      const { answers, metadata, usage } = yield* decide
      assert.strictEqual(answers.team.label, "billing")
      assert.approximately(answers.team.probabilities.technical, 1 / 3, 1e-6)
      assert.approximately(answers.anger.rating, 1, 1e-6)
      assert.strictEqual(answers.anger.label, "annoyed")
      assert.approximately(answers.urgent.probability, 0.9, 1e-6)
      assert.isAbove(usage.inputTokens ?? 0, 0)
      assert.approximately(
        Number((metadata["huggingface"] as { readonly mass: Record<string, number> }).mass["team"]),
        0.9,
        1e-6
      )
    }).pipe(Effect.provide(model(answers))))

  it.effect("keeps the other decisions where the model refuses one", () =>
    Effect.gen(function*() {
      const model = yield* DecisionModel.DecisionModel
      const { outcomes } = yield* model.decideSettled(Ticket, { input: { subject: "charged twice" } })
      assert.isTrue(Result.isSuccess(outcomes.team))
      assert.strictEqual(Result.isFailure(outcomes.urgent) && outcomes.urgent.failure.reason, "Refused")
    }).pipe(Effect.provide(model({ ...answers, "It cannot wait": [["I", 0.8], ["yes", 0.1], ["no", 0.1]] }))))

  it.effect("says what to do instead where the engine tells no log probabilities", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(decide)
      assert.strictEqual(error.reason._tag, "InvalidUserInputError")
      assert.include(error.message, "log probabilities")
    }).pipe(Effect.provide(model(answers, "hf-serve"))))
})
