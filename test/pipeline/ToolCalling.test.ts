import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import type * as Generation from "../../src/Generation.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as ToolText from "../../src/pipeline/generate/ToolText.ts"
import { Simulator } from "../../src/simulator/index.ts"
import type * as Options from "../../src/simulator/model/Options.ts"
import type { CallForm } from "../../src/template/CallForm.ts"
import * as Tool from "../../src/Tool.ts"
import { accepts } from "../structured/TgiLanguage.ts"
import * as World from "../World.ts"

const llm = InferenceEndpointsLLM.InferenceEndpointsLLM

const start = "<|im_start|>"
const end = "<|im_end|>"

/** Calls each in tags of its own. */
const tagged = `{%- if tools %}${start}system
Tools: {{ tools | tojson }}${end}
{% endif %}{%- for message in messages %}${start}{{ message.role }}
{{ message.content }}{% for call in message.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% if not loop.last %}{{ "\\n" }}{% endif %}{% endfor %}${end}
{% endfor %}{% if add_generation_prompt %}${start}assistant
{% endif %}`

/** Calls as one list of JSON. */
const listed = tagged.replace(
  /\{% for call in message.tool_calls %\}[^]*\{% endfor %\}(?=<\|im_end)/,
  `{% if message.tool_calls %}[TOOL_CALLS][{% for call in message.tool_calls %}{"name": "{{ call.function.name }}", ` +
    `"arguments": {{ call.function.arguments | tojson }}}{% if not loop.last %}, {% endif %}{% endfor %}]{% endif %}`
)

/** One call, and no more. */
const single = tagged.replace(
  /\{% for call in message.tool_calls %\}[^]*\{% endfor %\}(?=<\|im_end)/,
  `{% if message.tool_calls %}{% if message.tool_calls | length > 1 %}{{ raise_exception("one call at a time") }}{% endif %}` +
    `{"name": "{{ message.tool_calls[0].function.name }}", "parameters": {{ message.tool_calls[0].function.arguments | tojson }}}{% endif %}`
)

const weather = Tool.make("get_weather", {
  description: "The weather",
  parameters: Schema.Struct({ city: Schema.String, days: Schema.Int })
})
const time = Tool.make("get_time", { parameters: Schema.Struct({ zone: Schema.optionalKey(Schema.String) }) })
const many = Array.from({ length: 9 }, (_, index) =>
  Tool.make(`tool_${index}`, {
    parameters: Schema.Struct({ first: Schema.String, second: Schema.NullOr(Schema.String), third: Schema.Finite })
  }))

const world = (chatTemplate: string, server: Options.Options = {}, rest: InferenceEndpointsLLM.Options = {}) =>
  Layer.provideMerge(
    InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, chatTemplate, ...rest }),
    Simulator.layer({ engine: "tgi", ...server })
  )

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** The regex and the prompt of each request to `/generate`. */
const requests = Effect.map(World.bodies, (bodies) =>
  bodies.map(({ inputs, parameters }) => {
    const grammar = isRecord(parameters) && isRecord(parameters.grammar) ? parameters.grammar : {}
    return { inputs: String(inputs), regex: String(grammar.value) }
  }))

const rome = `{"name": "get_weather", "arguments": {"city": "Rome, \\"the\\" {eternal}", "days": 3}}`
const zone = `{"name": "get_time", "arguments": {}}`
const two = `<tool_call>\n${rome}\n</tool_call>\n<tool_call>\n${zone}\n</tool_call>`

/** A text in tokens with borders at the places given. */
const inTokens = (text: string, sizes: ReadonlyArray<number>) => {
  const points = Array.from(text)
  const tokens: Array<{ readonly text: string }> = []
  for (let at = 0, turn = 0; at < points.length; turn++) {
    const size = Math.max(1, sizes[turn % Math.max(1, sizes.length)] ?? 1)
    tokens.push({ text: points.slice(at, at + size).join("") })
    at += size
  }
  return tokens
}

const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 12 }))).check(Schema.isMinLength(1))

const asked = [
  { name: "get_weather", arguments: { city: "Rome, \"the\" {eternal}", days: 3 } },
  { name: "get_time", arguments: {} }
]

const called = (generation: Generation.Generation | undefined) =>
  (generation?.toolCalls ?? []).map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) }))

