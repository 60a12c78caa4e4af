/**
 * Dedicated Inference Endpoints as a service: list, read, create, change, pause, resume, scale to zero, delete, and wait;
 * their logs, what they can run on, and the catalogue of models that were tested.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { RequestDefaults } from "../../http/RequestDefaults.ts"
import * as Retry from "../../http/Retry.ts"
import * as RoundTrip from "../../http/RoundTrip.ts"
import * as Hub from "../../hub/Hub.ts"
import * as HubToken from "../../hub/HubToken.ts"
import * as Health from "../address/Health.ts"
import * as EndpointError from "../EndpointError.ts"
import * as Catalogue from "./Catalogue.ts"
import * as Dedicated from "./Dedicated.ts"
import { Create, type DedicatedEndpoint, Update } from "./DedicatedEndpoint.ts"
import * as EndpointName from "./EndpointName.ts"
import * as Hardware from "./Hardware.ts"
import * as Logs from "./Logs.ts"
import * as Management from "./Management.ts"
import type { WaitProgress } from "./Waiting.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class EndpointsApi extends Context.Service<EndpointsApi, {
  /** All endpoints of a namespace, page after page; `search` is a part of the name, `tags` must all be there. */
  readonly list: (options?: {
    readonly namespace?: string | undefined
    readonly search?: string | undefined
    readonly tags?: ReadonlyArray<string> | undefined
  }) => Stream.Stream<DedicatedEndpoint, EndpointError.EndpointError>
  readonly get: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  readonly create: (
    endpoint: Create,
    options?: { readonly namespace?: string | undefined }
  ) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Changes the keys that are there. */
  readonly update: (
    name: EndpointName.Name,
    changes: Update
  ) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Stops it until it is resumed; requests do not wake it, and it costs nothing. */
  readonly pause: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Starts it again. One that runs already is not an error. */
  readonly resume: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Drops all replicas until the next request. */
  readonly scaleToZero: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Cannot be undone. */
  readonly delete: (name: EndpointName.Name) => Effect.Effect<void, EndpointError.EndpointError>
  /** Waits until it answers, resuming and waking it where the options allow. */
  readonly wait: (
    name: EndpointName.Name,
    options?: Dedicated.Options
  ) => Effect.Effect<Dedicated.Ready, EndpointError.EndpointError>
  /** `wait` as a stream of what happens; its last element is `Ready`, or it fails as `wait` does. */
  readonly watch: (
    name: EndpointName.Name,
    options?: Omit<Dedicated.Options, "onProgress">
  ) => Stream.Stream<WaitProgress, EndpointError.EndpointError>
  /** What its replicas printed, line by line. */
  readonly logs: (
    name: EndpointName.Name,
    options?: Logs.Options
  ) => Stream.Stream<string, EndpointError.EndpointError>
  /** What endpoints can run on, with prices and the quota of the namespace; what cannot be had now is among it. */
  readonly hardware: (
    options?: { readonly namespace?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<Hardware.Hardware>, EndpointError.EndpointError>
  /** The models of the catalogue, each with its tested recipes. Needs no token. */
  readonly catalogue: (
    query?: Catalogue.Query
  ) => Effect.Effect<ReadonlyArray<Catalogue.Model>, EndpointError.EndpointError>
  /** Creates an endpoint from the catalogue. Without a name the platform makes one up. */
  readonly deploy: (
    choice: Catalogue.Choice,
    options?: { readonly name?: string | undefined; readonly namespace?: string | undefined }
  ) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
}>()("effect-inference-endpoints/endpoint/EndpointsApi") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Absent: the environment and the token file are searched. */
  readonly token?: HubToken.Input
  /** Default `https://api.endpoints.huggingface.cloud/v2`. */
  readonly baseUrl?: string | undefined
  /**
   * The catalogue. Default `https://endpoints.huggingface.co/api/v1/catalog`, or that path of the host of `baseUrl` where one
   * is given.
   */
  readonly catalogueUrl?: string | undefined
  /**
   * When a call that comes to the same when it is made twice is repeated, in whole or in part. `create`, `deploy`, `resume`
   * and `delete` are sent once. Default: what `RequestDefaults` says, else `Retry.standard`.
   */
  readonly retry?: Retry.Input | undefined
}

const named = (method: string) => <A, R>(effect: Effect.Effect<A, EndpointError.Reason, R>) =>
  effect.pipe(
    Effect.mapError((reason) => new EndpointError.EndpointError({ method, reason })),
    Effect.withSpan(`EndpointsApi.${method}`)
  )

