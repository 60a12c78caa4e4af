/**
 * What the Hub says about a model repository's files: trees and folders, chosen paths, revisions, commits.
 *
 * @since 0.2.0
 */
import type { Received } from "../wire/Double.ts"
import * as DoubleResponse from "../wire/DoubleResponse.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as HubListing from "./HubListing.ts"

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

const storedOf = (
  repo: Files,
  path: string,
  content: string
): {
  readonly size: number
  readonly lfs?: { readonly oid: string; readonly size: number; readonly pointerSize: number }
} => {
  const size = sizeOf(content)
  const large = repo.large?.includes(path) === true
  return { size, ...(large && { lfs: { oid: hashOf(content, 64), size, pointerSize: 134 } }) }
}

/** Whether an entry is requested with its last commit. */
const isExpanded = (query: URLSearchParams | undefined): boolean => query?.get("expand")?.toLowerCase() === "true"

const fileEntry = (repo: Files, path: string, content: string, expand: boolean) => ({
  type: "file",
  oid: hashOf(content, 40),
  ...storedOf(repo, path, content),
  path,
  ...(expand && HubListing.lastCommit(repo.commit))
})

const folderEntry = (repo: Files, path: string, expand: boolean) => ({
  type: "directory",
  oid: hashOf(path, 40),
  size: 0,
  path,
  ...(expand && HubListing.lastCommit(repo.commit))
})

const foldersOf = (repo: Files): ReadonlyArray<string> => [
  ...new Set(
    Object.keys(repo.files).flatMap((path) => {
      const parts = path.split("/").slice(0, -1)
      return parts.map((_, at) => parts.slice(0, at + 1).join("/"))
    })
  )
]

/**
 * The entries below a folder, folders first; without `recursive` only those directly in it.
 *
 * @category routes
 * @since 0.2.0
 */
export const entries = (repo: Files, below: string, query: URLSearchParams): ReadonlyArray<object> => {
  const recursive = query.get("recursive")?.toLowerCase() === "true"
  const expand = isExpanded(query)
  const prefix = below === "" ? "" : `${below}/`
  const isIn = (path: string): boolean =>
    path.startsWith(prefix) && (recursive || !path.slice(prefix.length).includes("/"))
  return [
    ...foldersOf(repo).filter(isIn).map((path) => folderEntry(repo, path, expand)),
    ...Object.entries(repo.files).filter(([path]) => isIn(path)).map(([path, content]) =>
      fileEntry(repo, path, content, expand)
    )
  ]
}

/**
 * `POST /api/models/{id}/paths-info/{revision}`: the entries of the paths that exist.
 *
 * @category routes
 * @since 0.2.0
 */
export const pathsInfo = (repo: Files, request: Received): Exchange.Response => {
  const folders = foldersOf(repo)
  const { expand, paths } = pathsOf(request)
  return DoubleResponse.json(
    200,
    paths.flatMap((path) => {
      const content = repo.files[path]
      if (content !== undefined) return [fileEntry(repo, path, content, expand)]
      return folders.includes(path) ? [folderEntry(repo, path, expand)] : []
    })
  )
}

/**
 * The paths of a `paths-info` request: Python's client sends a form, others JSON.
 *
 * @category routes
 * @since 0.2.0
 */
export const pathsOf = (
  { body }: Received
): { readonly paths: ReadonlyArray<string>; readonly expand: boolean } => {
  if (!body.startsWith("{")) {
    const form = new URLSearchParams(body)
    return { paths: form.getAll("paths"), expand: isExpanded(form) }
  }
  try {
    const parsed: { readonly paths?: unknown; readonly expand?: unknown } = JSON.parse(body)
    return {
      paths: Array.isArray(parsed.paths) ? parsed.paths.map(String) : [String(parsed.paths)],
      expand: parsed.expand === true
    }
  } catch {
    return { paths: [], expand: false }
  }
}

/** `GET /api/models/{id}/refs`. @category routes @since 0.2.0 */
export const refs = ({ commit, revisions = [] }: Files, query: URLSearchParams): Exchange.Response =>
  HubListing.refs({ main: commit }, Object.fromEntries(revisions.map((name) => [name, commit])), query)

/** `GET /api/models/{id}/commits/{revision}`: there is one. @category routes @since 0.2.0 */
export const commits = ({ commit }: Files, query: URLSearchParams): Exchange.Response =>
  DoubleResponse.json(200, [HubListing.commit(commit, "initial commit", query)], { "x-total-count": "1" })

/** As `storedOf`, with the digest under this route's name for it. */
const blobOf = (repo: Files, path: string, content: string) => {
  const { lfs, size } = storedOf(repo, path, content)
  return { size, ...(lfs !== undefined && { lfs: { sha256: lfs.oid, size: lfs.size, pointerSize: lfs.pointerSize } }) }
}

/** The files as the repository's own route lists them; with `blobs`, their sizes too. @category routes @since 0.2.0 */
export const siblings = (repo: Files, blobs: boolean): ReadonlyArray<object> =>
  Object.entries(repo.files).map(([rfilename, content]) =>
    blobs
      ? { rfilename, blobId: hashOf(content, 40), ...blobOf(repo, rfilename, content) }
      : { rfilename }
  )

/**
 * A body, or the part of it that a `Range` header requests; 416 if that is beyond the end.
 *
 * @category routes
 * @since 0.2.0
 */
export const ranged = (
  request: Received,
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