describe("tool calls on TGI with a template that knows tools", () => {
  it.effect.prop("stream whole and in parallel, wherever tokens end", [Sizes], ([sizes]) =>
    Effect.gen(function*() {
      const model = yield* llm
      const events = yield* Stream.runCollect(
        model.stream("Rome?", { tools: [weather, time], maxNewTokens: 900 })
      )
      const last = events.at(-1)
      const generation = last?._tag === "Finish" ? last.generation : undefined
      assert.deepStrictEqual(called(generation), asked)
      assert.strictEqual(generation?.finishReason, "tool_calls")
      assert.strictEqual(generation?.text, "One moment.")
      const streamed = events.filter((event) => event._tag === "ToolCall")
      for (const [index, { arguments: value }] of asked.entries()) {
        const text = streamed.filter((event) => event.index === index).map((event) => event.arguments).join("")
        assert.deepStrictEqual(JSON.parse(text), value)
      }
      assert.strictEqual(events.map((event) => event._tag === "Text" ? event.text : "").join(""), "One moment.")
    }).pipe(
      Effect.provide(world(tagged, { script: () => ({ tokens: inTokens(`One moment.${two}`, sizes) }) }))
    ), { arbitrary: { runs: 60 } })

  it.effect("are asked for under one regex of all tools, which takes text, a call, or several", () =>
    Effect.gen(function*() {
      const { generations: [generation] } = yield* (yield* llm).generate("Rome?", {
        tools: [weather, time],
        maxNewTokens: 900
      })
      assert.deepStrictEqual(called(generation), asked)
      const [request] = yield* requests
      assert.include(request?.inputs, "The weather")
      const takes = accepts({ type: "regex", value: request?.regex })
      assert.isTrue(takes(two))
      assert.isTrue(takes("It is 5 < 6 there."))
      assert.isTrue(takes(`Well,\n<tool_call>\n${zone}\n</tool_call>`))
      assert.isFalse(takes(`<tool_call>\n{"name": "get_weather", "arguments": {}}\n</tool_call>`))
      assert.isFalse(takes(`<tool_call>\n{"name": "other", "arguments": {}}\n</tool_call>`))
      assert.isFalse(takes("<tool_call>\nwords"))
    }).pipe(Effect.provide(world(tagged, { script: () => ({ text: two }) }))))

  for (const [name, template] of Object.entries({ tagged, listed, single })) {
    it.effect(`are each complete when one is demanded (${name})`, () =>
      Effect.gen(function*() {
        const model = yield* llm
        for (let seed = 1; seed <= 12; seed++) {
          const { generations: [generation] } = yield* model.generate(`turn ${seed}`, {
            tools: [weather, time],
            toolChoice: "required",
            seed,
            temperature: 0.7,
            maxNewTokens: 900
          })
          if (generation === undefined) return assert.fail("no generation")
          assert.isNotEmpty(yield* Tool.calls([weather, time], generation))
          if (template === single) assert.lengthOf(generation.toolCalls, 1)
        }
      }).pipe(Effect.provide(world(template))))

    it.effect(`are asked for in two stages where all tools are too much for one regex (${name})`, () =>
      Effect.gen(function*() {
        const model = yield* llm
        for (let seed = 1; seed <= 6; seed++) {
          const events = yield* Stream.runCollect(model.stream(`turn ${seed}`, {
            tools: many,
            toolChoice: "required",
            seed,
            temperature: 0.7,
            maxNewTokens: 900
          }))
          const last = events.at(-1)
          if (last?._tag !== "Finish") return assert.fail("no generation")
          assert.isNotEmpty(yield* Tool.calls(many, last.generation))
          assert.strictEqual(last.generation.finishReason, "tool_calls")
        }
        for (const { regex } of yield* requests) assert.isBelow(regex.length, 1300)
        assert.isAtLeast((yield* requests).length, 12)
      }).pipe(Effect.provide(world(template))))
  }

  it.effect("follow the thought that the prompt opens", () =>
    Effect.gen(function*() {
      const { generations: [generation] } = yield* (yield* llm).generate("Rome?", {
        tools: [weather, time],
        toolChoice: "required",
        splitReasoning: true
      })
      assert.deepStrictEqual(called(generation), asked)
      assert.strictEqual(generation?.reasoning?.trim(), "Is it </i> warm?")
      const [request] = yield* requests
      const takes = accepts({ type: "regex", value: request?.regex })
      assert.isTrue(takes(`Is it </i> warm?</think>\n\n${two}`))
      assert.isFalse(takes("Is it warm?</think>\n\nIt is."))
    }).pipe(
      Effect.provide(world(tagged.replace("assistant\n{% endif", "assistant\n<think>\n{% endif"), {
        script: () => ({ text: `Is it </i> warm?</think>\n\n${two}` })
      }))
    ))

  it.effect("may be none: text stays text in two stages too", () =>
    Effect.gen(function*() {
      const { generations: [generation] } = yield* (yield* llm).generate("hello", { tools: many })
      assert.strictEqual(generation?.text, "Use {braces}")
      assert.lengthOf(generation?.toolCalls ?? [], 0)
      assert.strictEqual(generation?.finishReason, "stop")
      assert.lengthOf(yield* requests, 1)
    }).pipe(Effect.provide(world(tagged, { script: () => ({ text: "Use {braces}" }) }))))

  it.effect("are shown to the model with its own earlier calls as values", () =>
    Effect.gen(function*() {
      yield* (yield* llm).generate([
        { role: "user", content: "Rome?" },
        {
          role: "assistant",
          content: "",
          tool_calls: [{ id: "0", type: "function", function: { name: "get_time", arguments: "{\"zone\":\"CET\"}" } }]
        },
        { role: "tool", tool_call_id: "0", content: "noon" }
      ], { tools: [time] })
      const [request] = yield* requests
      assert.include(request?.inputs, "\"arguments\": {\"zone\": \"CET\"}}\n</tool_call>")
    }).pipe(Effect.provide(world(tagged, { script: () => ({ text: "Noon." }) }))))

  it.effect("of a schema that recurs never reach the server as a schema", () =>
    Effect.gen(function*() {
      const node = {
        type: "object",
        properties: { next: { $ref: "#" }, value: { type: "string" } },
        required: ["value"]
      }
      const tools = [{ name: "walk", parameters: node }]
      const { generations: [generation] } = yield* (yield* llm).generate("walk", { tools, toolChoice: "required" })
      assert.strictEqual(generation?.toolCalls[0]?.name, "walk")
      for (const { inputs, regex } of yield* requests) {
        assert.notInclude(regex, "$ref")
        assert.notInclude(inputs, "$ref")
        assert.include(inputs, "next")
      }
    }).pipe(Effect.provide(world(tagged))))

  it.effect("can be left to the router", () =>
    Effect.gen(function*() {
      yield* (yield* llm).generate("Rome?", { tools: [weather], toolChoice: "required", maxNewTokens: 400 })
      const [body] = yield* World.bodies
      assert.property(body, "tools")
      assert.property(body, "messages")
    }).pipe(Effect.provide(world(tagged, {}, { toolCalls: "engine" }))))

  it.effect("are left to the router where the template knows no tools", () =>
    Effect.gen(function*() {
      yield* (yield* llm).generate("Rome?", { tools: [weather], toolChoice: "required", maxNewTokens: 400 })
      const [body] = yield* World.bodies
      assert.property(body, "messages")
    }).pipe(Effect.provide(world("{% for message in messages %}{{ message.content }}{% endfor %}"))))
})

