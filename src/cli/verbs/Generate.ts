/**
 * `inference-endpoints generate`: one prompt, the generation as it comes.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Generation from "../../Generation.ts"
import * as InferenceEndpointsLLM from "../../InferenceEndpointsLLM.ts"
import * as Message from "../../Message.ts"
import * as Input from "../Input.ts"
import * as Program from "../Program.ts"
import * as Sampling from "../Sampling.ts"
import * as Target from "../Target.ts"
import * as Visible from "../Visible.ts"

const flags = {
  prompt: Argument.String("prompt").pipe(
    Argument.withDescription("The text; - stands for standard input, which comes after the text"),
    Argument.variadic()
  ),
  system: Flag.String("system").pipe(Flag.withDescription("A system message"), Flag.withDefault("")),
  raw: Flag.Boolean("raw").pipe(
    Flag.withDescription("Send the prompt as it is, without a chat template"),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print whole generations, one JSON line each"),
    Flag.withDefault(false)
  ),
  target: Target.flags,
  sampling: Sampling.flags
}

const inputOf = (prompt: string, system: string, raw: boolean): Message.Input =>
  raw ? { raw: prompt } : system === "" ? prompt : [Message.system(system), Message.user(prompt)]

/** A seed above 2^53 is a string of its digits. */
const plain = (_name: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

/** What a reader of the text alone would not notice. */
const told = ({ finishReason }: Generation.Generation): Effect.Effect<void> =>
  finishReason === "length"
    ? Console.error("The response was cut by the token limit: --max-new-tokens raises it")
    : Effect.void

const run = (
  given: {
    readonly json: boolean
    readonly prompt: ReadonlyArray<string>
    readonly raw: boolean
    readonly system: string
    readonly sampling: Sampling.Sampling
  }
) =>
  Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
    const stdio = yield* Stdio.Stdio
    const shown = yield* Visible.forStdout
    const options = yield* Sampling.optionsOf(given.sampling)
    const prompt = yield* Input.prompt(given.prompt)
    const input = inputOf(prompt, given.system, given.raw)
    if (!given.json && (options.numGenerations ?? 1) === 1) {
      yield* llm.stream(input, options).pipe(
        Stream.tap((event) => event._tag === "Finish" ? told(event.generation) : Effect.void),
        Stream.map((event) => event._tag === "Text" ? shown(event.text) : event._tag === "Finish" ? "\n" : ""),
        Stream.run(stdio.stdout({ endOnDone: false }))
      )
      return
    }
    const { generations } = yield* llm.generate(input, options)
    for (const generation of generations) {
      yield* Console.log(given.json ? JSON.stringify({ version: 1, ...generation }, plain) : shown(generation.text))
      yield* told(generation)
    }
  })

/** `generate`. */
export const main = Program.make(
  Command.make(
    "generate",
    flags,
    (given) => Effect.provide(run(given), Target.layer(given.target))
  ).pipe(Command.withDescription("Generate for one prompt"))
)
