/**
 * `inference-endpoints grammar check`: how much of a JSON Schema an engine will enforce, before a run depends on it.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Engine from "../../endpoint/address/Engine.ts"
import * as Grammar from "../../structured/Grammar.ts"
import { defaulted, yes } from "../input/Flags.ts"
import * as Input from "../input/Input.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import * as Json from "../terminal/Json.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"

const flags = {
  schema: Argument.String("schema").pipe(Argument.withDescription("A file with a JSON Schema; - reads standard input")),
  engine: defaulted(Flag.Literals("engine", Engine.Kind.literals), "The engine that will respond (default tgi)", "tgi"),
  json: yes("json", "Print everything that is known as JSON")
}

const Document = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Json))

const at = (path: ReadonlyArray<string | number>): string => path.length === 0 ? "the root" : path.join(".")

const tell = Effect.fnUntraced(function*(check: Grammar.Check) {
  yield* Console.log(`compiler  ${check.compiler} ${check.version}`)
  if (check.cost !== undefined) yield* Console.log(`cost      ${JSON.stringify(check.cost)}`)
  yield* Console.log(`enforced  ${check.enforced.length} constraints`)
  for (const { keyword, path } of check.unenforced) {
    yield* Console.log(`not enforced, checked by the decoder: ${keyword} at ${at(path)}`)
  }
  for (const { keyword, path } of check.unwritable) {
    yield* Console.log(`some valid values cannot be written: ${keyword} at ${at(path)}`)
  }
  for (const example of check.examples) yield* Console.log(`for example: ${JSON.stringify(example)}`)
})

const check = Command.make("check", flags, ({ engine, json, schema }) =>
  Effect.gen(function*() {
    const document = yield* Effect.catch(
      Schema.decodeEffect(Document)(yield* (schema === "-" ? Input.stdin : Input.file(schema))),
      (error) => Notice.usage(`${schema}: a JSON Schema is a JSON object. ${error.message}`)
    )
    const result = yield* Effect.catch(
      Effect.fromResult(Grammar.check(Grammar.fromJsonSchema(document), engine)),
      (error) => Effect.andThen(Console.error(error.message), new CommandExit({ code: 1 }))
    )
    yield* json
      ? Console.log(Json.line({ ...result, version: 1, engine, compilerVersion: result.version }))
      : tell(result)
  })).pipe(
    Command.withDescription(
      "How much of a JSON Schema an engine enforces, and what it cannot write. Exit code 1: it would be refused"
    )
  )

/** `grammar` with its subcommands. */
export const main = Program.make(
  Command.make("grammar").pipe(
    Command.withDescription("JSON Schemas as the engines' compilers read them"),
    Command.withSubcommands([check])
  )
)