describe("a text with calls", () => {
  const form: CallForm = {
    open: "<tool_call>\n{\"name\": \"",
    middle: "\", \"arguments\": ",
    between: "}\n</tool_call>\n<tool_call>\n{\"name\": \"",
    close: "}\n</tool_call>"
  }

  const read = (pieces: ReadonlyArray<string>) => {
    const push = ToolText.make(form)
    return [...pieces.map((text) => push({ text })), push({ finishReason: "eos_token" })]
  }

  it.prop("is told apart the same way, however it is cut", [Sizes], ([sizes]) => {
    for (
      const text of ["no call < at all <tool", two, `Well.\n\n${two}`, `<tool_call>\n${zone}\n</tool_call> and more`]
    ) {
      const whole = read([text])
      const cut = read(inTokens(text, sizes).map(({ text }) => text))
      const textOf = (deltas: typeof whole) => deltas.map(({ text = "" }) => text).join("")
      const callsOf = (deltas: typeof whole) => {
        const calls: Array<{ name: string; arguments: string }> = []
        for (const { toolCalls = [] } of deltas) {
          for (const { arguments: more, index = 0, name } of toolCalls) {
            if (name !== undefined) calls[index] = { name, arguments: "" }
            const call = calls[index]
            if (call !== undefined) call.arguments += more
          }
        }
        return calls
      }
      assert.strictEqual(textOf(cut).trim(), textOf(whole).trim())
      assert.deepStrictEqual(callsOf(cut), callsOf(whole))
    }
  })
})
