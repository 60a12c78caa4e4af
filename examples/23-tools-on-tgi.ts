// Tools on TGI with a chat template that knows them: two calls at once, streamed with their arguments. Nine tools are too
// much for one grammar: the model names a tool first, and writes its arguments under that tool's own.
import { Console, Effect, Layer, Schema, Stream } from "effect"
import { InferenceEndpointsLLM, Tool } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"

// in the form of Qwen and Hermes; tokenizerId: "org/model" takes the template from a repository
const chatTemplate = `{%- if tools %}<|im_start|>system
Tools: {{ tools | tojson }}<|im_end|>
{% endif %}{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}{% for call in message.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% if not loop.last %}{{ "\\n" }}{% endif %}{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

const weather = Tool.make("get_weather", { parameters: Schema.Struct({ city: Schema.String, days: Schema.Int }) })
const time = Tool.make("get_time", { parameters: Schema.Struct({ zone: Schema.optionalKey(Schema.String) }) })

const program = Effect.gen(function*() {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const simulator = yield* Simulator.Simulator
  yield* llm.ready
  yield* simulator.answer({
    text: `One moment.<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome", "days": 3}}\n</tool_call>\n` +
      `<tool_call>\n{"name": "get_time", "arguments": {"zone": "CET"}}\n</tool_call>`
  })
  const events = yield* Stream.runCollect(llm.stream("Rome?", { tools: [weather, time] }))
  const pieces = events.filter((event) => event._tag === "ToolCall").length
  const last = events.at(-1)
  if (last?._tag !== "Finish") return
  for (const call of yield* Tool.calls([weather, time], last.generation)) {
    yield* Console.log(`${call.name} ${JSON.stringify(call.arguments)}`)
  }
  yield* Console.log(`"${last.generation.text}" and 2 calls in ${pieces} events, ${last.generation.finishReason}`)

  const many = Array.from({ length: 9 }, (_, index) =>
    Tool.make(`tool_${index}`, {
      parameters: Schema.Struct({ first: Schema.String, second: Schema.NullOr(Schema.String), third: Schema.Finite })
    }))
  const before = (yield* simulator.journal.entries).length
  const { generations: [generation] } = yield* llm.generate("any", {
    tools: many,
    toolChoice: "required",
    parallelToolCalls: false
  })
  const requests = (yield* simulator.journal.entries).length - before
  const calls = generation === undefined ? [] : yield* Tool.calls(many, generation)
  yield* Console.log(`nine tools: ${calls.length} call, its arguments decode, ${requests} requests`)
})

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false, chatTemplate }).pipe(
  Layer.provideMerge(Simulator.layer({}))
)

await Effect.runPromise(program.pipe(Effect.provide(Model)))
