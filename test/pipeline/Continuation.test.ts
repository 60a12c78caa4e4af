import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { accepts } from "../structured/TgiLanguage.ts"
import * as World from "../World.ts"

const llm = InferenceEndpointsLLM.InferenceEndpointsLLM

const Person = Schema.Struct({ name: Schema.String, town: Schema.NullOr(Schema.String), age: Schema.Int })
const People = Schema.Struct({ people: Schema.Array(Person) })

const people = {
  people: Array.from({ length: 110 }, (_, index) => ({
    name: `Person ${index} "the ${"very ".repeat(index % 3)}first"\nof ${index}`,
    town: index % 4 === 0 ? null : `Town ${index * 7919} 😀`,
    age: index
  }))
}
const long = JSON.stringify(people)

/** A model that writes one text, whatever part of it the prompt holds already. */
const writing = (text: string, from = "assistant\n") => (_request: unknown, prompt: string) => {
  const before = prompt.slice(prompt.lastIndexOf(from) + from.length)
  return { text: text.startsWith(before) ? text.slice(before.length) : `?${before.length}` }
}

const world = (text = long, setup: World.Setup = {}) =>
  World.layer({
    ...setup,
    server: { maxTotalTokens: 20_000, script: writing(text), ...setup.server },
    target: {
      engine: {
        kind: "tgi",
        source: "override",
        version: "3.3.7",
        limits: { maxTotalTokens: 20_000, maxInputTokens: 19_999 }
      },
      ...setup.target
    }
  })

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The regex of a request on either route, and how many tokens it asks for. */
const asked = (body: Readonly<Record<string, unknown>>) => {
  const parameters = isRecord(body.parameters) ? body.parameters : {}
  const grammar = parameters.grammar ?? body.response_format
  return {
    regex: isRecord(grammar) && grammar.type === "regex" ? String(grammar.value) : undefined,
    tokens: Number(parameters.max_new_tokens ?? body.max_tokens),
    text: typeof body.inputs === "string" ? body.inputs : JSON.stringify(body.messages)
  }
}

const raw = (text: string) => ({ raw: `<|im_start|>user\n${text}<|im_end|>\n<|im_start|>assistant\n` })

describe("an object of more tokens than a slice of TGI", () => {
  for (const [route, input] of [["raw", raw("people")], ["chat", "people"]] as const) {
    for (const delivery of ["stream", "unary"] as const) {
      it.effect(`comes whole on the ${route} route (${delivery})`, () =>
        Effect.gen(function*() {
          const { generation, value } = yield* (yield* llm).generateObject(input, {
            schema: People,
            maxNewTokens: 9000,
            delivery
          })
          assert.deepStrictEqual(value, people)
          const requests = (yield* World.bodies).map(asked)
          assert.isAbove(requests.length, 2)
          assert.isAbove(generation.statistics.outputTokens ?? 0, 3000)
          assert.strictEqual(generation.finishReason, "stop")
          assert.isBelow(generation.statistics.inputTokens ?? 0, 40)
          for (const { regex, tokens } of requests) {
            assert.isAtMost(tokens, 1024)
            assert.isDefined(regex)
          }
        }).pipe(Effect.provide(world())))
    }
  }

  it.effect("is asked for under the regex of what may still follow, which takes exactly the rest", () =>
    Effect.gen(function*() {
      yield* (yield* llm).generateObject(raw("people"), { schema: People, maxNewTokens: 9000 })
      const requests = (yield* World.bodies).map(asked)
      const from = requests[0]?.text.length ?? 0
      for (const { regex = "", text } of requests) {
        const rest = long.slice(text.length - from)
        assert.strictEqual(long.startsWith(text.slice(from)), true)
        assert.isTrue(accepts({ type: "regex", value: regex })(rest))
        assert.isFalse(accepts({ type: "regex", value: regex })(`${rest}}`))
        assert.notMatch(text, /[ \uFFFD]$/)
      }
      // behind items of a list the same may follow
      assert.isAtMost(new Set(requests.map(({ regex }) => regex)).size, 3)
    }).pipe(Effect.provide(world())))

  it.effect("is one stream", () =>
    Effect.gen(function*() {
      const events = yield* Stream.runCollect((yield* llm).stream(raw("people"), {
        structuredOutput: { format: "json", schema: People },
        maxNewTokens: 9000
      }))
      assert.strictEqual(events.map((event) => event._tag === "Text" ? event.text : "").join(""), long)
      assert.strictEqual(events.filter(({ _tag }) => _tag === "Finish").length, 1)
      assert.strictEqual(events.at(-1)?._tag, "Finish")
    }).pipe(Effect.provide(world())))

  it.effect("reaches its reader at once, but for the last tokens of a slice", () =>
    Effect.gen(function*() {
      const seen = yield* Stream.runCollect(
        (yield* llm).stream(raw("people"), {
          structuredOutput: { format: "json", schema: People },
          maxNewTokens: 9000
        }).pipe(Stream.take(900))
      )
      assert.lengthOf(seen, 900)
      assert.lengthOf(yield* World.bodies, 1)
    }).pipe(Effect.provide(world(long, { server: { chunking: { events: 1 } } }))))

  it.effect("is broken where the slices are left to the server", () =>
    Effect.gen(function*() {
      const { generations: [generation] } = yield* (yield* llm).generate(raw("people"), {
        structuredOutput: { format: "json", schema: People },
        maxNewTokens: 9000,
        extra: { max_new_tokens: 9000 },
        continuation: false
      })
      assert.notStrictEqual(generation?.text, long)
    }).pipe(Effect.provide(world())))

  it.effect("ends at the limit, to the token", () =>
    Effect.gen(function*() {
      const { generations: [generation] } = yield* (yield* llm).generate(raw("people"), {
        structuredOutput: { format: "json", schema: People },
        maxNewTokens: 1500
      })
      assert.strictEqual(generation?.finishReason, "length")
      assert.strictEqual(generation?.statistics.outputTokens, 1500)
      assert.isTrue(long.startsWith(generation?.text ?? "?"))
    }).pipe(Effect.provide(world())))

  it.effect("ends at the end of the context", () =>
    Effect.gen(function*() {
      const { generations: [generation] } = yield* (yield* llm).generate(raw("people"), {
        structuredOutput: { format: "json", schema: People },
        maxNewTokens: 1500
      })
      assert.strictEqual(generation?.finishReason, "length")
      assert.isTrue(long.startsWith(generation?.text ?? "?"))
      assert.isAtLeast(generation?.statistics.outputTokens ?? 0, 1100)
    }).pipe(Effect.provide(world(long, {
      server: { maxTotalTokens: 1200 },
      target: {
        engine: {
          kind: "tgi",
          source: "override",
          version: "3.3.7",
          limits: { maxTotalTokens: 1200, maxInputTokens: 1199 }
        }
      }
    }))))

  it.effect("is an error where the server does not keep to its grammar", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generate(raw("people"), {
        structuredOutput: { format: "json", schema: People },
        maxNewTokens: 9000
      }))
      assert.strictEqual(error._tag, "InferenceError")
      assert.match(error.message, /does not enforce grammars/)
    }).pipe(Effect.provide(world("word ".repeat(3000)))))
})

