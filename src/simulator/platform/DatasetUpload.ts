/**
 * How large files of a repository are sent: by LFS, whole or in parts, and with the tokens of Xet.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Commit from "./DatasetCommit.ts"
import { refuse } from "./DatasetRefs.ts"
import type * as Storage from "./DatasetStorage.ts"

/**
 * What uploads work on.
 *
 * @category models
 * @since 0.2.0
 */
export interface Uploads {
  readonly kind: "datasets" | "models"
  readonly storage: Storage.Storage
  /** Where the Hub and its storage are, without a trailing slash. */
  readonly hub: string
  readonly cdn: string
  /** Files larger than this many bytes are sent in parts. */
  readonly partSize: number
}

/**
 * The path of a repository's pages: for models the id alone.
 *
 * @category accessors
 * @since 0.2.0
 */
export const pathOf = (state: Uploads, id: string): string => state.kind === "models" ? id : `${state.kind}/${id}`

/** A token of Xet, and its headers. */
const xetGrant = (state: Uploads) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const token = { casUrl: state.cdn, accessToken: "xet_write", exp: Math.floor(now / 1000) + 3600 }
    const headers = {
      "x-xet-cas-url": token.casUrl,
      "x-xet-access-token": token.accessToken,
      "x-xet-token-expiration": String(token.exp)
    }
    return { token, headers }
  })

/**
 * A token to write with Xet.
 *
 * @category responses
 * @since 0.2.0
 */
export const xetToken = (state: Uploads): Effect.Effect<Exchange.Response> =>
  Effect.map(xetGrant(state), ({ headers, token }) => Double.json(200, token, headers))

/**
 * The address of an object in the storage.
 *
 * @category accessors
 * @since 0.2.0
 */
export const signedUrl = (state: Uploads, oid: string, query = ""): string =>
  `${state.cdn}/lfs/${oid}?X-Amz-Signature=a%2Fb${query}`

const action = (state: Uploads, id: string, oid: string, size: number) => {
  const verify = { href: `${state.hub}/${pathOf(state, id)}.git/info/lfs/objects/verify`, header: {} }
  if (size <= state.partSize) return { upload: { href: signedUrl(state, oid), header: {} }, verify }
  const parts = Array.from({ length: Math.ceil(size / state.partSize) }, (_, at) => [
    String(at + 1).padStart(5, "0"),
    signedUrl(state, oid, `&partNumber=${at + 1}`)
  ])
  return {
    upload: {
      href: signedUrl(state, oid, "&uploadId=1"),
      header: { chunk_size: String(state.partSize), ...Object.fromEntries(parts) }
    },
    verify
  }
}

/**
 * The routes of LFS: `batch` and `verify`.
 *
 * @category responses
 * @since 0.2.0
 */
export const lfs = Effect.fnUntraced(function*(state: Uploads, request: Double.Received, id: string, verb: string) {
  const body = Commit.json(request.body)
  const objects: unknown = typeof body === "object" && body !== null
    ? verb === "batch" ? Reflect.get(body, "objects") : [body]
    : undefined
  if (!Array.isArray(objects)) return refuse(422, "\"objects\" is required")
  const known = objects.map((object: { readonly oid: string; readonly size: number }) => ({
    oid: object.oid,
    size: object.size,
    found: state.storage.files.get(object.oid)
  }))
  if (verb === "verify") {
    return known.every(({ found, size }) => found?.length === size)
      ? Double.json(200, {})
      : refuse(404, "the object is not there or has another size")
  }
  const transfers: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "transfers") : undefined
  const isXet = Array.isArray(transfers) && transfers.includes("xet")
  const upload = {
    href: `${state.hub}/api/${state.kind}/${id}/xet-write-token/main`,
    header: (yield* xetGrant(state)).headers
  }
  return Double.json(200, {
    transfer: isXet ? "xet" : "basic",
    objects: known.map(({ found, oid, size }) => ({
      oid,
      size,
      ...(found === undefined && { actions: isXet ? { upload } : action(state, id, oid, size) })
    }))
  }, { "content-type": "application/vnd.git-lfs+json" })
})
