/**
 * `inference-endpoints endpoints hardware` and `catalogue`: hardware and models for new endpoints.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as EndpointsApi from "../../../endpoint/dedicated/EndpointsApi.ts"
import { integer, text, yes } from "../../input/Flags.ts"
import * as Json from "../../terminal/Json.ts"
import * as Notice from "../../terminal/Notice.ts"
import * as Table from "../../terminal/Table.ts"
import { layer, shared } from "./Access.ts"
import { made } from "./Create.ts"

const known = (value: number | null | undefined): string => value === null || value === undefined ? "?" : String(value)

/** What endpoints can run on, with prices. */
export const hardware = Command.make(
  "hardware",
  {
    ...shared,
    all: yes("all", "Include what is not available now"),
    accelerator: made.accelerator
  },
  ({ accelerator, all, json, namespace, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      const found = (yield* api.hardware({ namespace })).filter((one) =>
        (all || /^(?:low_)?avail/.test(one.status)) && (accelerator === undefined || one.accelerator === accelerator)
      ).toSorted((a, b) => a.pricePerHour - b.pricePerHour)
      if (json) return yield* Console.log(Json.line({ hardware: found }))
      const rows = found.map((one) => [
        `${one.vendor}/${one.region}/${one.instanceType}/${one.instanceSize}`,
        one.pricePerHour.toFixed(2),
        one.accelerator,
        known(one.numAccelerators),
        known(one.gpuMemoryGb),
        known(one.memoryGb),
        one.status.replaceAll("_", " ")
      ])
      const head = ["INSTANCE", "$/HOUR", "KIND", "NUMBER", "GPU GB", "GB", "STATUS"]
      for (const text of Table.lines(head, rows)) yield* Console.log(text)
      yield* Notice.say("Prices are per replica. Create on one: endpoints create NAME --model … --instance …")
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("What endpoints can run on, with prices, the cheapest first"))

/** Models that were tested on endpoints. */
export const catalogue = Command.make(
  "catalogue",
  {
    search: text("search", "A part of the model's name"),
    task: text("task", "Such as text-generation"),
    engine: text("engine", "Such as vllm or tei"),
    accelerator: made.accelerator,
    limit: integer("limit", "At most this many models"),
    json: shared.json,
    token: shared.token,
    tokenFile: shared.tokenFile
  },
  ({ accelerator, engine, json, limit, search, task, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      const models = yield* api.catalogue({ accelerator, engine, limit, search, task })
      if (json) return yield* Console.log(Json.line({ models }))
      const rows = models.map(({ license, recipes, repoId, task }) => [
        repoId,
        task ?? "?",
        [...new Set(recipes.map(({ engineType }) => engineType))].join(","),
        [...new Set(recipes.map(({ accelerator }) => accelerator))].join(","),
        license ?? "?"
      ])
      const head = ["MODEL", "TASK", "ENGINES", "ON", "LICENSE"]
      for (const text of Table.lines(head, rows)) yield* Console.log(text)
      yield* Notice.say("Create one: inference-endpoints endpoints create --model <model>")
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("Models that were tested on endpoints, with the engines that run them"))