describe("several generations", () => {
  it.effect("are each gone on with under a seed of their own", () =>
    Effect.gen(function*() {
      const { generations } = yield* (yield* llm).generate(raw("people"), {
        structuredOutput: { format: "json", schema: People },
        maxNewTokens: 9000,
        numGenerations: 2,
        seed: 7
      })
      assert.deepStrictEqual(generations.map(({ text }) => text), [long, long])
      const seeds = (yield* World.bodies).map(({ parameters }) => isRecord(parameters) ? parameters.seed : undefined)
      assert.deepStrictEqual(new Set(seeds), new Set([7, 8]))
      assert.isAbove(seeds.length, 4)
    }).pipe(Effect.provide(world())))
})

describe("where it cannot be gone on with", () => {
  it.effect("a slice is asked for, and asking for more is not tried", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generateObject(raw("people"), {
        schema: People,
        maxNewTokens: 9000,
        continuation: false,
        retries: 5
      }))
      assert.strictEqual(error._tag, "StructuredOutputError")
      assert.strictEqual(error.reason._tag, "Truncated")
      assert.deepStrictEqual((yield* World.bodies).map((body) => asked(body).tokens), [1024])
    }).pipe(Effect.provide(world())))

  it.effect("an answer of a wrong shape is asked for again all the same", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generateObject(raw("people"), {
        schema: People,
        maxNewTokens: 9000,
        continuation: false,
        retries: 2
      }))
      assert.strictEqual(error._tag === "StructuredOutputError" ? error.reason._tag : error._tag, "Mismatch")
      assert.lengthOf(yield* World.bodies, 3)
    }).pipe(Effect.provide(world(`{"people":1}`))))
})

describe("exact budgets", () => {
  const words = "word ".repeat(6000)

  for (const limit of [1500, 2048, 2500]) {
    for (const delivery of ["stream", "unary"] as const) {
      it.effect(`${limit} tokens are ${limit} on the raw route (${delivery})`, () =>
        Effect.gen(function*() {
          const { generations: [generation] } = yield* (yield* llm).generate(raw("words"), {
            maxNewTokens: limit,
            delivery
          })
          assert.strictEqual(generation?.statistics.outputTokens, limit)
          assert.strictEqual(generation?.finishReason, "length")
          assert.isTrue(words.startsWith(generation?.text ?? "?"))
        }).pipe(Effect.provide(world(words))))
    }
  }

  it.effect("a stop sequence is seen across the border", () =>
    Effect.gen(function*() {
      const { generations: [generation] } = yield* (yield* llm).generate(raw("words"), {
        maxNewTokens: 3000,
        stopSequences: ["end of it"]
      })
      assert.isTrue(generation?.text.endsWith("end of it"))
    }).pipe(Effect.provide(world(`${"word ".repeat(2046)}end of it and more`))))
})

