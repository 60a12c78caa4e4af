/**
 * What the commands on dedicated endpoints share: their flags, the management API, and the table of endpoints.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type { DedicatedEndpoint } from "../../../endpoint/dedicated/DedicatedEndpoint.ts"
import * as EndpointsApi from "../../../endpoint/dedicated/EndpointsApi.ts"
import * as EndpointConfig from "../../../endpoint/EndpointConfig.ts"
import * as Hub from "../../../hub/Hub.ts"
import * as HubEnv from "../../../hub/HubEnv.ts"
import * as NodeInferenceEndpoints from "../../../node/NodeInferenceEndpoints.ts"
import { yes } from "../../input/Flags.ts"
import * as Target from "../../input/Target.ts"
import * as Colour from "../../terminal/Colour.ts"
import * as Json from "../../terminal/Json.ts"
import * as Notice from "../../terminal/Notice.ts"
import * as Table from "../../terminal/Table.ts"

/** Flags of every command. */
export const shared = {
  namespace: Target.flags.namespace,
  json: yes("json", "Print the API's response as JSON"),
  token: Target.flags.token,
  tokenFile: Target.flags.tokenFile
}

/** The endpoint that a command is about. */
export const name = Argument.String("name").pipe(Argument.withDescription("The endpoint's name"))

type Credentials = Pick<Target.Target, "token" | "tokenFile">

/** The management API with the token that the flags name. */
export const layer = (credentials: Credentials) =>
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

const STATE = 1
const head = ["NAME", "STATE", "REPLICAS", "TYPE", "MODEL", "URL"]

/** Prints endpoints, as a table or as JSON. */
export const show = (endpoints: ReadonlyArray<DedicatedEndpoint>, json: boolean) =>
  Effect.gen(function*() {
    if (json) {
      for (const endpoint of endpoints) yield* Console.log(Json.line({ ...endpoint }))
      return
    }
    const rows = Table.lines(
      head,
      endpoints.map(line),
      (column, cell) => column === STATE ? Colour.ofState(cell) : undefined
    )
    for (const row of rows) yield* Console.log(row)
  })

/** Reads a JSON file that a flag named. */
export const fromJson = <S extends Schema.Constraint>(schema: S, text: string) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(text).pipe(
    Effect.catch((error) => Notice.usage(`--file: ${error.message}`))
  )
