/**
 * Data sets on the Hub: their trees, files by ranges, and commits.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as RoundTrip from "../http/RoundTrip.ts"
import * as DatasetTree from "./DatasetTree.ts"
import * as DatasetUpload from "./DatasetUpload.ts"
import * as DatasetXet from "./DatasetXet.ts"
import * as Hub from "./Hub.ts"
import * as HubEnv from "./HubEnv.ts"
import * as HubError from "./HubError.ts"
import * as HubFile from "./HubFile.ts"
import * as HubHttp from "./HubHttp.ts"
import * as HubModels from "./HubModels.ts"
import * as RepoPath from "./RepoPath.ts"

/**
 * A data set at a revision: a branch, tag, pull request or commit; `main` by default.
 *
 * @category models
 * @since 0.2.0
 */
export interface At {
  /** `org/name`. */
  readonly repo: string
  readonly revision?: string | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Range extends At {
  readonly path: string
  /** From this byte to before `end`. */
  readonly start: number
  readonly end: number
}

/**
 * A change of a commit. Large files must have been uploaded.
 *
 * @category models
 * @since 0.2.0
 */
export type Change =
  | { readonly _tag: "Add"; readonly path: string; readonly bytes: Uint8Array }
  | { readonly _tag: "AddLarge"; readonly path: string; readonly sha256: string; readonly size: number }
  | { readonly _tag: "Delete"; readonly path: string }

/**
 * @category models
 * @since 0.2.0
 */
export interface Commit extends At {
  readonly summary: string
  readonly description?: string | undefined
  /**
   * The commit that this one builds on: with a different head it fails with `Conflict` (412), as does a commit sent twice.
   */
  readonly parent: string
  readonly changes: ReadonlyArray<Change>
}

/**
 * @category services
 * @since 0.2.0
 */
export class HubDatasets extends Context.Service<HubDatasets, {
  /** What is known about a data set; `sha` is the commit of the revision. */
  readonly info: (at: At) => Effect.Effect<DatasetTree.DatasetInfo, HubError.HubError>
  /** Files and folders below a folder, on all levels, page by page. */
  readonly tree: (
    at: At & { readonly path?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<DatasetTree.DatasetEntry>, HubError.HubError>
  /** A part of a file. */
  readonly read: (range: Range) => Effect.Effect<Uint8Array, HubError.HubError>
  /** Creates a data set; false if there already is one of that name. */
  readonly create: (
    options: { readonly repo: string; readonly private?: boolean | undefined }
  ) => Effect.Effect<boolean, HubError.HubError>
  /** Asks how to upload files. `sample` is the first 512 bytes. */
  readonly preupload: (
    at: At & {
      readonly files: ReadonlyArray<{ readonly path: string; readonly size: number; readonly sample: Uint8Array }>
    }
  ) => Effect.Effect<(typeof DatasetTree.Preupload.Type)["files"], HubError.HubError>
  /** Sends the bytes of a large file unless the Hub has them; returns whether they were sent. */
  readonly upload: (at: At & { readonly file: DatasetUpload.Upload }) => Effect.Effect<boolean, HubError.HubError>
  /**
   * Sends large files by Xet, through the package `@huggingface/hub` (see `DatasetXet.Loader`), as far as the Hub does not
   * have them.
   */
  readonly uploadXet: (
    at: At & { readonly files: ReadonlyArray<DatasetUpload.Upload> }
  ) => Effect.Effect<void, HubError.HubError>
  /** Makes a commit; returns its id. */
  readonly commit: (commit: Commit) => Effect.Effect<string, HubError.HubError>
  /** Checks the head of a card; fails with what the Hub will not accept, returns its warnings. */
  readonly validateCard: (content: string) => Effect.Effect<ReadonlyArray<string>, HubError.HubError>
}>()("effect-inference-endpoints/hub/HubDatasets") {}

type Send = HubFile.Means["send"]

const { decoded } = HubHttp

/** Names that are safe pieces of a path, and how errors call the data set. */
const checked = Effect.fnUntraced(function*({ repo, revision = "main" }: At) {
  return {
    subject: `datasets/${repo}${revision === "main" ? "" : `@${revision}`}`,
    id: yield* HubFile.checked(repo, RepoPath.repo(repo)),
    rev: yield* HubFile.checked(revision, RepoPath.revision(revision))
  }
})

const decodeInfo = RoundTrip.json(DatasetTree.DatasetInfo)
const decodeTree = RoundTrip.json(Schema.Array(DatasetTree.DatasetEntry))
const decodePreupload = RoundTrip.json(DatasetTree.Preupload)
const decodeCommit = RoundTrip.json(DatasetTree.Committed)
const decodeVerdict = RoundTrip.json(DatasetTree.YamlVerdict)

const info = Effect.fnUntraced(function*(send: Send, at: At) {
  const { id, rev, subject } = yield* checked(at)
  const path = `/api/datasets/${id}${at.revision === undefined ? "" : `/revision/${rev}`}`
  return yield* decoded(subject, decodeInfo(yield* send({ subject, path, aboutRepo: true })))
})

const tree = Effect.fnUntraced(function*(send: Send, baseUrl: URL, at: At & { readonly path?: string | undefined }) {
  const { id, rev, subject } = yield* checked(at)
  const below = at.path === undefined || at.path === ""
    ? ""
    : `/${yield* HubFile.checked(at.path, RepoPath.file(at.path))}`
  return yield* HubModels.pages(
    { baseUrl, send },
    subject,
    `/api/datasets/${id}/tree/${rev}${below}?recursive=true&expand=false`,
    decodeTree
  )
})

const read = Effect.fnUntraced(function*(send: Send, range: Range) {
  const { id, rev, subject } = yield* checked(range)
  const file = yield* HubFile.checked(range.path, RepoPath.file(range.path))
  const size = range.end - range.start
  if (size <= 0) return new Uint8Array()
  const answer = yield* send({
    subject: `${subject}/${range.path}`,
    path: `/datasets/${id}/resolve/${rev}/${file}`,
    headers: { range: `bytes=${range.start}-${range.end - 1}` },
    aboutRepo: true,
    // besides the bytes, the text of a redirect or a refusal
    limit: size + 65_536,
    timeout: "60 seconds"
  })
  // a server that does not know ranges sends the whole file
  const bytes = answer.status === 206 ? answer.body : answer.body.subarray(range.start, range.end)
  return bytes.length === size
    ? bytes
    : yield* new HubError.InvalidResponse({
      subject: `${subject}/${range.path}`,
      detail: `${size} bytes were requested, but ${bytes.length} arrived`
    })
})

const create = Effect.fnUntraced(
  function*(send: Send, { private: hidden, repo }: { repo: string; private?: boolean | undefined }) {
    const { id, subject } = yield* checked({ repo })
    const [organization, name] = id.split("/")
    if (name === undefined) {
      return yield* new HubError.InvalidRequest({ subject, detail: "name the owner too, as in org/name" })
    }
    return yield* send({
      method: "POST",
      subject,
      path: "/api/repos/create",
      body: { name, organization, type: "dataset", ...(hidden === true && { visibility: "private" }) },
      timeout: "60 seconds"
    }).pipe(
      Effect.as(true),
      Effect.catchTag("Conflict", () => Effect.succeed(false))
    )
  }
)

const base64 = (bytes: Uint8Array): string => {
  let text = ""
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(text)
}

/** The most files in one request. */
const LOT = 256

const preupload = Effect.fnUntraced(function*(send: Send, asked: Parameters<HubDatasets["Service"]["preupload"]>[0]) {
  const { id, rev, subject } = yield* checked(asked)
  const lots = Array.from(
    { length: Math.ceil(asked.files.length / LOT) },
    (_, at) => asked.files.slice(at * LOT, (at + 1) * LOT)
  )
  const answers = yield* Effect.forEach(lots, (files) =>
    Effect.flatMap(
      send({
        method: "POST",
        subject,
        path: `/api/datasets/${id}/preupload/${rev}`,
        body: { files: files.map(({ path, sample, size }) => ({ path, size, sample: base64(sample) })) },
        aboutRepo: true,
        timeout: "60 seconds"
      }),
      (answer) => decoded(subject, decodePreupload(answer))
    ))
  return answers.flatMap(({ files }) => files)
})

const lineOf = (change: Change): unknown => {
  switch (change._tag) {
    case "Add":
      return {
        key: "file",
        value: { content: base64(change.bytes), path: change.path, encoding: "base64" }
      }
    case "AddLarge":
      return {
        key: "lfsFile",
        value: { path: change.path, algo: "sha256", oid: change.sha256, size: change.size }
      }
    case "Delete":
      return { key: "deletedFile", value: { path: change.path } }
  }
}

const commit = Effect.fnUntraced(function*(send: Send, { changes, description = "", parent, summary, ...at }: Commit) {
  const { id, rev, subject } = yield* checked(at)
  const lines = [{ key: "header", value: { summary, description, parentCommit: parent } }, ...changes.map(lineOf)]
  const answer = yield* send({
    method: "POST",
    subject,
    path: `/api/datasets/${id}/commit/${rev}`,
    content: {
      type: "application/x-ndjson",
      ...DatasetUpload.textContent(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))
    },
    aboutRepo: true,
    timeout: "120 seconds"
  })
  return (yield* decoded(subject, decodeCommit(answer))).commitOid
})

const validateCard = Effect.fnUntraced(function*(send: Send, content: string) {
  const subject = "the data card"
  const answer = yield* send({
    method: "POST",
    subject,
    path: "/api/validate-yaml",
    body: { content, repoType: "dataset" },
    timeout: "60 seconds"
  })
  const { errors, warnings } = yield* decoded(subject, decodeVerdict(answer))
  if (errors.length === 0) return warnings.map(({ message }) => message)
  return yield* new HubError.InvalidRequest({ subject, detail: errors.map(({ message }) => message).join("; ") })
})

const named = HubHttp.named("HubDatasets")

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(options: Hub.Options = {}) {
  const client = yield* HttpClient.HttpClient
  const settings = yield* Hub.settingsOf(options).pipe(
    Effect.mapError((reason) => new HubError.HubError({ method: "make", reason }))
  )
  const send = (request: HubHttp.Request) => HubHttp.send(client, settings, request)
  return HubDatasets.of({
    info: (at) => named("info")(info(send, at)),
    tree: (at) => named("tree")(tree(send, settings.baseUrl, at)),
    read: (range) => named("read")(read(send, range)),
    create: (repo) => named("create")(create(send, repo)),
    preupload: (asked) => named("preupload")(preupload(send, asked)),
    upload: (given) =>
      named("upload")(
        Effect.flatMap(checked(given), ({ id }) => DatasetUpload.run(send, id, given.revision ?? "main", given.file))
      ),
    uploadXet: (given) =>
      named("uploadXet")(
        Effect.flatMap(
          checked(given),
          ({ id }) => DatasetXet.run(send, settings.baseUrl, id, given.revision ?? "main", given.files)
        )
      ),
    commit: (given) => named("commit")(commit(send, given)),
    validateCard: (content) => named("validateCard")(validateCard(send, content))
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Hub.Options = {}
): Layer.Layer<HubDatasets, HubError.HubError, HttpClient.HttpClient> => Layer.effect(HubDatasets, make(options))

/**
 * As the environment describes the Hub: `HF_TOKEN` and related variables, `HF_ENDPOINT`, `HF_HUB_OFFLINE`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const makeEnv = Effect.gen(function*() {
  return yield* make({ baseUrl: yield* HubEnv.hubUrl, offline: yield* HubEnv.offline })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layerEnv: Layer.Layer<HubDatasets, HubError.HubError, HttpClient.HttpClient> = Layer.effect(
  HubDatasets,
  makeEnv
)
