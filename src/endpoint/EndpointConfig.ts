/**
 * How a program names the endpoint that it wants: exactly one of a model id, the name of a dedicated endpoint, or a
 * base URL, and what goes with it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as HubEnv from "../hub/HubEnv.ts"
import * as HubToken from "../hub/HubToken.ts"
import * as RepoPath from "../hub/RepoPath.ts"
import * as EndpointUrl from "./address/EndpointUrl.ts"
import * as Engine from "./address/Engine.ts"
import { EndpointError, InvalidConfig } from "./EndpointError.ts"

const Name = Schema.String.check(Schema.isPattern(/^[a-z0-9](?:[a-z0-9-]{0,62})$/u))
const Namespace = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/u))
const HeaderValue = Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,256}$/u))
const ModelId = Schema.String.check(
  Schema.makeFilter((id: string) => Result.isSuccess(RepoPath.repo(id)) || "a model id looks like `org/name` or `name`")
)

/** From a finite number, so that anything else is reported as not being one. */
const DurationFromFiniteMillis = Schema.Finite.pipe(
  Schema.decodeTo(Schema.Duration, SchemaTransformation.durationFromMillis)
)

/** An option with its description for help texts, docs and tools. */
const option = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optionalKey(schema).annotate({ description })

/**
 * The configuration without its secret, as it is written to JSON. The description of each field says what it means.
 *
 * @category schemas
 * @since 0.1.0
 */
export const EndpointConfig = Schema.Struct({
  modelId: option(ModelId, "A model on the Hub, which the serverless router serves."),
  endpointName: option(Name, "A dedicated endpoint by its name."),
  endpointNamespace: option(
    Namespace,
    "The user or organisation that owns the dedicated endpoint. Default: the owner of the token."
  ),
  baseUrl: option(Schema.String, "Any server: with or without `/v1`, a route, a query, slashes at its end."),
  provider: option(
    Schema.String.check(Schema.isPattern(/^[a-z0-9][a-z0-9-]{0,63}$/u)),
    "Serverless: a provider by name, or the policy `fastest`, `cheapest` or `preferred`. Default: the router's (`fastest`)."
  ),
  revision: option(
    Schema.String.check(
      Schema.makeFilter((name: string) => Result.isSuccess(RepoPath.revision(name)) || "no revision")
    ),
    "The revision of the model's repository from which templates are read. Default `main`."
  ),
  billTo: option(HeaderValue, "Serverless: the organisation that pays."),
  waitTimeout: DurationFromFiniteMillis.check(
    Schema.makeFilter((wait: Duration.Duration) =>
      Duration.between(wait, { minimum: Duration.zero, maximum: Duration.weeks(1) }) || "0 to 7 days"
    )
  ).pipe(Schema.withDecodingDefaultKey(Effect.succeed(300_000))).annotate({
    description:
      "How long to wait for an endpoint to become ready, in JSON as milliseconds. Default 300 s, at most a week; " +
      "0 does not wait."
  }),
  modelDisplayName: option(Schema.String, "The model's name where results are shown."),
  modelName: option(
    Schema.NonEmptyString,
    "The server's name for the model, if it serves several. Default: the first that it lists."
  ),
  engine: option(
    Engine.Kind,
    "The engine that responds, for servers that cannot be told apart. With `engineLimits` too, and `modelName` where the " +
      "engine needs one, nothing is requested before the first generation."
  ),
  engineLimits: option(
    Engine.Limits,
    "The limits of the server that requests are checked against. Default: those that the server reports."
  ),
  endpointHosts: option(
    Schema.Array(Schema.String),
    "Domains besides `endpoints.huggingface.cloud` whose dedicated endpoints are sent the token."
  ),
  routerUrl: option(Schema.String, "The serverless router. Default `https://router.huggingface.co`."),
  managementUrl: option(Schema.String, "The management API. Default `https://api.endpoints.huggingface.cloud/v2`.")
})

/**
 * @category models
 * @since 0.1.0
 */
export type EndpointConfig = typeof EndpointConfig.Type

/**
 * The configuration as callers write it. `apiKey` absent: the environment and the token file are searched; `false`: no
 * credential is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Omit<Partial<EndpointConfig>, "waitTimeout"> {
  readonly apiKey?: HubToken.Input
  readonly waitTimeout?: Duration.Input | undefined
}

type Naming = "modelId" | "endpointName" | "baseUrl"

/** Those of the three that a type requires. */
type Given<O> = {
  [K in Naming]: O extends { readonly [N in K]: infer V } ? undefined extends V ? never : K : never
}[Naming]

