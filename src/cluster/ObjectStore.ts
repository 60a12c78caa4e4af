/**
 * Objects by their keys: a bucket of any store that speaks S3, over plain signed requests.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { CurrentDeadline } from "../http/Deadline.ts"
import * as Fault from "../http/Fault.ts"
import * as Retry from "../http/Retry.ts"
import * as RoundTrip from "../http/RoundTrip.ts"
import * as ClusterError from "./ClusterError.ts"
import * as Signature from "./Signature.ts"

/**
 * @category services
 * @since 0.2.0
 */
export class ObjectStore extends Context.Service<ObjectStore, {
  /** Stores an object as a whole, replacing one with the same key. */
  readonly put: (key: string, bytes: Uint8Array) => Effect.Effect<void, ClusterError.ClusterError>
  /** The bytes of an object; undefined if there is none. */
  readonly get: (key: string) => Effect.Effect<Uint8Array | undefined, ClusterError.ClusterError>
  /** The keys with this prefix, sorted. */
  readonly list: (prefix: string) => Effect.Effect<ReadonlyArray<string>, ClusterError.ClusterError>
}>()("effect-inference-endpoints/cluster/ObjectStore") {}

/**
 * @category models
 * @since 0.2.0
 */
export interface Options extends Signature.Credentials {
  readonly bucket: string
  /** A prefix of every key, such as `jobs/june`. Default: nothing. */
  readonly prefix?: string | undefined
  /** Default: that of AWS in the region. The bucket is the first segment of the path. */
  readonly endpoint?: string | undefined
}

/** The objects of a shard are a few megabytes. */
const LARGEST = 1024 ** 3
const TIMEOUT = "2 minutes"
const MISSING = 404

/** A failed request: whether it is temporary, and the store's message. */
interface Refusal {
  readonly status: number
  readonly problem: string
}

const passes = ({ status }: Refusal): boolean => status === 0 || status === 408 || status === 429 || status >= 500

const verdict = (refusal: Refusal): Retry.Verdict => ({
  tag: passes(refusal) ? "StoreFailed" : "StoreRefused",
  message: refusal.problem,
  retry: passes(refusal),
  throttled: refusal.status === 429 || refusal.status === 503
})

const tag = (name: string, xml: string): string | undefined => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]

const wordsOf = (answer: RoundTrip.Answer): string => {
  const xml = RoundTrip.text(answer)
  return [`status ${answer.status}`, tag("Code", xml), tag("Message", xml)].filter((part) => part !== undefined).join(
    " "
  )
}

/** Keys are escaped as in a form, since XML cannot represent some characters. */
const unescaped = (text: string): string => decodeURIComponent(text.replaceAll("+", " "))

