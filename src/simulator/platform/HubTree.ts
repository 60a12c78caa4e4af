/**
 * What the Hub says of a model repository's files: trees and folders, chosen paths, revisions, commits.
 *
 * @since 0.2.0
 */
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"

/**
 * The files of a repository.
 *
 * @category models
 * @since 0.2.0
 */
export interface Files {
  readonly commit: string
  readonly revisions?: ReadonlyArray<string>
  readonly files: Readonly<Record<string, string>>
  readonly large?: ReadonlyArray<string>
}

/** A stand-in for a content hash that is as long as one. @category hashes @since 0.2.0 */
export const hashOf = (content: string, length: number): string => {
  let hash = 7
  for (const char of content) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0
  return hash.toString(16).padStart(8, "0").repeat(8).slice(0, length)
}

const sizeOf = (content: string): number => new TextEncoder().encode(content).length

const storedOf = (repo: Files, path: string, content: string) => {
  const size = sizeOf(content)
  const large = repo.large?.includes(path) === true
  return { size, ...(large && { lfs: { oid: hashOf(content, 64), size, pointerSize: 134 } }) }
}

const fileEntry = (repo: Files, path: string, content: string) => ({
  type: "file",
  oid: hashOf(content, 40),
  ...storedOf(repo, path, content),
  path
})

const folderEntry = (path: string) => ({ type: "directory", oid: hashOf(path, 40), size: 0, path })

const foldersOf = (repo: Files): ReadonlyArray<string> => [
  ...new Set(
    Object.keys(repo.files).flatMap((path) => {
      const parts = path.split("/").slice(0, -1)
      return parts.map((_, at) => parts.slice(0, at + 1).join("/"))
    })
  )
]

/**
 * The entries below a folder, folders first; without `recursive` those that lie in it directly.
 *
 * @category routes
 * @since 0.2.0
 */
export const entries = (repo: Files, below: string, recursive: boolean): ReadonlyArray<object> => {
  const prefix = below === "" ? "" : `${below}/`
  const isIn = (path: string): boolean =>
    path.startsWith(prefix) && (recursive || !path.slice(prefix.length).includes("/"))
  return [
    ...foldersOf(repo).filter(isIn).map(folderEntry),
    ...Object.entries(repo.files).filter(([path]) => isIn(path)).map(([path, content]) =>
      fileEntry(repo, path, content)
    )
  ]
}

/**
 * `POST /api/models/{id}/paths-info/{revision}`: those of the paths that exist.
 *
 * @category routes
 * @since 0.2.0
 */
export const pathsInfo = (repo: Files, request: Double.Received): Exchange.Response => {
  const folders = foldersOf(repo)
  return Double.json(
    200,
    pathsOf(request).flatMap((path) => {
      const content = repo.files[path]
      if (content !== undefined) return [fileEntry(repo, path, content)]
      return folders.includes(path) ? [folderEntry(path)] : []
    })
  )
}

/** Python's client sends a form, others JSON. */
const pathsOf = ({ body }: Double.Received): ReadonlyArray<string> => {
  if (!body.startsWith("{")) return new URLSearchParams(body).getAll("paths")
  try {
    const parsed: { readonly paths?: unknown } = JSON.parse(body)
    return Array.isArray(parsed.paths) ? parsed.paths.map(String) : [String(parsed.paths)]
  } catch {
    return []
  }
}

/** `GET /api/models/{id}/refs`. @category routes @since 0.2.0 */
export const refs = ({ commit, revisions = [] }: Files): Exchange.Response =>
  Double.json(200, {
    branches: [{ name: "main", ref: "refs/heads/main", targetCommit: commit }],
    converts: [],
    tags: revisions.map((name) => ({ name, ref: `refs/tags/${name}`, targetCommit: commit }))
  })

/** `GET /api/models/{id}/commits/{revision}`: there is one. @category routes @since 0.2.0 */
export const commits = ({ commit }: Files): Exchange.Response =>
  Double.json(200, [{
    id: commit,
    title: "initial commit",
    message: "",
    authors: [{ user: "simulator" }],
    date: "2026-01-01T00:00:00.000Z"
  }], { "x-total-count": "1" })

/** The files as a repository's own page lists them; with `blobs` their sizes too. @category routes @since 0.2.0 */
export const siblings = (repo: Files, blobs: boolean): ReadonlyArray<object> =>
  Object.entries(repo.files).map(([rfilename, content]) =>
    blobs
      ? { rfilename, blobId: hashOf(content, 40), ...storedOf(repo, rfilename, content) }
      : { rfilename }
  )

/**
 * A body, or the part of it that a `Range` header asks for; 416 where it lies behind the end.
 *
 * @category routes
 * @since 0.2.0
 */
export const ranged = (
  request: Double.Received,
  bytes: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>
): Exchange.Response => {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(request.headers["range"] ?? "") ?? []
  const all = { ...headers, "accept-ranges": "bytes" }
  const body = (part: Uint8Array<ArrayBuffer>) => request.method === "HEAD" ? "" : part
  if (from === "" && to === "") {
    return { status: 200, headers: { ...all, "content-length": String(bytes.length) }, body: body(bytes) }
  }
  const start = from === "" ? Math.max(0, bytes.length - Number(to)) : Number(from)
  const end = from === "" || to === "" ? bytes.length : Math.min(bytes.length, Number(to) + 1)
  if (start >= end) {
    return { status: 416, headers: { ...all, "content-range": `bytes */${bytes.length}` }, body: "" }
  }
  const range = `bytes ${start}-${end - 1}/${bytes.length}`
  return {
    status: 206,
    headers: { ...all, "content-range": range, "content-length": String(end - start) },
    body: body(bytes.slice(start, end))
  }
}