/** Those of the three that a type allows. */
type Possible<O> = Naming & keyof O

type IsUnion<T, U = T> = T extends unknown ? [U] extends [T] ? false : true : never

/**
 * Accepts options that name one endpoint, and no other options than those allowed. If the type shows that none or
 * several are given, it requires a property whose name says so; if it cannot show that, as for options read from a
 * file, the check is made when the layer is built.
 *
 * @category models
 * @since 0.2.0
 */
export type OneTarget<O, Allowed> = O extends unknown ?
    & { readonly [K in Exclude<keyof O, keyof Allowed>]: never }
    & ([Given<O>] extends [never]
      ? [Possible<O>] extends [never] ? { readonly "give one of modelId, endpointName and baseUrl": never } : unknown
      : true extends IsUnion<Given<O>> ? { readonly "give only one of modelId, endpointName and baseUrl": never }
      : unknown)
  : never

/**
 * As `OneTarget`, but with a name that stands for the model if neither `endpointName` nor `baseUrl` is given.
 *
 * @category models
 * @since 0.2.0
 */
export type OneTargetAtMost<O, Allowed> = O extends unknown ?
    & { readonly [K in Exclude<keyof O, keyof Allowed>]: never }
    & (true extends IsUnion<Given<O>> ? { readonly "give only one of endpointName and baseUrl": never } : unknown)
  : never

type Configured<O> = { readonly [K in keyof O]: O[K] extends Config.Config<infer V> ? V : O[K] }

/**
 * As `OneTarget`, for options each of which is a `Config`. A single `Config` of all of them is checked when it is read.
 *
 * @category models
 * @since 0.2.0
 */
export type OneConfigured<O, Allowed> = O extends Config.Config<unknown> ? unknown : OneTarget<Configured<O>, Allowed>

/**
 * The one target that the configuration names.
 *
 * @category models
 * @since 0.1.0
 */
export type Target =
  | { readonly _tag: "Serverless"; readonly modelId: string }
  | { readonly _tag: "Dedicated"; readonly name: string; readonly namespace: string | undefined }
  | ({ readonly _tag: "Url" } & EndpointUrl.Address)

/** A checked configuration with its one target. */
export interface Checked {
  readonly config: EndpointConfig
  readonly target: Target
}

const invalid = (problem: string, given: ReadonlyArray<string>) =>
  new EndpointError({ method: "config", reason: new InvalidConfig({ problem, given }) })

const decode = Schema.decodeUnknownEffect(EndpointConfig)

/** Attributes that were set to `undefined` are absent, and the secret is not part of the schema. */
const plain = ({ waitTimeout, ...options }: Options) => ({
  ...Object.fromEntries(Object.entries(options).filter(([name, value]) => name !== "apiKey" && value !== undefined)),
  ...(waitTimeout !== undefined && { waitTimeout: Duration.toMillis(Duration.fromInputUnsafe(waitTimeout)) })
})

