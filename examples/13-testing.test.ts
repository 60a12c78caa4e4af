// A program under test, in two ways: with scripted answers and no wire, and over the wire of a simulated server.
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { InferenceEndpointsLLM, InferenceError, Message } from "effect-inference-endpoints"
import { Fault, Simulator } from "effect-inference-endpoints/simulator"

/** The program: names a mood, or shrugs when the model is too busy. */
const mood = Effect.fn("mood")(function*(text: string) {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const { generations } = yield* llm.generate([Message.system("Answer with one word."), Message.user(text)], {
    maxNewTokens: 4
  })
  return generations[0]?.text.trim().toLowerCase() ?? ""
}, Effect.catchReason("InferenceError", "Overloaded", () => Effect.succeed("¯\\_(ツ)_/¯")))

describe("with scripted answers", () => {
  it.effect("the answer is lower-cased", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* mood("What a day!"), "happy")
    }).pipe(Effect.provide(InferenceEndpointsLLM.layerTest(() => " Happy"))))

  it.effect("a busy model is a shrug", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* mood("What a day!"), "¯\\_(ツ)_/¯")
    }).pipe(Effect.provide(InferenceEndpointsLLM.layerTest(() =>
      new InferenceError.InferenceError({
        method: "POST /v1/chat/completions",
        reason: new InferenceError.Overloaded({ status: 429, description: "Model is overloaded" }),
        attempts: 4
      })
    ))))
})

describe("over a simulated server", () => {
  const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false }).pipe(
    Layer.provideMerge(Simulator.layer({}))
  )

  it.effect("the system message is sent first", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "Sad" })
      assert.strictEqual(yield* mood("Rain again."), "sad")
      const sent = (yield* simulator.journal.entries).find(({ request }) => request.method === "POST")
      assert.deepInclude(sent?.request.json, {
        messages: [
          { role: "system", content: "Answer with one word." },
          { role: "user", content: "Rain again." }
        ]
      })
    }).pipe(Effect.provide(Model)))

  it.live("a connection that breaks before the answer is tried again", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.fail(Fault.reset(0))
      // the failing attempt uses up an answer too
      yield* simulator.answer({ text: "Fine" }, { text: "Fine" })
      assert.strictEqual(yield* mood("And now?"), "fine")
    }).pipe(Effect.provide(Model)))
})
