/**
 * `inference-endpoints chat`: a conversation in the terminal. An interrupt stops the response and not the program.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import * as InferenceEndpointsLLM from "../../InferenceEndpointsLLM.ts"
import * as Message from "../../Message.ts"
import { defaulted } from "../input/Flags.ts"
import * as Sampling from "../input/Sampling.ts"
import * as Target from "../input/Target.ts"
import * as Program from "../terminal/Program.ts"
import * as Signals from "../terminal/Signals.ts"
import * as Visible from "../terminal/Visible.ts"

const help = `/system TEXT  set the system message, and start over
/new          start over
/save FILE    write the conversation as JSON, readable by you alone
/exit         quit; so does Ctrl-D`

interface Conversation {
  readonly system: string
  readonly messages: ReadonlyArray<Message.Message>
}

const all = ({ messages, system }: Conversation): ReadonlyArray<Message.Message> =>
  system === "" ? messages : [Message.system(system), ...messages]

/** Streams one response. If it is stopped, the text that had arrived is the model's turn. */
const respond = Effect.fnUntraced(function*(conversation: Conversation, options: Sampling.Sampling) {
  const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
  const terminal = yield* Terminal.Terminal
  const signals = yield* Signals.Signals
  const call = yield* Sampling.optionsOf(options)
  let said = ""
  const fiber = yield* Effect.forkChild(
    llm.stream(all(conversation), call).pipe(
      Stream.runForEach((event) => {
        if (event._tag === "Finish") {
          return event.generation.finishReason === "length"
            ? Console.error("\n(cut by the token limit: --max-new-tokens raises it)")
            : Effect.void
        }
        if (event._tag === "TextWasReasoning") said = ""
        if (event._tag !== "Text") return Effect.void
        said += event.text
        return terminal.display(Visible.visible(event.text))
      })
    )
  )
  const exit = yield* signals.during(() => fiber.interruptUnsafe(), Fiber.await(fiber))
  yield* terminal.display("\n")
  if (Exit.isFailure(exit)) {
    const failure = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
    if (failure !== undefined) yield* Console.error(Visible.visible(failure.message))
  }
  return said
})

const save = Effect.fnUntraced(function*(path: string, conversation: Conversation) {
  const files = yield* FileSystem.FileSystem
  yield* files.writeFileString(path, `${JSON.stringify(all(conversation), null, 2)}\n`, { mode: 0o600 }).pipe(
    Effect.andThen(Console.error(`saved to ${path}`)),
    Effect.catch((error) => Console.error(`${path} was not written: ${error.message}`))
  )
})

const begun = (system: string): Conversation => ({ system, messages: [] })

/** One line that the user typed: a command, or a message. Undefined ends the conversation. */
const turn = Effect.fnUntraced(function*(
  line: string,
  conversation: Conversation,
  options: Sampling.Sampling
) {
  const [word = "", ...rest] = line.trim().split(" ")
  const argument = rest.join(" ")
  switch (word) {
    case "":
      return conversation
    case "/exit":
      return undefined
    case "/new":
      return begun(conversation.system)
    case "/system":
      return begun(argument)
    case "/save":
      yield* argument === "" ? Console.error("/save needs a file") : save(argument, conversation)
      return conversation
    case "/help":
      yield* Console.error(help)
      return conversation
  }
  const asked = { ...conversation, messages: [...conversation.messages, Message.user(line)] }
  const said = yield* respond(asked, options)
  // a history never contains two user turns in a row
  return said === "" ? conversation : { ...asked, messages: [...asked.messages, Message.assistant(said)] }
})

const converse = Effect.fnUntraced(function*(system: string, options: Sampling.Sampling) {
  const terminal = yield* Terminal.Terminal
  yield* Console.error("/help lists the commands; Ctrl-C stops a response, Ctrl-D ends")
  let conversation: Conversation | undefined = begun(system)
  while (conversation !== undefined) {
    yield* terminal.display("> ")
    const line: string | undefined = yield* Effect.catch(terminal.readLine, () => Effect.undefined)
    conversation = line === undefined ? undefined : yield* turn(line, conversation, options)
  }
})

const flags = {
  system: defaulted(Flag.String("system"), "The system message", ""),
  target: Target.flags,
  sampling: Sampling.flags
}

/** `chat`. */
export const main = Program.make(
  Command.make(
    "chat",
    flags,
    ({ sampling, system, target }) => Effect.provide(converse(system, sampling), Target.layer(target))
  ).pipe(
    Command.withDescription("A conversation in the terminal"),
    Command.withExamples([{ command: "inference-endpoints chat --endpoint my-llm --system \"Be brief\"" }])
  )
)
