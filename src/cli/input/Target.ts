/**
 * The flags that name the endpoint and how prompts are made for it, for every command that talks to one. What no flag sets
 * is taken from the environment: `INFERENCE_MODEL_ID`, `INFERENCE_ENDPOINT_NAME`, `INFERENCE_BASE_URL` and so on.
 *
 * @since 0.1.0
 */
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Engine from "../../endpoint/address/Engine.ts"
import * as Endpoint from "../../endpoint/Endpoint.ts"
import * as EndpointConfig from "../../endpoint/EndpointConfig.ts"
import * as HubEnv from "../../hub/HubEnv.ts"
import type * as InferenceEndpointsLLM from "../../InferenceEndpointsLLM.ts"
import * as NodeInferenceEndpoints from "../../node/NodeInferenceEndpoints.ts"
import * as Proof from "../../Proof.ts"
import * as Notice from "../terminal/Notice.ts"
import { amount, integer, optional, text } from "./Flags.ts"

/**
 * The flags of the endpoint.
 *
 * @category flags
 * @since 0.1.0
 */
export const flags = {
  model: optional(Flag.String("model").pipe(Flag.withAlias("m")), "A model id, served by a provider of the router"),
  provider: text("provider", "With --model: a provider, or fastest, cheapest, preferred"),
  billTo: text("bill-to", "With --model: the organisation that pays"),
  endpoint: text("endpoint", "The name of a dedicated endpoint"),
  namespace: text("namespace", "The owner of the endpoint (default: the owner of the token)"),
  baseUrl: optional(
    Flag.String("base-url").pipe(Flag.withAlias("u")),
    "The address of a server, with or without /v1"
  ),
  modelName: text("model-name", "The server's name for the model, if it serves several"),
  displayName: text("display-name", "The model's name in results"),
  revision: text("revision", "The revision of the repository that templates are read from"),
  engine: optional(Flag.Literals("engine", Engine.Kind.literals), "The engine, if it cannot be recognised"),
  wait: amount("wait", "Seconds to wait for an endpoint to wake up (default 300)"),
  timeout: amount("timeout", "Seconds for one call, including finding the endpoint and all attempts"),
  attempts: integer("request-attempts", "Attempts per request (default 4; 1 means no retries)"),
  routerUrl: text("router-url", "The serverless router, if it is not Hugging Face's"),
  managementUrl: text("management-url", "The management API, if it is not Hugging Face's"),
  engineLimits: text(
    "engine-limits",
    "What requests are checked against, as JSON: {\"maxTotalTokens\":4096}; with --engine the server is not asked first"
  ),
  endpointHosts: text("endpoint-hosts", "Domains whose dedicated endpoints are sent the token, separated by commas"),
  proof: optional(
    Flag.FileText("proof"),
    "A file that doctor --prove --save wrote: options that the endpoint does not honour are refused"
  ),
  token: optional(Flag.Redacted("token"), "Prefer HF_TOKEN or --token-file: other users see your command line"),
  tokenFile: text("token-file", "A file that contains the token"),
  tokenizer: text("tokenizer", "Render prompts here, with this repository's chat template"),
  chatTemplate: optional(Flag.FileText("chat-template"), "Render prompts here, with the template in this file"),
  magpie: text("magpie", "Magpie: llama3, qwen2, or the text of a pre-query template")
}

/**
 * The values of the flags.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly model: string | undefined
  readonly provider: string | undefined
  readonly billTo: string | undefined
  readonly endpoint: string | undefined
  readonly namespace: string | undefined
  readonly baseUrl: string | undefined
  readonly modelName: string | undefined
  readonly displayName: string | undefined
  readonly revision: string | undefined
  readonly engine: Engine.Kind | undefined
  readonly wait: number | undefined
  readonly timeout: number | undefined
  readonly attempts: number | undefined
  readonly routerUrl: string | undefined
  readonly managementUrl: string | undefined
  /** Limits as JSON. */
  readonly engineLimits: string | undefined
  /** Domains, separated by commas. */
  readonly endpointHosts: string | undefined
  /** The text of a saved proof. */
  readonly proof: string | undefined
  readonly token: Redacted.Redacted<string> | undefined
  readonly tokenFile: string | undefined
  readonly tokenizer: string | undefined
  readonly chatTemplate: string | undefined
  readonly magpie: string | undefined
}

