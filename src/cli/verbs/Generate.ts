/**
 * `inference-endpoints generate`: one prompt, the generation as it arrives.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Generation from "../../Generation.ts"
import * as GenerationOptions from "../../GenerationOptions.ts"
import * as InferenceEndpointsLLM from "../../InferenceEndpointsLLM.ts"
import * as Message from "../../Message.ts"
import type { CallOptions } from "../../Settings.ts"
import { defaulted, optional, text, yes } from "../input/Flags.ts"
import * as Images from "../input/Images.ts"
import * as Input from "../input/Input.ts"
import * as Sampling from "../input/Sampling.ts"
import * as Target from "../input/Target.ts"
import * as Json from "../terminal/Json.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"
import * as Visible from "../terminal/Visible.ts"

const flags = {
  prompt: Argument.String("prompt").pipe(
    Argument.withDescription("The text; piped input is appended to it, and - stands for the piped input only"),
    Argument.variadic()
  ),
  system: defaulted(Flag.String("system"), "A system message", ""),
  image: Flag.String("image").pipe(
    Flag.withMetavar("FILE|URL"),
    Flag.withDescription("An image with the text, for engines that accept images; may be repeated"),
    Flag.atLeast(0)
  ),
  schema: optional(Flag.FileText("schema"), "A file with the JSON Schema of the value"),
  regex: text("regex", "A regular expression that the whole text must match"),
  tools: optional(
    Flag.FileText("tools"),
    "A file with a JSON list of tools (name, description, parameters); calls are printed as JSON lines"
  ),
  toolChoice: text("tool-choice", "auto, none, required, or the name of one"),
  raw: yes("raw", "Send the prompt as it is, without a chat template"),
  json: yes("json", "Print whole generations, one JSON line each"),
  target: Target.flags,
  sampling: Sampling.flags
}

type Given = Command.Command.Config.Infer<typeof flags>

const inputOf = Effect.fnUntraced(function*({ image, prompt, raw, system }: Given) {
  const text = yield* Input.prompt(prompt)
  if (raw) {
    const input: Message.Input = { raw: text }
    return image.length === 0 && system === ""
      ? input
      : yield* Notice.usage("--raw sends one text: it cannot be combined with --system and --image")
  }
  const images = yield* Effect.forEach(image, Images.read)
  const content = images.length === 0 ? text : [{ type: "text" as const, text }, ...images]
  const messages: Message.Input = [
    ...(system === "" ? [] : [Message.system(system)]),
    Message.user(content)
  ]
  return messages
})

const Named = Schema.Struct({
  name: Schema.String,
  description: Schema.optionalKey(Schema.String),
  parameters: Schema.optionalKey(Schema.Unknown)
})

/** Tools as this package writes them, or in OpenAI's form. */
const Tools = Schema.fromJsonString(Schema.Array(Schema.Union([Schema.Struct({ function: Named }), Named])))

const toolsOf = (text: string) =>
  Schema.decodeEffect(Tools)(text).pipe(
    Effect.map((tools): CallOptions["tools"] =>
      tools.map((tool) => ({
        parameters: { type: "object", properties: {} },
        ...("function" in tool ? tool.function : tool)
      }))
    ),
    Effect.catch((error) => Notice.usage(`--tools is not a list of tools: ${error.message}`))
  )

const choiceOf = (choice: string): CallOptions["toolChoice"] =>
  choice === "auto" || choice === "none" || choice === "required" ? choice : { name: choice }

const optionsOf = Effect.fnUntraced(function*({ regex, sampling, toolChoice, tools }: Given) {
  const options: CallOptions = {
    ...(yield* Sampling.optionsOf(sampling)),
    ...(tools !== undefined && { tools: yield* toolsOf(tools) }),
    ...(toolChoice !== undefined && { toolChoice: choiceOf(toolChoice) }),
    ...(regex !== undefined && { structuredOutput: { format: "regex", schema: regex } })
  }
  return options
})