/**
 * Builds the service.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*({ bucket, endpoint, prefix = "", ...credentials }: Options) {
  const client = yield* HttpClient.HttpClient
  const address = URL.parse(endpoint ?? `https://s3.${credentials.region}.amazonaws.com`)
  if (address === null || address.username !== "" || !/^https?:$/.test(address.protocol)) {
    return yield* ClusterError.make(
      "connect",
      new ClusterError.InvalidJobOptions({
        problems: [`the address of the object store is not an http or https URL`]
      })
    )
  }
  const base = `${address.href.replace(/\/+$/, "")}/${Signature.escape(bucket)}`
  const keyOf = (key: string) => prefix === "" ? key : `${prefix.replace(/\/+$/, "")}/${key}`
  const pathOf = (key: string) => `${base}/${keyOf(key).split("/").map(Signature.escape).join("/")}`

  const once = Effect.fnUntraced(function*(method: "GET" | "PUT", url: URL, bytes: Uint8Array) {
    const headers = yield* Signature.headers(credentials, method, url, bytes, yield* Clock.currentTimeMillis)
    const answer = yield* RoundTrip.run(client, {
      method,
      url: url.href,
      headers,
      ...(method === "PUT" && {
        content: { type: "application/octet-stream", size: bytes.length, bytes: Stream.succeed(bytes) }
      }),
      limit: LARGEST,
      timeout: TIMEOUT
    }).pipe(Effect.mapError((fault): Refusal => ({ status: 0, problem: Fault.describe(fault) })))
    return answer.status >= 200 && answer.status < 300
      ? answer
      : yield* Effect.fail<Refusal>({ status: answer.status, problem: wordsOf(answer) })
  })

  const send = (method: "GET" | "PUT", key: string, address: string, bytes: Uint8Array = new Uint8Array()) => {
    const subject = `s3://${bucket}/${keyOf(key)}`
    return Effect.flatMap(CurrentDeadline, (deadline) =>
      Retry.run(
        () => once(method, new URL(address), bytes),
        { subject, policy: Retry.make({ attempts: 6, quota: false }), deadline, verdict },
        (refusal: Refusal) => refusal
      )).pipe(
        Effect.mapError((refusal) => ({
          refusal,
          error: ClusterError.make(
            "files",
            passes(refusal)
              ? new ClusterError.StoreFailed({ object: subject, problem: refusal.problem })
              : new ClusterError.StoreRefused({ object: subject, problem: refusal.problem })
          )
        }))
      )
  }

  const list = Effect.fnUntraced(function*(start: string) {
    const found: Array<string> = []
    for (let token: string | undefined = "";;) {
      const url = new URL(base)
      url.search = new URLSearchParams({
        "list-type": "2",
        "encoding-type": "url",
        prefix: keyOf(start),
        ...(token !== "" && { "continuation-token": token })
      }).toString().replaceAll("+", "%20")
      const answer: RoundTrip.Answer = yield* Effect.mapError(send("GET", start, url.href), ({ error }) => error)
      const xml = RoundTrip.text(answer)
      for (const [, key = ""] of xml.matchAll(/<Key>([^<]*)<\/Key>/g)) {
        found.push(unescaped(key).slice(keyOf("").length))
      }
      token = tag("NextContinuationToken", xml)
      if (token === undefined) return found.toSorted()
    }
  })

  return ObjectStore.of({
    put: (key, bytes) =>
      send("PUT", key, pathOf(key), bytes).pipe(Effect.mapError(({ error }) => error), Effect.asVoid),
    get: (key) =>
      send("GET", key, pathOf(key)).pipe(
        Effect.map(({ body }): Uint8Array | undefined => body),
        Effect.catch(({ error, refusal }) =>
          refusal.status === MISSING && !refusal.problem.includes("NoSuchBucket")
            ? Effect.undefined
            : Effect.fail(error)
        )
      ),
    list
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Options
): Layer.Layer<ObjectStore, ClusterError.ClusterError, HttpClient.HttpClient> =>
  Layer.effect(ObjectStore, make(options))

const variables = Config.all({
  accessKeyId: Config.String("AWS_ACCESS_KEY_ID"),
  secretAccessKey: Config.Redacted("AWS_SECRET_ACCESS_KEY"),
  sessionToken: Config.option(Config.Redacted("AWS_SESSION_TOKEN")),
  region: Config.String("AWS_REGION").pipe(
    Config.orElse(() => Config.String("AWS_DEFAULT_REGION")),
    Config.withDefault("us-east-1")
  ),
  endpoint: Config.option(
    Config.String("AWS_ENDPOINT_URL_S3").pipe(Config.orElse(() => Config.String("AWS_ENDPOINT_URL")))
  )
})

/**
 * A bucket by its name, `s3://bucket/prefix`, with the credentials, region and address from the environment variables of
 * AWS. Uses the `HttpClient` in the context.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerEnv = (name: string): Layer.Layer<ObjectStore, ClusterError.ClusterError> =>
  Layer.effect(
    ObjectStore,
    Effect.gen(function*() {
      const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(name) ?? []
      const refuse = (problem: string) =>
        ClusterError.make("connect", new ClusterError.InvalidJobOptions({ problems: [`${name}: ${problem}`] }))
      const client = Option.getOrUndefined(yield* Effect.serviceOption(HttpClient.HttpClient))
      if (bucket === "") return yield* refuse("the address of an object store looks like s3://bucket/prefix")
      if (client === undefined) return yield* refuse("the program has no HttpClient: provide NodeTransport.layer")
      const { endpoint, sessionToken, ...found } = yield* Effect.mapError(variables, ({ message }) => refuse(message))
      return yield* make({
        ...found,
        bucket,
        prefix,
        endpoint: Option.getOrUndefined(endpoint),
        sessionToken: Option.getOrUndefined(sessionToken)
      }).pipe(Effect.provideService(HttpClient.HttpClient, client))
    })
  )