const invalid = (problem: string, given: ReadonlyArray<string> = []) =>
  new EndpointError.InvalidConfig({ problem, given })

const addressOf = (of: string, address: string): Effect.Effect<URL, EndpointError.Reason> => {
  const url = URL.parse(address)
  return url === null || url.username !== "" || url.password !== "" || !RoundTrip.isPrivate(url)
    ? Effect.fail(invalid(`the address of the ${of} is an https URL without userinfo`))
    : Effect.succeed(url)
}

const settingsOf = Effect.fnUntraced(function*(options: Options) {
  const baseUrl = yield* addressOf("management API", options.baseUrl ?? "https://api.endpoints.huggingface.cloud/v2")
  const catalogueUrl = yield* addressOf(
    "catalogue",
    options.catalogueUrl ??
      `${options.baseUrl === undefined ? "https://endpoints.huggingface.co" : baseUrl.origin}/api/v1/catalog`
  )
  const token = yield* HubToken.resolve(options.token).pipe(
    Effect.mapError((error) => invalid(error.message, [error.source]))
  )
  const defaults = yield* RequestDefaults
  const settings: Management.Settings = {
    client: yield* HttpClient.HttpClient,
    baseUrl,
    catalogueUrl,
    token,
    retry: Retry.make({ quota: false, ...(options.retry ?? defaults.retry) }),
    userAgent: defaults.userAgent
  }
  return settings
})

