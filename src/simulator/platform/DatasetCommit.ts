/**
 * Writing to a repository: how to upload each file, and commits as lines of JSON.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Double from "../wire/Double.ts"
import * as Repo from "./DatasetRepo.ts"

/**
 * How a request is refused.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refusal {
  readonly status: number
  readonly message: string
}

const refusal = (status: number, message: string): Refusal => ({ status, message })

/**
 * @category predicates
 * @since 0.2.0
 */
export const isRefusal = (value: object): value is Refusal => "status" in value && "message" in value

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * The JSON of a body; undefined if it is not JSON.
 *
 * @category reading
 * @since 0.2.0
 */
export const json = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** Lines of a `.gitignore`: names, `*.ending`, `folder/`, and `!` before what is kept after all. */
const isIgnored = (path: string, gitIgnore: string): boolean => {
  let ignored = false
  for (const line of gitIgnore.split("\n").map((line) => line.trim())) {
    if (line === "" || line.startsWith("#")) continue
    const kept = line.startsWith("!")
    const pattern = (kept ? line.slice(1) : line).replace(/^\//, "")
    const segments = path.split("/")
    const matches = pattern.endsWith("/")
      ? segments.slice(0, -1).includes(pattern.slice(0, -1))
      : pattern.startsWith("*")
      ? path.endsWith(pattern.slice(1))
      : segments.includes(pattern) || path === pattern
    if (matches) ignored = !kept
  }
  return ignored
}

/** Extensions that the Hub's own attributes send to large storage, whatever the size of the file. */
const LARGE = /\.(?:parquet|arrow|gz|zst|zip|bin|safetensors|npz|png|jpg|wav|mp3)$/i

const decoder = new TextDecoder()

/**
 * Says how to upload each file.
 *
 * @category routes
 * @since 0.2.0
 */
export const preupload = (commit: Repo.Commit, body: unknown): Refusal | Readonly<Record<string, unknown>> => {
  const files = isObject(body) ? body["files"] : undefined
  if (!Array.isArray(files)) return refusal(400, "\"files\" is required")
  if (files.length > 256) return refusal(400, "\"files\" must contain less than or equal to 256 items")
  const own = commit.files.get(".gitignore")?.bytes
  const given = isObject(body) && typeof body["gitIgnore"] === "string" ? body["gitIgnore"] : undefined
  const gitIgnore = given ?? (own === undefined ? "" : decoder.decode(own))
  const answers = files.map((file: unknown) => {
    if (!isObject(file) || typeof file["path"] !== "string" || typeof file["size"] !== "number") return undefined
    const { path, size } = file
    const now = commit.files.get(path)
    return {
      path,
      uploadMode: size > 0 && (LARGE.test(path) || size > 10 * 1024 * 1024) ? "lfs" : "regular",
      shouldIgnore: isIgnored(path, gitIgnore),
      ...(now !== undefined && { oid: now.lfs ?? now.oid })
    }
  })
  return answers.every((answer) => answer !== undefined)
    ? { files: answers }
    : refusal(400, "every file needs \"path\" and \"size\"")
}

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))

type Line = { readonly key: string; readonly value: Readonly<Record<string, unknown>> }

const linesOf = (body: string): ReadonlyArray<Line> | undefined => {
  const lines = body.split("\n").filter((line) => line.trim() !== "").map(json)
  const found = lines.flatMap((line) =>
    isObject(line) && typeof line["key"] === "string" && isObject(line["value"])
      ? [{ key: line["key"], value: line["value"] }]
      : []
  )
  return found.length === lines.length && found.length > 0 ? found : undefined
}

const removed = (files: Map<string, Repo.Entry>, { key, value }: Line): void => {
  const path = String(value["path"])
  if (key === "deletedFile") files.delete(path)
  else for (const name of files.keys()) if (name.startsWith(path.replace(/\/?$/, "/"))) files.delete(name)
}

/**
 * Makes a commit at the end of a branch's history. `stored` is what large storage has, by SHA-256.
 *
 * @category routes
 * @since 0.2.0
 */
export const commit = Effect.fnUntraced(function*(
  repo: Repo.DatasetRepo,
  history: Array<Repo.Commit>,
  request: Double.Received,
  stored: ReadonlyMap<string, Uint8Array>
) {
  if (request.headers["content-type"]?.startsWith("application/x-ndjson") !== true) {
    return refusal(415, "content-type must be application/x-ndjson")
  }
  const lines = linesOf(request.body)
  const [header, ...changes] = lines ?? []
  if (header?.key !== "header" || typeof header.value["summary"] !== "string") {
    return refusal(400, "the first line must be a header with a summary")
  }
  const head = history.at(-1)
  const parent = header.value["parentCommit"]
  if (parent !== undefined && parent !== head?.oid) {
    return refusal(412, "A commit has happened since. Please refresh and try again.")
  }
  const files = new Map(head?.files)
  for (const change of changes) {
    const { key, value } = change
    const path = String(value["path"])
    if (key === "file") files.set(path, yield* Repo.regular(fromBase64(String(value["content"]))))
    else if (key === "lfsFile") {
      const oid = String(value["oid"])
      const bytes = stored.get(oid)
      if (bytes === undefined) return refusal(422, `LFS pointer pointed to a file that does not exist: ${path}`)
      files.set(path, yield* Repo.large(oid, bytes))
    } else if (key === "deletedFile" || key === "deletedFolder") removed(files, change)
    else return refusal(400, `unknown key ${key}`)
  }
  return yield* Repo.commit(repo, header.value["summary"], files, history)
})
