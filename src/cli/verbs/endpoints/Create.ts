/**
 * `inference-endpoints endpoints create`: an endpoint from the catalogue, on an instance of your choice, or from a file.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Create } from "../../../endpoint/dedicated/DedicatedEndpoint.ts"
import * as EndpointsApi from "../../../endpoint/dedicated/EndpointsApi.ts"
import { defaulted, integer, optional, text } from "../../input/Flags.ts"
import * as Confirm from "../../terminal/Confirm.ts"
import * as Notice from "../../terminal/Notice.ts"
import { fromJson, layer, name, shared, show } from "./Access.ts"

/** The flags that describe the new endpoint. */
export const made = {
  file: optional(Flag.FileText("file"), "A JSON file, as the management API takes it; no other flag is needed then"),
  model: optional(Flag.String("model").pipe(Flag.withAlias("m")), "The model's repository"),
  recipe: text("recipe", "A recipe of the catalogue, by its id"),
  accelerator: text("accelerator", "cpu, gpu or neuron"),
  instance: text(
    "instance",
    "vendor/region/type/size, as `endpoints hardware` lists it: the catalogue is then not used"
  ),
  minReplicas: integer("min-replicas", "With --instance: the least number of replicas; 0 lets it sleep (default 0)"),
  maxReplicas: integer("max-replicas", "With --instance (default 1)"),
  sleepAfter: integer("sleep-after", "With --instance: minutes without a request until it sleeps (default 15)"),
  access: defaulted(
    Flag.Literals("access", ["public", "authenticated", "private"]),
    "With --instance: who may call it (default authenticated)",
    "authenticated"
  ),
  task: text("task", "With --instance, such as text-generation"),
  revision: text("revision", "With --instance: the revision of the model"),
  environment: Flag.String("env").pipe(
    Flag.withMetavar("NAME=VALUE"),
    Flag.withDescription("With --instance: an environment variable of the container; may be repeated"),
    Flag.atLeast(0)
  )
}

type Made = Command.Command.Config.Infer<typeof made>

/** The definition that the flags describe, on an instance of your choice. */
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

/** The command. */
export const create = Command.make(
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