type Given<A> = { readonly [K in keyof A]?: Exclude<A[K], undefined> }

const given = <A extends object>(options: A): Given<A> =>
  // each key is one of A's, with A's value if it is present
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Given<A>

/**
 * The target without flags.
 *
 * @category constants
 * @since 0.2.0
 */
export const none: Target = {
  model: undefined,
  provider: undefined,
  billTo: undefined,
  endpoint: undefined,
  namespace: undefined,
  baseUrl: undefined,
  modelName: undefined,
  displayName: undefined,
  revision: undefined,
  engine: undefined,
  wait: undefined,
  timeout: undefined,
  attempts: undefined,
  routerUrl: undefined,
  managementUrl: undefined,
  engineLimits: undefined,
  endpointHosts: undefined,
  proof: undefined,
  token: undefined,
  tokenFile: undefined,
  tokenizer: undefined,
  chatTemplate: undefined,
  magpie: undefined
}

/**
 * The secret in a file; one that cannot be read, or is empty, ends the command with a usage error.
 *
 * @category conversions
 * @since 0.2.0
 */
export const secretOf = Effect.fnUntraced(function*(flag: string, path: string) {
  const files = yield* FileSystem.FileSystem
  const text = yield* files.readFileString(path).pipe(
    Effect.catch(() => Notice.usage(`${flag} ${path}: the file cannot be read`))
  )
  return text.trim() === "" ? yield* Notice.usage(`${flag} ${path}: the file is empty`) : Redacted.make(text.trim())
})

/**
 * The token from the flags; undefined if the environment will be searched.
 *
 * @category conversions
 * @since 0.2.0
 */
export const tokenOf = ({ token, tokenFile }: Pick<Target, "token" | "tokenFile">) =>
  tokenFile === undefined ? Effect.succeed(token) : secretOf("--token-file", tokenFile)

/**
 * How prompts are made: by flags, otherwise by `INFERENCE_TOKENIZER_ID`, `INFERENCE_CHAT_TEMPLATE` (a file) and
 * `INFERENCE_MAGPIE`.
 */
const promptOf = Effect.fnUntraced(function*({ chatTemplate, magpie, tokenizer }: Target) {
  const tokenizerId = tokenizer ?? (yield* HubEnv.variable("INFERENCE_TOKENIZER_ID"))
  const query = magpie ?? (yield* HubEnv.variable("INFERENCE_MAGPIE"))
  const path = chatTemplate === undefined ? yield* HubEnv.variable("INFERENCE_CHAT_TEMPLATE") : undefined
  const files = yield* FileSystem.FileSystem
  const template = path === undefined
    ? chatTemplate
    : yield* files.readFileString(path).pipe(
      Effect.catch(() => Notice.usage(`INFERENCE_CHAT_TEMPLATE ${path}: the file cannot be read`))
    )
  return {
    tokenizerId,
    chatTemplate: template,
    ...(query !== undefined && { useMagpieTemplate: true, magpiePreQueryTemplate: query })
  }
})

/** What is known about the server: by flags, otherwise by `INFERENCE_ENGINE_LIMITS` and `INFERENCE_ENDPOINT_HOSTS`. */
const serverOf = Effect.fnUntraced(function*({ endpointHosts, engineLimits }: Target) {
  const limits = engineLimits ?? (yield* HubEnv.variable("INFERENCE_ENGINE_LIMITS"))
  const hosts = endpointHosts ?? (yield* HubEnv.variable("INFERENCE_ENDPOINT_HOSTS"))
  return given({
    engineLimits: limits === undefined
      ? undefined
      : yield* Effect.catch(
        Schema.decodeEffect(Schema.fromJsonString(Engine.Limits))(limits, { onExcessProperty: "error" }),
        ({ message }) => Notice.usage(`--engine-limits: ${message}`)
      ),
    endpointHosts: hosts?.split(",").map((host) => host.trim()).filter((host) => host !== "")
  })
})

