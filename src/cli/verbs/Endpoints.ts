/**
 * `inference-endpoints endpoints`: dedicated endpoints by the management API.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type DedicatedEndpoint, Update } from "../../endpoint/dedicated/DedicatedEndpoint.ts"
import * as EndpointsApi from "../../endpoint/dedicated/EndpointsApi.ts"
import type { EndpointError } from "../../endpoint/EndpointError.ts"
import { integer, text } from "../input/Flags.ts"
import * as Target from "../input/Target.ts"
import * as Confirm from "../terminal/Confirm.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"
import * as Visible from "../terminal/Visible.ts"
import { fromJson, layer, name, shared, show } from "./endpoints/Access.ts"
import { create } from "./endpoints/Create.ts"
import { catalogue, hardware } from "./endpoints/Offers.ts"

const list = Command.make("list", {
  ...shared,
  search: Flag.String("search").pipe(Flag.withDescription("A part of the name"), Flag.optional)
}, ({ json, namespace, search, ...credentials }) =>
  Effect.gen(function*() {
    const api = yield* EndpointsApi.EndpointsApi
    const all = yield* Stream.runCollect(api.list({ namespace, search: Option.getOrUndefined(search) }))
    yield* show(all, json)
  }).pipe(Effect.provide(layer(credentials)))).pipe(Command.withDescription("All endpoints of a namespace"))

/** A command that does one thing to one endpoint and then shows it as the API describes it. */
const one = <const Name extends string>(
  verb: Name,
  description: string,
  act: (
    api: EndpointsApi.EndpointsApi["Service"],
    endpoint: { readonly name: string; readonly namespace: string | undefined }
  ) => Effect.Effect<DedicatedEndpoint, EndpointError>
) =>
  Command.make(verb, { name, ...shared }, ({ json, name, namespace, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      yield* show([yield* act(api, { name, namespace })], json)
    }).pipe(Effect.provide(layer(credentials)))).pipe(Command.withDescription(description))

const pause = Command.make(
  "pause",
  { name, yes: Confirm.yes, ...shared },
  ({ json, name, namespace, yes, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      yield* Confirm.confirmed(`Pause ${name}? Requests fail until it is resumed.`, yes)
      yield* show([yield* api.pause({ name, namespace })], json)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("Stop it until it is resumed; meanwhile it costs nothing"))

const remove = Command.make(
  "delete",
  { name, yes: Confirm.yes, namespace: shared.namespace, token: shared.token, tokenFile: shared.tokenFile },
  ({ name, namespace, yes, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      yield* Confirm.confirmed(`Delete ${name}? This cannot be undone.`, yes)
      yield* api.delete({ name, namespace })
      yield* Notice.say(`${name} is deleted`)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("Delete it; asks first"))

const document = Flag.FileText("file").pipe(Flag.withDescription("A JSON file, as the management API takes it"))

const logs = Command.make(
  "logs",
  {
    name,
    tail: integer("tail", "How many of the last lines"),
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withDescription("Follow new lines until it is stopped"),
      Flag.withDefault(false)
    ),
    replica: text("replica", "Only those of one replica, by its id"),
    namespace: shared.namespace,
    token: shared.token,
    tokenFile: shared.tokenFile
  },
  ({ follow, name, namespace, replica, tail, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      const shown = yield* Visible.forStdout
      yield* Stream.runForEach(
        api.logs({ name, namespace }, { follow, replica, tail }),
        (line) => Console.log(shown(line))
      )
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("The output of its replicas"))

const update = Command.make(
  "update",
  { name, file: document, ...shared },
  ({ file, json, name, namespace, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      yield* show([yield* api.update({ name, namespace }, yield* fromJson(Update, file))], json)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("Change the keys in a JSON file; the rest stays"))

const wait = Command.make(
  "wait",
  { name, ...shared, wait: Target.flags.wait },
  ({ json, name, namespace, wait, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      const timeout = wait === undefined ? {} : { timeout: `${wait} seconds` as const }
      yield* api.watch({ name, namespace }, timeout).pipe(
        Stream.runForEach(({ message, state, subject }) =>
          Notice.say(`${subject}: ${state}${message === "" ? "" : ` (${message})`}`)
        )
      )
      yield* show([yield* api.get({ name, namespace })], json)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(
  Command.withDescription("Resume it or wake it, and wait until it responds")
)

/** `endpoints` with its subcommands. */
export const main = Program.make(
  Command.make("endpoints").pipe(
    Command.withDescription("Dedicated endpoints"),
    Command.withSubcommands([
      list,
      one("describe", "One endpoint", (api, endpoint) => api.get(endpoint)),
      create,
      update,
      pause,
      one("resume", "Start it again", (api, endpoint) => api.resume(endpoint)),
      one("scale-to-zero", "Drop all replicas until the next request", (api, endpoint) => api.scaleToZero(endpoint)),
      remove,
      wait,
      logs,
      hardware,
      catalogue
    ])
  )
)
