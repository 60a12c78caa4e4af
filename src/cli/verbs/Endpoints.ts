/**
 * `inference-endpoints endpoints`: dedicated endpoints by the management API.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Create, type DedicatedEndpoint, Update } from "../../endpoint/DedicatedEndpoint.ts"
import * as EndpointConfig from "../../endpoint/EndpointConfig.ts"
import type { EndpointError } from "../../endpoint/EndpointError.ts"
import * as EndpointsApi from "../../endpoint/EndpointsApi.ts"
import * as Hub from "../../hub/Hub.ts"
import * as HubEnv from "../../hub/HubEnv.ts"
import * as NodeInferenceEndpoints from "../../node/NodeInferenceEndpoints.ts"
import { CommandExit } from "../CommandExit.ts"
import * as Confirm from "../Confirm.ts"
import * as Program from "../Program.ts"
import * as Table from "../Table.ts"
import * as Target from "../Target.ts"
import * as Visible from "../Visible.ts"

const shared = {
  namespace: Target.flags.namespace,
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print what the API says as JSON"), Flag.withDefault(false)),
  token: Target.flags.token,
  tokenFile: Target.flags.tokenFile
}

const name = Argument.String("name").pipe(Argument.withDescription("The endpoint's name"))

type Credentials = Pick<Target.Target, "token" | "tokenFile">

const layer = (credentials: Credentials) =>
  Layer.unwrap(Effect.gen(function*() {
    const token = yield* Target.tokenOf(credentials)
    const { managementUrl } = yield* EndpointConfig.fromEnv
    return EndpointsApi.layer({ token, baseUrl: managementUrl }).pipe(
      Layer.provide(Hub.layer({ token, baseUrl: yield* HubEnv.hubUrl })),
      Layer.provide(NodeInferenceEndpoints.platform())
    )
  }))

const line = ({ model, name, status, type }: DedicatedEndpoint): ReadonlyArray<string> => [
  name,
  status.state,
  `${status.readyReplica ?? 0}/${status.targetReplica ?? 0}`,
  type ?? "?",
  model.repository,
  status.url ?? ""
]

const head = ["NAME", "STATE", "REPLICAS", "TYPE", "MODEL", "URL"]

const show = (endpoints: ReadonlyArray<DedicatedEndpoint>, json: boolean) =>
  Effect.gen(function*() {
    if (json) {
      for (const endpoint of endpoints) yield* Console.log(JSON.stringify(endpoint))
      return
    }
    for (const text of Table.lines(head, endpoints.map(line))) yield* Console.log(Visible.visible(text))
  })

const list = Command.make("list", {
  ...shared,
  search: Flag.String("search").pipe(Flag.withDescription("A part of the name"), Flag.optional)
}, ({ json, namespace, search, ...credentials }) =>
  Effect.gen(function*() {
    const api = yield* EndpointsApi.EndpointsApi
    const all = yield* Stream.runCollect(api.list({ namespace, search: Option.getOrUndefined(search) }))
    yield* show(all, json)
  }).pipe(Effect.provide(layer(credentials)))).pipe(Command.withDescription("All endpoints of a namespace"))

/** A command that does one thing to one endpoint and shows what the API says of it then. */
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
).pipe(Command.withDescription("Stop it until it is resumed; it costs nothing meanwhile"))

const remove = Command.make(
  "delete",
  { name, yes: Confirm.yes, namespace: shared.namespace, token: shared.token, tokenFile: shared.tokenFile },
  ({ name, namespace, yes, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      yield* Confirm.confirmed(`Delete ${name}? This cannot be undone.`, yes)
      yield* api.delete({ name, namespace })
      yield* Console.error(`${name} is deleted`)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("Delete it; asks first"))

const document = Flag.FileText("file").pipe(Flag.withDescription("A JSON file, as the management API takes it"))

const fromJson = <S extends Schema.Constraint>(schema: S, text: string) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(text).pipe(
    Effect.catch((error) => Effect.andThen(Console.error(`--file: ${error.message}`), new CommandExit({ code: 2 })))
  )

const create = Command.make(
  "create",
  { file: document, ...shared },
  ({ file, json, namespace, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      yield* show([yield* api.create(yield* fromJson(Create, file), { namespace })], json)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(
  Command.withDescription("Create one from a JSON file: model, provider, compute, type")
)

const update = Command.make(
  "update",
  { name, file: document, ...shared },
  ({ file, json, name, namespace, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      yield* show([yield* api.update({ name, namespace }, yield* fromJson(Update, file))], json)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("Change what a JSON file says; the rest stays"))

const wait = Command.make(
  "wait",
  { name, ...shared, wait: Target.flags.wait },
  ({ json, name, namespace, wait, ...credentials }) =>
    Effect.gen(function*() {
      const api = yield* EndpointsApi.EndpointsApi
      const timeout = wait === undefined ? {} : { timeout: `${wait} seconds` as const }
      yield* api.watch({ name, namespace }, timeout).pipe(
        Stream.runForEach(({ message, state, subject }) =>
          Console.error(`${subject}: ${state}${message === "" ? "" : ` (${Visible.visible(message)})`}`)
        )
      )
      yield* show([yield* api.get({ name, namespace })], json)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(
  Command.withDescription("Resume or wake it where it sleeps, and wait until it answers")
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
      wait
    ])
  )
)