const proofOf = (text: string) =>
  Effect.catch(
    Schema.decodeEffect(Proof.Json)(text),
    () => Notice.usage("--proof: the file is not what doctor --prove --save writes")
  )

const clientOf = ({ attempts, timeout }: Target): InferenceEndpointsLLM.Options["client"] =>
  attempts === undefined && timeout === undefined ? undefined : {
    ...(attempts !== undefined && { retry: { attempts } }),
    ...(timeout !== undefined && { timeouts: { total: Duration.seconds(timeout) } })
  }

/**
 * The options that the flags set, over those of the environment. A flag that names a target replaces the environment's
 * target; without either the command ends with the exit code of a usage error.
 *
 * @category conversions
 * @since 0.2.0
 */
export const optionsOf = Effect.fnUntraced(function*(target: Target) {
  const environment = yield* Effect.catch(EndpointConfig.fromEnv, (error) => Notice.usage(error.message))
  const apiKey = yield* tokenOf(target)
  const named = given({ modelId: target.model, endpointName: target.endpoint, baseUrl: target.baseUrl })
  const { baseUrl, endpointName, endpointNamespace, modelId, ...others } = environment
  const where = Object.keys(named).length > 0 ? named : given({ baseUrl, endpointName, modelId })
  if (Object.keys(where).length === 0) {
    return yield* Notice.usage(
      "No model is named: pass --model, --endpoint or --base-url, or set INFERENCE_MODEL_ID, INFERENCE_ENDPOINT_NAME or " +
        "INFERENCE_BASE_URL"
    )
  }
  const options: EndpointConfig.Options & InferenceEndpointsLLM.Options = {
    ...others,
    ...where,
    ...given({
      endpointNamespace: target.namespace ?? endpointNamespace,
      provider: target.provider,
      billTo: target.billTo,
      modelName: target.modelName,
      modelDisplayName: target.displayName,
      revision: target.revision,
      engine: target.engine,
      routerUrl: target.routerUrl,
      managementUrl: target.managementUrl,
      ...(yield* serverOf(target)),
      client: clientOf(target),
      proof: target.proof === undefined ? undefined : yield* proofOf(target.proof),
      apiKey,
      ...(yield* promptOf(target)),
      ...(target.wait !== undefined && { waitTimeout: Duration.seconds(target.wait) })
    })
  }
  return options
})

/**
 * Where the token and the endpoint's name came from, in words: a flag, else a variable, else the file of `hf auth login`.
 *
 * @category accessors
 * @since 0.2.0
 */
export const sourcesOf = Effect.fnUntraced(function*(target: Target) {
  const first = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
    for (const name of names) if ((yield* HubEnv.variable(name)) !== undefined) return name
    return undefined
  })
  const flag = target.model !== undefined
    ? "--model"
    : target.endpoint !== undefined
    ? "--endpoint"
    : target.baseUrl !== undefined
    ? "--base-url"
    : undefined
  const token = target.tokenFile !== undefined ? "--token-file" : target.token !== undefined ? "--token" : undefined
  return {
    endpoint: flag ??
      (yield* first(["INFERENCE_MODEL_ID", "INFERENCE_ENDPOINT_NAME", "INFERENCE_BASE_URL"])) ?? "nothing",
    token: token ?? (yield* first(["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])) ?? "the file of hf auth login"
  }
})

/** Progress of waiting for an endpoint, on standard error, one line per change. */
const waiting = Layer.effectDiscard(Effect.gen(function*() {
  const { progress } = yield* Endpoint.Endpoint
  yield* progress.pipe(
    Stream.filter(({ action }) => action !== "Ready" && action !== "Probed"),
    Stream.changesWith((a, b) => a.state === b.state && a.action === b.action),
    Stream.runForEach(({ message, state, subject }) =>
      Notice.say(`waiting for ${subject}: it is ${state}${message === "" ? "" : ` (${message})`}`)
    ),
    Effect.forkScoped
  )
}))

/**
 * The service for the endpoint that the flags name. It reports on standard error what it waits for.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (target: Target) =>
  Layer.unwrap(
    Effect.map(optionsOf(target), (options) => Layer.provideMerge(waiting, NodeInferenceEndpoints.layer(options)))
  )
