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
import { Create, type DedicatedEndpoint, Update } from "../../endpoint/dedicated/DedicatedEndpoint.ts"
import * as EndpointsApi from "../../endpoint/dedicated/EndpointsApi.ts"
import * as EndpointConfig from "../../endpoint/EndpointConfig.ts"
import type { EndpointError } from "../../endpoint/EndpointError.ts"
import * as Hub from "../../hub/Hub.ts"
import * as HubEnv from "../../hub/HubEnv.ts"
import * as NodeInferenceEndpoints from "../../node/NodeInferenceEndpoints.ts"
import { optional } from "../input/Flags.ts"
import * as Target from "../input/Target.ts"
import * as Colour from "../terminal/Colour.ts"
import * as Confirm from "../terminal/Confirm.ts"
import * as Json from "../terminal/Json.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"
import * as Table from "../terminal/Table.ts"
import * as Visible from "../terminal/Visible.ts"

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

const STATE = 1
const head = ["NAME", "STATE", "REPLICAS", "TYPE", "MODEL", "URL"]

const show = (endpoints: ReadonlyArray<DedicatedEndpoint>, json: boolean) =>
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
      yield* Notice.say(`${name} is deleted`)
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("Delete it; asks first"))

const document = Flag.FileText("file").pipe(Flag.withDescription("A JSON file, as the management API takes it"))

const fromJson = <S extends Schema.Constraint>(schema: S, text: string) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(text).pipe(
    Effect.catch((error) => Notice.usage(`--file: ${error.message}`))
  )

const made = {
  file: optional(Flag.FileText("file"), "A JSON file, as the management API takes it; no other flag is needed then"),
  model: optional(Flag.String("model").pipe(Flag.withAlias("m")), "The model's repository"),
  recipe: optional(Flag.String("recipe"), "A recipe of the catalogue, by its id"),
  accelerator: optional(Flag.String("accelerator"), "cpu, gpu or neuron"),
  instance: optional(
    Flag.String("instance"),
    "vendor/region/type/size, as hardware lists it: not from the catalogue then"
  ),
  minReplicas: optional(Flag.Int("min-replicas"), "With --instance: 0 lets it sleep (default 0)"),
  maxReplicas: optional(Flag.Int("max-replicas"), "With --instance (default 1)"),
  sleepAfter: optional(
    Flag.Int("sleep-after"),
    "With --instance: minutes without a request until it sleeps (default 15)"
  ),
  access: Flag.Literals("access", ["public", "authenticated", "private"]).pipe(
    Flag.withDescription("With --instance: who may call it (default authenticated)"),
    Flag.withDefault("authenticated")
  ),
  task: optional(Flag.String("task"), "With --instance, such as text-generation"),
  revision: optional(Flag.String("revision"), "With --instance: the revision of the model"),
  environment: Flag.String("env").pipe(
    Flag.withMetavar("NAME=VALUE"),
    Flag.withDescription("With --instance: an environment variable of the container; may be repeated"),
    Flag.atLeast(0)
  )
}

type Made = Command.Command.Config.Infer<typeof made>

/** The definition that the flags name, of an instance of one's own choice. */
const definition = Effect.fnUntraced(function*(name: string | undefined, given: Made, instance: string, model: string) {
  const [vendor, region, instanceType, instanceSize, ...rest] = instance.split("/")
  if (
    instanceSize === undefined || vendor === undefined || region === undefined || instanceType === undefined ||
    rest.length > 0
  ) {
    return yield* Notice.usage(
      `--instance ${instance}: write vendor/region/type/size, as \`endpoints hardware\` lists it`
    )
  }
  if (name === undefined) return yield* Notice.usage("--instance needs the NAME of the endpoint")
  const wrong = given.environment.find((pair) => !/^\w+=/.test(pair))
  if (wrong !== undefined) return yield* Notice.usage(`--env ${wrong}: write NAME=VALUE`)
  const minReplica = given.minReplicas ?? 0
  const endpoint: Create = {
    name,
    type: given.access,
    provider: { vendor, region },
    compute: {
      accelerator: given.accelerator ?? (instanceType.startsWith("intel") ? "cpu" : "gpu"),
      instanceType,
      instanceSize,
      scaling: {
        minReplica,
        maxReplica: given.maxReplicas ?? 1,
        ...(minReplica === 0 && { scaleToZeroTimeout: given.sleepAfter ?? 15 })
      }
    },
    model: {
      repository: model,
      framework: "pytorch",
      image: { huggingface: {} },
      ...(given.task !== undefined && { task: given.task }),
      ...(given.revision !== undefined && { revision: given.revision }),
      ...(given.environment.length > 0 && {
        env: Object.fromEntries(given.environment.map((pair) => {
          const at = pair.indexOf("=")
          return [pair.slice(0, at), pair.slice(at + 1)]
        }))
      })
    }
  }
  return endpoint
})