/** A seed above 2^53 is a string of its digits. */
const plain = (_name: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

/** What a reader of the text would not notice. */
const told = ({ finishReason }: Generation.Generation): Effect.Effect<void> =>
  finishReason === "length"
    ? Console.error("The response was cut by the token limit: --max-new-tokens raises it")
    : Effect.void

/** What follows the text: the calls, one JSON line each. */
const calls = ({ text, toolCalls }: Generation.Generation): string =>
  (text === "" && toolCalls.length > 0 ? "" : "\n") +
  toolCalls.map(({ arguments: given, id, name }) => `${JSON.stringify({ tool: name, id, arguments: given })}\n`).join(
    ""
  )

const Document = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))

const waiting = Notice.whileWaiting("waiting for the response (Ctrl-C stops it)")

/** A value of a schema: it is checked, and therefore printed as a whole. */
const value = Effect.fnUntraced(function*(text: string, input: Message.Input, options: CallOptions, json: boolean) {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const shown = yield* Visible.forStdout
  const schema = yield* Effect.catch(
    Schema.decodeEffect(Document)(text),
    () => Notice.usage("--schema is not a JSON object")
  )
  if (options.numGenerations !== undefined && options.numGenerations > 1) {
    return yield* Notice.usage("--schema generates one value: run it several times, or use batch")
  }
  const { numGenerations: _, structuredOutput: _structure, ...call } = options
  const { dropped, generation, value } = yield* waiting(llm.generateObject(input, { ...call, schema }))
  for (const { keyword, path } of dropped) {
    yield* Notice.say(
      `the engine does not enforce ${keyword} at ${path.join(".") || "the root"}; the value was checked here`
    )
  }
  yield* Console.log(json ? Json.line({ value, generation }, plain) : shown(JSON.stringify(value)))
})

/** Text as it arrives, and a notice when none arrives for a second. */
const streamed = Effect.fnUntraced(function*(input: Message.Input, options: CallOptions) {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const stdio = yield* Stdio.Stdio
  const shown = yield* Visible.forStdout
  const begun = yield* Deferred.make<void>()
  const finished: Array<Generation.Generation> = []
  yield* Effect.forkChild(waiting(Deferred.await(begun)))
  yield* llm.stream(input, options).pipe(
    Stream.tap(() => Deferred.succeed(begun, undefined)),
    Stream.map((event) => {
      if (event._tag === "Text") return shown(event.text)
      if (event._tag !== "Finish") return ""
      finished.push(event.generation)
      return shown(calls(event.generation))
    }),
    Stream.filter((text) => text !== ""),
    Stream.run(stdio.stdout({ endOnDone: false }))
  )
  // after the text, and on a line of its own
  for (const generation of finished) yield* told(generation)
})

const run = (given: Given) =>
  Effect.gen(function*() {
    const options = yield* optionsOf(given)
    if (given.schema !== undefined && given.regex !== undefined) {
      return yield* Notice.usage("--schema and --regex cannot be combined")
    }
    const input = yield* inputOf(given)
    if (given.schema !== undefined) return yield* value(given.schema, input, options, given.json)
    if (!given.json && (options.numGenerations ?? 1) === 1) return yield* streamed(input, options)
    const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
    const shown = yield* Visible.forStdout
    const { generations } = yield* waiting(llm.generate(input, options))
    for (const generation of generations) {
      yield* Console.log(
        given.json
          ? Json.line({ ...generation }, plain)
          : shown(generation.text + calls(generation)).trimEnd()
      )
      yield* told(generation)
    }
  })

/** `generate`. */
export const main = Program.make(
  Command.make(
    "generate",
    flags,
    (given) => Effect.provide(run(given), Target.layer(given.target))
  ).pipe(
    Command.withDescription("Generate for one prompt"),
    Command.withExamples([
      { command: "inference-endpoints generate \"Why is the sky red?\" --model meta-llama/Llama-3.1-8B-Instruct" },
      {
        command: "git diff | inference-endpoints generate \"Say what changed\" --endpoint my-llm",
        description: "Piped input is appended to the prompt"
      },
      {
        command: "inference-endpoints generate \"A user\" --schema user.json -u http://localhost:8080",
        description: "A value that fits the schema"
      },
      {
        command: `inference-endpoints generate "Hi" --options '{"topK":50,"stopSequences":["###"]}' --json`,
        description: `All options: ${Object.keys(GenerationOptions.GenerationOptions.fields).join(", ")}`
      }
    ])
  )
)
