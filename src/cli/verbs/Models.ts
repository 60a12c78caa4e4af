/**
 * `inference-endpoints models`: who serves a model on the router, at what price, with which features.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Endpoint from "../../endpoint/Endpoint.ts"
import { yes } from "../input/Flags.ts"
import * as Target from "../input/Target.ts"
import * as Json from "../terminal/Json.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"
import * as Table from "../terminal/Table.ts"

const flags = {
  model: Argument.String("model").pipe(
    Argument.withDescription("A model id, such as meta-llama/Llama-3.1-8B-Instruct")
  ),
  json: yes("json", "Print the offers as JSON"),
  token: Target.flags.token,
  tokenFile: Target.flags.tokenFile
}

const head = ["PROVIDER", "STATUS", "CONTEXT", "$/M IN", "$/M OUT", "TOOLS", "STRUCTURED", "TOK/S"]

const known = (value: number | null | undefined): string => value === null || value === undefined ? "?" : String(value)
const has = (value: boolean | null | undefined): string => value === true ? "yes" : value === false ? "no" : "?"

const command = Command.make("models", flags, ({ json, model, ...credentials }) =>
  Effect.gen(function*() {
    const { target } = yield* Endpoint.Endpoint
    const { modelName, offers = [] } = yield* target
    if (json) return yield* Console.log(Json.line({ model: modelName, offers }))
    const rows = offers.map((offer) => [
      offer.provider,
      offer.status,
      known(offer.contextLength),
      offer.isFree === true ? "0" : known(offer.pricing?.input),
      offer.isFree === true ? "0" : known(offer.pricing?.output),
      has(offer.supportsTools),
      has(offer.supportsStructuredOutput),
      known(offer.throughput)
    ])
    for (const line of Table.lines(head, rows)) yield* Console.log(line)
    yield* Notice.say(`Try one of them: inference-endpoints generate "Hello" --model ${model} --provider <name>`)
  }).pipe(Effect.provide(Target.layer({ ...Target.none, ...credentials, model })))).pipe(
    Command.withDescription(
      "Who serves a model on the router, at what price; ? means that the router does not publish it"
    ),
    Command.withExamples([{ command: "inference-endpoints models meta-llama/Llama-3.1-8B-Instruct" }])
  )

/** `models`. */
export const main = Program.make(command)