const created = Effect.fnUntraced(function*(
  given: Made,
  { name, namespace }: { readonly name: string | undefined; readonly namespace: string | undefined }
) {
  const api = yield* EndpointsApi.EndpointsApi
  const { accelerator, file, instance, model, recipe } = given
  if (file !== undefined) return yield* api.create(yield* fromJson(Create, file), { namespace })
  if (recipe !== undefined) return yield* api.deploy({ recipe }, { name, namespace })
  if (model === undefined) {
    return yield* Notice.usage(
      "Say what to create: --model from the catalogue, --recipe, --model with --instance, or --file"
    )
  }
  return instance === undefined
    ? yield* api.deploy({ repository: model, accelerator }, { name, namespace })
    : yield* api.create(yield* definition(name, given, instance, model), { namespace })
})

const create = Command.make(
  "create",
  { name: Argument.optional(name), ...made, yes: Confirm.yes, ...shared },
  ({ json, name, namespace, token, tokenFile, yes, ...given }) =>
    Effect.gen(function*() {
      const what = given.model ?? given.recipe ?? "what the file says"
      yield* Confirm.confirmed(
        `Create an endpoint of ${what}? It costs money while it runs (endpoints hardware shows prices).`,
        yes
      )
      const endpoint = yield* created(given, { name: Option.getOrUndefined(name), namespace })
      yield* show([endpoint], json)
      yield* Notice.say(`Wait for it: inference-endpoints endpoints wait ${endpoint.name}`)
    }).pipe(Effect.provide(layer({ token, tokenFile })))
).pipe(
  Command.withDescription("Create one: from the catalogue, on an instance of your choice, or from a JSON file"),
  Command.withExamples([
    {
      command: "inference-endpoints endpoints create --model Qwen/Qwen3-4B",
      description: "As the catalogue recommends"
    },
    {
      command:
        "inference-endpoints endpoints create my-llm --model Qwen/Qwen3-4B --instance aws/us-east-1/nvidia-l4/x1",
      description: "On an instance of your choice; it sleeps after 15 minutes"
    }
  ])
)

const logs = Command.make(
  "logs",
  {
    name,
    tail: optional(Flag.Int("tail"), "The last so many lines"),
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withDescription("Go on with what comes, until it is stopped"),
      Flag.withDefault(false)
    ),
    replica: optional(Flag.String("replica"), "Of one replica alone, by its id"),
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
).pipe(Command.withDescription("What its replicas printed"))

const known = (value: number | null | undefined): string => value === null || value === undefined ? "?" : String(value)

const hardware = Command.make(
  "hardware",
  {
    ...shared,
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("What cannot be had now, too"),
      Flag.withDefault(false)
    ),
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
      yield* Notice.say("Prices are for each replica. Create on one: endpoints create NAME --model … --instance …")
    }).pipe(Effect.provide(layer(credentials)))
).pipe(Command.withDescription("What endpoints can run on, with prices, the cheapest first"))

const catalogue = Command.make(
  "catalogue",
  {
    search: optional(Flag.String("search"), "A part of the model's name"),
    task: optional(Flag.String("task"), "Such as text-generation"),
    engine: optional(Flag.String("engine"), "Such as vllm or tei"),
    accelerator: made.accelerator,
    limit: optional(Flag.Int("limit"), "At most so many models"),
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
          Notice.say(`${subject}: ${state}${message === "" ? "" : ` (${message})`}`)
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
      wait,
      logs,
      hardware,
      catalogue
    ])
  )
)