/**
 * Checks a configuration. A base URL next to another target is ignored with a warning; a model id together with an endpoint,
 * or no target at all, is an error that names what was given.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const config = yield* decode(plain(options)).pipe(
    Effect.mapError((error) => invalid(error.message, []))
  )
  const { baseUrl, endpointName, endpointNamespace, modelId } = config
  const given = (["modelId", "endpointName", "endpointNamespace", "baseUrl"] as const).filter((name) =>
    config[name] !== undefined
  )
  if (modelId !== undefined && endpointName !== undefined) {
    return yield* invalid("modelId and endpointName name two targets, give one", given)
  }
  if (endpointNamespace !== undefined && endpointName === undefined) {
    return yield* invalid("endpointNamespace needs an endpointName", given)
  }
  if (baseUrl !== undefined && given.length > 1) {
    const winner = endpointName === undefined ? "modelId" : "endpointName"
    yield* Effect.logWarning(`baseUrl is ignored because ${winner} is given`)
  }
  const done = (target: Target): Checked => ({ config, target })
  if (modelId !== undefined) return done({ _tag: "Serverless", modelId })
  if (endpointName !== undefined) return done({ _tag: "Dedicated", name: endpointName, namespace: endpointNamespace })
  if (baseUrl === undefined) return yield* invalid("give one of modelId, endpointName or baseUrl", given)
  const address = EndpointUrl.parse(baseUrl)
  return Result.isSuccess(address)
    ? done({ _tag: "Url", ...address.success })
    : yield* invalid(address.failure, given)
})

/**
 * The configuration as JSON, without its secret.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = Schema.encodeSync(EndpointConfig)

/**
 * Every attribute from one environment variable: `INFERENCE_MODEL_ID`, `INFERENCE_ENDPOINT_NAME`,
 * `INFERENCE_ENDPOINT_NAMESPACE`, `INFERENCE_BASE_URL`, `INFERENCE_PROVIDER`, `INFERENCE_REVISION`, `INFERENCE_BILL_TO`,
 * `INFERENCE_MODEL_NAME`, `INFERENCE_WAIT_TIMEOUT` (`5 minutes`, `90 seconds`), `INFERENCE_MODEL_DISPLAY_NAME`,
 * `INFERENCE_ROUTER_URL`, `INFERENCE_MANAGEMENT_URL`, `INFERENCE_ENGINE`. The token is
 * not among them: it has its own variables, see `HubToken`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const fromEnv: Effect.Effect<Options, Config.ConfigError> = Effect.gen(function*() {
  const names = {
    modelId: "INFERENCE_MODEL_ID",
    endpointName: "INFERENCE_ENDPOINT_NAME",
    endpointNamespace: "INFERENCE_ENDPOINT_NAMESPACE",
    baseUrl: "INFERENCE_BASE_URL",
    provider: "INFERENCE_PROVIDER",
    revision: "INFERENCE_REVISION",
    billTo: "INFERENCE_BILL_TO",
    modelName: "INFERENCE_MODEL_NAME",
    modelDisplayName: "INFERENCE_MODEL_DISPLAY_NAME",
    routerUrl: "INFERENCE_ROUTER_URL",
    managementUrl: "INFERENCE_MANAGEMENT_URL"
  } as const
  const found: Record<string, string> = {}
  for (const [attribute, name] of Object.entries(names)) {
    const value = yield* HubEnv.variable(name)
    if (value !== undefined) found[attribute] = value
  }
  const wait = yield* Config.option(Config.Duration("INFERENCE_WAIT_TIMEOUT"))
  const engine = yield* Config.option(Config.schema(Engine.Kind, "INFERENCE_ENGINE"))
  const options: Options = {
    ...found,
    ...(Option.isSome(wait) && { waitTimeout: wait.value }),
    ...(Option.isSome(engine) && { engine: engine.value })
  }
  return options
})

/**
 * The token for a target. A token that the caller passed is sent wherever the caller points; one that was found in the
 * environment only to Hugging Face. The serverless router takes no keys of other providers.
 *
 * @category tokens
 * @since 0.1.0
 */
export const token = Effect.fnUntraced(function*(apiKey: HubToken.Input, target: Target) {
  const token = yield* HubToken.resolve(apiKey).pipe(Effect.mapError((error) => invalid(error.message, [error.source])))
  if (target._tag === "Url") {
    if (token === undefined || (apiKey === undefined && !EndpointUrl.isHuggingFace(target.url))) return undefined
    const problem = EndpointUrl.tokenProblem(target.url)
    return problem === undefined
      ? token
      : yield* invalid(problem, ["apiKey", `baseUrl ${EndpointUrl.show(target.url)}`])
  }
  if (token !== undefined && target._tag === "Serverless" && !HubToken.isHuggingFace(token)) {
    return yield* invalid(
      "the router accepts Hugging Face tokens, which start with hf_; for a key of another provider, give its address as baseUrl",
      [
        "apiKey"
      ]
    )
  }
  return token
})

/**
 * The caller's token, if Hugging Face may see it: a key of another provider is never sent to the Hub.
 *
 * @category tokens
 * @since 0.1.0
 */
export const hubToken = (apiKey: HubToken.Input): HubToken.Input =>
  apiKey === undefined || apiKey === false ||
    HubToken.isHuggingFace(Redacted.isRedacted(apiKey) ? apiKey : Redacted.make(apiKey))
    ? apiKey
    : undefined