const encodeCreate = Management.encode(Create)
const encodeUpdate = Management.encode(Update)

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const path = EndpointName.pathOf(yield* Hub.Hub)
  const settings = yield* named("make")(settingsOf(options))
  const call = <A>(request: Management.Call<A>) => Management.call(settings, request)

  const about = <A>(
    { name, namespace }: EndpointName.Name,
    request: (subject: string) => Effect.Effect<A, EndpointError.Reason>
  ) => Effect.flatMap(path(name, namespace), request)

  const repeated = (subject: string) => Management.repeated(settings, subject)

  const get = (subject: string) => call({ method: "GET", subject, path: subject, decode: Management.endpoint })

  const state = (subject: string) => repeated(subject)(get(subject))

  const act = (action: "pause" | "resume" | "scale-to-zero") => (subject: string) =>
    call({ method: "POST", subject, path: `${subject}/${action}`, decode: Management.endpoint })

  const create = (subject: string, owner: string, body: unknown, { model }: Create) =>
    Management.once(call({ method: "POST", subject, path: owner, body, decode: Management.endpoint }), {
      action: "create the endpoint",
      state: state(subject),
      done: (found) =>
        Result.isSuccess(found) && found.success.model.repository === model.repository ? found.success : undefined
    })

  const deploy = (owner: string, choice: Catalogue.Choice, name: string | undefined) => {
    const path = Catalogue.route(choice)
    if (path === undefined) return Effect.fail(invalid("deploy takes a model as `owner/name`, or the id of a recipe"))
    const subject = name === undefined ? owner : `${owner}/${name}`
    const { accelerator, ggufFile } = "recipe" in choice ? {} : choice
    const body = {
      namespace: owner,
      ...(name !== undefined && { config: { name } }),
      ...(accelerator !== undefined && { accelerator }),
      ...(ggufFile !== undefined && { ggufFile })
    }
    const sent = call({ method: "POST", about: "catalogue", subject, path, body, decode: Management.deployed })
    return Management.once(Effect.map(sent, ({ endpoint }) => endpoint), {
      action: "deploy the model",
      // without a name there is nothing to look for
      state: name === undefined ? invalid("the endpoint has no name yet") : state(subject),
      done: (found) =>
        Result.isSuccess(found) && "repository" in choice && found.success.model.repository === choice.repository
          ? found.success
          : undefined
    })
  }

  const resume = (subject: string) =>
    Management.once(act("resume")(subject), {
      action: "resume the endpoint",
      state: state(subject),
      done: (found) => Result.isSuccess(found) && found.success.status.state !== "paused" ? found.success : undefined
    }).pipe(Effect.catchIf(Management.isResumed, () => state(subject)))

  const remove = (subject: string) =>
    Management.once(
      Effect.as(call({ method: "DELETE", subject, path: subject, decode: Management.nothing }), true as const),
      {
        action: "delete the endpoint",
        state: state(subject),
        done: (found) => Result.isFailure(found) && found.failure._tag === "NotFound" ? true as const : undefined
      }
    )

  const pages = (owner: string, query: URLSearchParams) =>
    Stream.paginate("", (cursor) => {
      if (cursor !== "") query.set("cursor", cursor)
      const text = query.size === 0 ? "" : `?${query}`
      return call({ method: "GET", subject: owner, path: owner + text, decode: Management.page })
        .pipe(
          repeated(owner),
          Effect.map(({ items, nextCursor }) =>
            [items, nextCursor ? Option.some(nextCursor) : Option.none<string>()] as const
          )
        )
    })

  const wait = (name: EndpointName.Name, waiting: Dedicated.Options = {}) =>
    named("wait")(about(name, (subject) =>
      Dedicated.wait({
        subject,
        retry: settings.retry,
        get: get(subject),
        resume: Effect.catchIf(act("resume")(subject), Management.isResumed, () => Effect.void),
        health: (request) => Health.check(settings.client, settings.token, request)
      }, waiting)))

  return EndpointsApi.of({
    list: ({ namespace, search, tags } = {}) =>
      Stream.unwrap(Effect.map(path(undefined, namespace), (owner) =>
        pages(
          owner,
          new URLSearchParams({
            ...(search !== undefined && { search }),
            ...(tags !== undefined && tags.length > 0 && { tags: tags.join(",") })
          })
        ))).pipe(
          Stream.mapError((reason) => new EndpointError.EndpointError({ method: "list", reason })),
          Stream.withSpan("EndpointsApi.list")
        ),
    get: (name) => named("get")(about(name, state)),
    create: (endpoint, { namespace } = {}) =>
      named("create")(Effect.gen(function*() {
        const owner = yield* path(undefined, namespace)
        const subject = `${owner}/${endpoint.name}`
        const body = yield* encodeCreate(subject, endpoint)
        return yield* create(subject, owner, body, endpoint)
      })),
    update: (name, changes) =>
      named("update")(
        about(name, (subject) =>
          Effect.flatMap(encodeUpdate(subject, changes), (body) =>
            repeated(subject)(call({ method: "PUT", subject, path: subject, body, decode: Management.endpoint }))))
      ),
    pause: (name) => named("pause")(about(name, (subject) => repeated(subject)(act("pause")(subject)))),
    resume: (name) => named("resume")(about(name, resume)),
    scaleToZero: (name) =>
      named("scaleToZero")(about(name, (subject) => repeated(subject)(act("scale-to-zero")(subject)))),
    delete: (name) => named("delete")(Effect.asVoid(about(name, remove))),
    wait,
    watch: (name, waiting) =>
      Stream.callback((queue) =>
        wait(name, { ...waiting, onProgress: (progress) => Queue.offer(queue, progress) }).pipe(
          Effect.andThen(Queue.end(queue))
        )
      ),
    logs: (name, options) =>
      Stream.unwrap(Effect.map(path(name.name, name.namespace), (subject) => Logs.lines(settings, subject, options)))
        .pipe(
          Stream.mapError((reason) => new EndpointError.EndpointError({ method: "logs", reason })),
          Stream.withSpan("EndpointsApi.logs")
        ),
    hardware: ({ namespace } = {}) =>
      named("hardware")(
        Effect.flatMap(path(undefined, namespace), (owner) =>
          repeated(owner)(
            call({ method: "GET", about: "provider", subject: owner, path: owner, decode: Management.hardware })
          )).pipe(Effect.map(Hardware.list))
      ),
    catalogue: (query = {}) =>
      named("catalogue")(
        repeated("the catalogue")(call({
          method: "GET",
          about: "catalogue",
          subject: "the catalogue",
          path: `list${Catalogue.search(query)}`,
          decode: Management.catalogue
        })).pipe(Effect.map(({ items }) => items))
      ),
    deploy: (choice, { name, namespace } = {}) =>
      named("deploy")(Effect.gen(function*() {
        const owner = yield* path(undefined, namespace)
        if (name !== undefined) yield* path(name, owner)
        return yield* deploy(owner, choice, name)
      }))
  })
})

/**
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { EndpointsApi, FetchTransport } from "effect-inference-endpoints"
 *
 * const pause = Effect.gen(function*() {
 *   const api = yield* EndpointsApi.EndpointsApi
 *   return yield* api.pause({ namespace: "my-org", name: "my-endpoint" })
 * }).pipe(Effect.provide(EndpointsApi.layer().pipe(Layer.provide(FetchTransport.layer))))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<EndpointsApi, EndpointError.EndpointError, HttpClient.HttpClient | Hub.Hub> =>
  Layer.effect(EndpointsApi, make(options))

/**
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<EndpointsApi, EndpointError.EndpointError | Config.ConfigError, HttpClient.HttpClient | Hub.Hub> =>
  Layer.effect(EndpointsApi, Effect.flatMap(Config.unwrap(options), make))
