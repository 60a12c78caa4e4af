/**
 * The output of a batch → the part of a data card that says how it was made.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import * as BatchError from "../../batch/BatchError.ts"
import * as Manifest from "../../batch/log/Manifest.ts"
import * as BatchOptions from "../../batch/Options.ts"
import * as Results from "../../batch/Results.ts"
import type { Provenance } from "../../dataset/card/Provenance.ts"
import * as Jsonl from "../../dataset/text/Jsonl.ts"

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const text = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const joined = (...parts: ReadonlyArray<string | undefined>): string | undefined =>
  text(parts.filter((part) => part !== undefined).join(" "))

type Model = Provenance["models"][number]

/** The models and chat templates that lines name, each once. */
const originsOf = Effect.fnUntraced(function*(output: string) {
  const fs = yield* FileSystem.FileSystem
  const models = new Map<string, Model>()
  const templates = new Set<string>()
  yield* Jsonl.rows(output, fs.stream(output)).pipe(Stream.runForEach((line) =>
    Effect.sync(() => {
      const from = line["provenance"]
      const model: Model = {
        id: text(field(from, "model")) ?? "unknown",
        revision: text(field(from, "revision")),
        provider: text(field(from, "provider")),
        engine: joined(text(field(from, "engine")), text(field(from, "engineVersion")))
      }
      models.set(JSON.stringify(model), model)
      const template = text(field(from, "template"))
      if (template !== undefined) templates.add(template)
    })
  ))
  return { models: [...models.values()], templates: [...templates] }
})

/**
 * Whether a file is the output of a batch: its manifest is next to it.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isOutput = Effect.fnUntraced(function*(file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.exists(BatchOptions.paths({ output: file }).manifest).pipe(Effect.orElseSucceed(() => false))
})

/**
 * Models, providers and engines from the lines; counts, tokens, dollars and failures from all files of the batch; the
 * prompt template and the options from its manifest.
 *
 * @category conversions
 * @since 0.2.0
 */
export const provenance = Effect.fnUntraced(function*(output: string) {
  const status = yield* Results.status({ output })
  const manifest = yield* Manifest.read(BatchOptions.paths({ output }).manifest)
  const { models, templates } = yield* Effect.mapError(
    originsOf(output),
    (error) =>
      error._tag === "DatasetError"
        ? BatchError.invalidInput(output, [{ problem: error.reason.message }])
        : BatchError.disk(output)(error)
  )
  const options = field(manifest?.configuration, "options")
  const made: Provenance = {
    models,
    chatTemplate: text(templates.join(", ")),
    template: text(field(field(manifest?.configuration, "columns"), "template")),
    ...(typeof options === "object" && options !== null && { options: { ...options } }),
    rows: { done: status.rows.done, failed: status.rows.failed },
    tokens: status.tokens,
    ...(status.dollars > 0 && { dollars: status.dollars }),
    failures: status.failures
  }
  return made
})