describe("a text that is there already", () => {
  it.effect("is gone on with, behind the longest part that the grammar allows", () =>
    Effect.gen(function*() {
      const good = long.slice(0, 500)
      const { generations: [generation] } = yield* (yield* llm).generate(raw("people"), {
        structuredOutput: { format: "json", schema: People },
        maxNewTokens: 9000,
        continueFrom: `${good}\u0000 and prose`
      })
      assert.strictEqual(generation?.text, long)
      assert.isTrue(asked((yield* World.bodies)[0] ?? {}).text.endsWith(good))
    }).pipe(Effect.provide(world())))

  it.effect("is salvaged when it was cut, instead of being asked for anew", () =>
    Effect.gen(function*() {
      const { attempts, value } = yield* (yield* llm).generateObject(raw("people"), {
        schema: People,
        maxNewTokens: 700,
        retries: 4,
        salvage: true
      })
      assert.deepStrictEqual(value, people)
      assert.isAbove(attempts.length, 0)
      const requests = (yield* World.bodies).map(asked)
      for (const [index, { text }] of requests.entries()) {
        if (index > 0) assert.isAbove(text.length, requests[index - 1]?.text.length ?? 0)
      }
    }).pipe(Effect.provide(world())))

  it.effect("is salvaged when it is not JSON, behind what was good of it", () => {
    const good = long.slice(0, 500)
    const script = (request: unknown, prompt: string) =>
      prompt.endsWith("assistant\n") ? { text: `${good}\u0000 and prose` } : writing(long)(request, prompt)
    return Effect.gen(function*() {
      const { attempts, value } = yield* (yield* llm).generateObject(raw("people"), {
        schema: People,
        maxNewTokens: 9000,
        retries: 1,
        salvage: true
      })
      assert.deepStrictEqual(value, people)
      assert.lengthOf(attempts, 1)
      assert.isTrue(asked((yield* World.bodies)[1] ?? {}).text.endsWith(good))
    }).pipe(Effect.provide(world(long, { server: { script } })))
  })

  it.effect("is refused where no engine goes on with it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* llm).generate("people", { continueFrom: "a" }))
      assert.match(error.message, /only TGI continues a text/)
    }).pipe(Effect.provide(World.layer({ engine: "vllm" }))))
})

describe("a stream that broke off", () => {
  it.effect("is gone on with, as often as the caller says", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.fail(Fault.reset(100))
      const call = { structuredOutput: { format: "json", schema: People }, maxNewTokens: 9000 } as const
      const { generations: [generation] } = yield* (yield* llm).generate(raw("people"), {
        ...call,
        delivery: "stream",
        resume: 1
      })
      assert.strictEqual(generation?.text, long)
      yield* simulator.fail(Fault.reset(100))
      const error = yield* Effect.flip((yield* llm).generate(raw("people"), { ...call, delivery: "stream" }))
      assert.isTrue(error._tag === "InferenceError" && error.received?.text.length !== 0)
    }).pipe(Effect.provide(world())))

  it.effect("is counted with what came before the break: its tokens, its attempt, and what is left of the limit", () =>
    Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.reset(100))
      const { generations: [generation] } = yield* (yield* llm).generate(raw("words"), {
        maxNewTokens: 300,
        delivery: "stream",
        resume: 1
      })
      const [first, second, ...others] = (yield* World.bodies).map(asked)
      assert.deepStrictEqual([first?.tokens, second?.tokens, others], [300, 200, []])
      assert.deepInclude(generation?.statistics, { attempts: 2, outputTokens: 300 })
      assert.strictEqual(generation?.finishReason, "length")
    }).pipe(Effect.provide(world("word ".repeat(6000)))))

  it.effect("because the server says that it failed is not gone on with", () =>
    Effect.gen(function*() {
      yield* (yield* Simulator.Simulator).fail(Fault.crash(50))
      const error = yield* Effect.flip(
        (yield* llm).generate(raw("words"), { maxNewTokens: 300, delivery: "stream", resume: 3 })
      )
      assert.isTrue(error._tag === "InferenceError" && error.reason._tag === "GenerationFailed")
      assert.lengthOf(yield* World.bodies, 1)
    }).pipe(Effect.provide(world("word ".repeat(6000)))))
})
