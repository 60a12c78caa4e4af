/**
 * `inference-endpoints template`: the prompt that a chat template makes from a conversation, here and on a server.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as ChatTemplate from "../../template/ChatTemplate.ts"
import { defaulted } from "../input/Flags.ts"
import * as Program from "../terminal/Program.ts"
import * as Visible from "../terminal/Visible.ts"
import * as TemplateVerify from "./TemplateVerify.ts"

const render = Command.make("render", {
  ...TemplateVerify.conversation,
  generationPrompt: defaulted(Flag.Boolean("generation-prompt"), "End with the start of the assistant's turn", true)
}, (given) =>
  Effect.gen(function*() {
    const stdio = yield* Stdio.Stdio
    const { messages, template } = yield* TemplateVerify.read(given)
    const variables = { messages, add_generation_prompt: given.generationPrompt }
    const prompt = yield* Effect.fromResult(ChatTemplate.render(template, variables))
    const shown = yield* Visible.forStdout
    yield* Stream.run(Stream.make(shown(prompt)), stdio.stdout({ endOnDone: false }))
  })).pipe(Command.withDescription("Print the prompt that a template makes of messages"))

/** `template` with its subcommands. */
export const main = Program.make(
  Command.make("template").pipe(
    Command.withDescription("Chat templates: render them without a server, or compare with one"),
    Command.withSubcommands([render, TemplateVerify.command])
  )
)
