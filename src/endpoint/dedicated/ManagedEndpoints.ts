/**
 * What the service of dedicated endpoints does, over a given management API.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Health from "../address/Health.ts"
import * as EndpointError from "../EndpointError.ts"
import * as Catalogue from "./Catalogue.ts"
import * as Dedicated from "./Dedicated.ts"
import { Create, Update } from "./DedicatedEndpoint.ts"
import type * as EndpointName from "./EndpointName.ts"
import * as Hardware from "./Hardware.ts"
import * as Logs from "./Logs.ts"
import * as Management from "./Management.ts"
import { invalid, named } from "./Method.ts"
import type { WaitProgress } from "./Waiting.ts"

const encodeCreate = Management.encode(Create)
const encodeUpdate = Management.encode(Update)

interface Owned {
  readonly namespace?: string | undefined
}

interface Listed extends Owned {
  readonly search?: string | undefined
  readonly tags?: ReadonlyArray<string> | undefined
}

/**
 * The methods of the service.
 *
 * @category constructors
 * @since 0.2.0
 */
export const of = (
  settings: Management.Settings,
  path: ReturnType<typeof EndpointName.pathOf>
) => {
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
      // without a name there is nothing to look up
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

  return {
    list: ({ namespace, search, tags }: Listed = {}) =>
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
    get: (name: EndpointName.Name) => named("get")(about(name, state)),
    create: (endpoint: Create, { namespace }: Owned = {}) =>
      named("create")(Effect.gen(function*() {
        const owner = yield* path(undefined, namespace)
        const subject = `${owner}/${endpoint.name}`
        const body = yield* encodeCreate(subject, endpoint)
        return yield* create(subject, owner, body, endpoint)
      })),
    update: (name: EndpointName.Name, changes: Update) =>
      named("update")(
        about(name, (subject) =>
          Effect.flatMap(encodeUpdate(subject, changes), (body) =>
            repeated(subject)(call({ method: "PUT", subject, path: subject, body, decode: Management.endpoint }))))
      ),
    pause: (name: EndpointName.Name) =>
      named("pause")(about(name, (subject) => repeated(subject)(act("pause")(subject)))),
    resume: (name: EndpointName.Name) => named("resume")(about(name, resume)),
    scaleToZero: (name: EndpointName.Name) =>
      named("scaleToZero")(about(name, (subject) => repeated(subject)(act("scale-to-zero")(subject)))),
    delete: (name: EndpointName.Name) => named("delete")(Effect.asVoid(about(name, remove))),
    wait,
    watch: (name: EndpointName.Name, waiting?: Omit<Dedicated.Options, "onProgress">) =>
      Stream.callback<WaitProgress, EndpointError.EndpointError>((queue) =>
        wait(name, { ...waiting, onProgress: (progress) => Queue.offer(queue, progress) }).pipe(
          Effect.andThen(Queue.end(queue))
        )
      ),
    logs: (name: EndpointName.Name, options?: Logs.Options) =>
      Stream.unwrap(Effect.map(path(name.name, name.namespace), (subject) => Logs.lines(settings, subject, options)))
        .pipe(
          Stream.mapError((reason) => new EndpointError.EndpointError({ method: "logs", reason })),
          Stream.withSpan("EndpointsApi.logs")
        ),
    hardware: ({ namespace }: Owned = {}) =>
      named("hardware")(
        Effect.flatMap(path(undefined, namespace), (owner) =>
          repeated(owner)(
            call({ method: "GET", about: "provider", subject: owner, path: owner, decode: Management.hardware })
          )).pipe(Effect.map(Hardware.list))
      ),
    catalogue: (query: Catalogue.Query = {}) =>
      named("catalogue")(
        repeated("the catalogue")(call({
          method: "GET",
          about: "catalogue",
          subject: "the catalogue",
          path: `list${Catalogue.search(query)}`,
          decode: Management.catalogue
        })).pipe(Effect.map(({ items }) => items))
      ),
    deploy: (choice: Catalogue.Choice, { name, namespace }: Owned & { readonly name?: string | undefined } = {}) =>
      named("deploy")(Effect.gen(function*() {
        const owner = yield* path(undefined, namespace)
        if (name !== undefined) yield* path(name, owner)
        return yield* deploy(owner, choice, name)
      }))
  }
}
