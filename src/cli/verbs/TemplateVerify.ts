/**
 * `inference-endpoints template verify`: whether the server makes the same prompt from a conversation, and how the
 * template is known to behave in the server's own renderer.
 *
 * Exit codes: 0 the same · 1 a different prompt · 4 no server was asked, and its renderer is known to differ.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Dialects from "../../dialect/Dialects.ts"
import { InferenceEndpointsLLM } from "../../InferenceEndpointsLLM.ts"
import * as Message from "../../Message.ts"
import type { About } from "../../pipeline/About.ts"
import * as ChatTemplate from "../../template/ChatTemplate.ts"
import * as MiniJinja from "../../template/engine/MiniJinja.ts"
import { yes } from "../input/Flags.ts"
import * as Target from "../input/Target.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Visible from "../terminal/Visible.ts"

const decode = Schema.decodeEffect(Schema.fromJsonString(Message.Messages))

const Tgi = Schema.Struct({ templated_text: Schema.String })
const Vllm = Schema.Struct({ prompt_text: Schema.String })
const LlamaCpp = Schema.Struct({ prompt: Schema.String })

/** The prompt that the server itself makes, if its engine reports it; it ends with the generation prompt. */
const theirs = (
  llm: InferenceEndpointsLLM["Service"],
  { engine, model, served }: About,
  messages: ReadonlyArray<Message.Message>
) => {
  const said = Dialects.all[engine].messages(messages)
  switch (engine) {
    case "tgi":
      return Effect.map(
        llm.request("/chat_tokenize", { messages: said }, Tgi),
        ({ templated_text }): string | undefined => templated_text
      )
    case "vllm":
      return Effect.map(
        llm.request("/v1/chat/completions", {
          model: served ?? model,
          messages: said,
          max_tokens: 1,
          temperature: 0,
          return_prompt_text: true
        }, Vllm),
        ({ prompt_text }): string | undefined => prompt_text
      )
    case "llamacpp":
      return Effect.map(
        llm.request("/apply-template", { messages: said }, LlamaCpp),
        ({ prompt }): string | undefined => prompt
      )
    default:
      return Effect.succeed(undefined)
  }
}

const effects: { readonly [E in MiniJinja.Finding["effect"]]: string } = {
  stops: "keeps TGI from starting",
  fails: "is refused by TGI",
  differs: "differs on TGI"
}

const compare = Effect.fnUntraced(function*(messages: ReadonlyArray<Message.Message>, ours: string) {
  const llm = yield* InferenceEndpointsLLM
  const about = yield* llm.about
  const prompt = yield* theirs(llm, about, messages)
  return prompt === undefined
    ? { engine: about.engine, asked: false as const }
    : { engine: about.engine, asked: true as const, difference: ChatTemplate.difference(ours, prompt) }
})

type Compared = Effect.Success<ReturnType<typeof compare>>

const tell = Effect.fnUntraced(function*(findings: ReadonlyArray<MiniJinja.Finding>, compared: Compared | undefined) {
  if (compared?.asked === true) {
    const { difference, engine } = compared
    yield* difference === undefined
      ? Console.log(`the same prompt here and on ${engine}`)
      : Console.log(
        `a different prompt on ${engine}, from character ${difference.offset} on\n  here   ${
          Visible.visible(JSON.stringify(difference.ours))
        }\n  there  ${Visible.visible(JSON.stringify(difference.theirs))}`
      )
  } else if (compared !== undefined) yield* Console.log(`${compared.engine} does not report the prompt that it makes`)
  for (const { effect, feature, line } of findings) yield* Console.log(`line ${line} ${effects[effect]}: ${feature}`)
  if (findings.length === 0) yield* Console.log("nothing in the template is known to differ in TGI's renderer")
})

/** The flags of a conversation and its template. @category flags @since 0.2.0 */
export const conversation = {
  messages: Argument.String("messages").pipe(
    Argument.withDescription("The conversation as JSON; - reads standard input")
  ),
  template: Flag.FileText("template").pipe(Flag.withDescription("A file with the template (chat_template.jinja)"))
}

/** What these flags name. @category reading @since 0.2.0 */
export const read = Effect.fnUntraced(function*(given: { readonly messages: string; readonly template: string }) {
  const { stdin } = yield* Stdio.Stdio
  const text = given.messages === "-" ? yield* Stream.mkString(Stream.decodeText(stdin)) : given.messages
  return { messages: yield* decode(text), template: yield* Effect.fromResult(ChatTemplate.compile(given.template)) }
})

/**
 * The command.
 *
 * @category commands
 * @since 0.2.0
 */
export const command = Command.make("verify", {
  ...conversation,
  offline: yes("offline", "Ask no server: only report what is known about the template"),
  json: yes("json", "Print JSON"),
  target: Target.flags
}, ({ json, offline, target, ...given }) =>
  Effect.gen(function*() {
    const { messages, template } = yield* read(given)
    const ours = yield* Effect.fromResult(ChatTemplate.render(template, { messages, add_generation_prompt: true }))
    const findings = MiniJinja.findings(given.template)
    const compared = offline
      ? undefined
      : yield* compare(messages, ours).pipe(Effect.provide(Target.layer({ ...target, tokenizer: undefined })))
    if (json) yield* Console.log(Json.line({ ...compared, minijinja: findings }))
    else yield* tell(findings, compared)
    const isOther = compared?.asked === true && compared.difference !== undefined
    if (isOther) return yield* new CommandExit({ code: 1 })
    if (compared?.asked !== true && findings.length > 0) return yield* new CommandExit({ code: 4 })
  })).pipe(
    Command.withDescription(
      "Whether the server makes the same prompt, and what the template does in TGI's renderer. Exit codes: 0 same, 1 other, 4 known to differ"
    )
  )
