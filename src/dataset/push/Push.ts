/**
 * Splits on the disk → a data set on the Hub: the repository, the files, the card, and one commit or several.
 *
 * What the Hub already has is not sent again, and a push that changes nothing makes no commit; so an interrupted push is
 * simply repeated.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import type { DatasetEntry } from "../../hub/DatasetTree.ts"
import * as HubDatasets from "../../hub/HubDatasets.ts"
import * as HubError from "../../hub/HubError.ts"
import * as DataCard from "../card/DataCard.ts"
import * as DatasetError from "../DatasetError.ts"
import type { WrittenFile, WrittenSplit } from "./DatasetFiles.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** `org/name`; created if absent. */
  readonly repo: string
  /** Whether a newly created repository is private. Default false. */
  readonly private?: boolean | undefined
  /** An existing branch. Default `main`. */
  readonly revision?: string | undefined
  /** All splits of one configuration. */
  readonly splits: ReadonlyArray<WrittenSplit>
  readonly card: DataCard.Options
  /** Default `Upload dataset`. */
  readonly summary?: string | undefined
  /** At most this many files per commit. Default 50; the last commit has the card. */
  readonly filesPerCommit?: number | undefined
  /** Whether large files are sent by Xet, which needs the package `@huggingface/hub`, instead of LFS. Default false. */
  readonly xet?: boolean | undefined
  /** How often the head is read again after an intervening commit. Default 5. */
  readonly attempts?: number | undefined
}

/**
 * What a push would change, or has changed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Plan {
  readonly repo: string
  /** Whether the repository will be created. */
  readonly creates: boolean
  readonly files: ReadonlyArray<{
    readonly path: string
    readonly size: number
    /** `ignored` by the repository's `.gitignore`. */
    readonly status: "new" | "changed" | "same" | "ignored"
  }>
  /** Files of these splits that are left from an older push. */
  readonly deletes: ReadonlyArray<string>
  /** The whole card. */
  readonly card: string
  readonly cardChanges: boolean
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Pushed extends Plan {
  /** The commits that were made; none if nothing changed. */
  readonly commits: ReadonlyArray<string>
  /** How many files the Hub did not have. */
  readonly uploaded: number
}

type Hub = HubDatasets.HubDatasets["Service"]

interface Head {
  readonly sha: string | undefined
  readonly entries: ReadonlyMap<string, DatasetEntry>
  readonly card: string
}

const headOf = Effect.fnUntraced(function*(hub: Hub, { repo, revision }: Options) {
  const info = yield* hub.info({ repo, revision }).pipe(
    Effect.catchReason("HubError", "RepoNotFound", () => Effect.undefined)
  )
  if (info === undefined) return { sha: undefined, entries: new Map(), card: "" } satisfies Head
  const entries = new Map(
    (yield* hub.tree({ repo, revision: info.sha })).map((entry) => [entry.path, entry] as const)
  )
  const size = entries.get("README.md")?.size ?? 0
  const card = size === 0
    ? ""
    : new TextDecoder().decode(yield* hub.read({ repo, revision: info.sha, path: "README.md", start: 0, end: size }))
  const head: Head = { sha: info.sha, entries, card }
  return head
})

const folderOf = (config: string): string => config === "default" ? "data" : config

const patternOf = ({ config, files, split }: WrittenSplit): string =>
  `${folderOf(config)}/${split}-*${files[0]?.path.endsWith(".jsonl") === true ? ".jsonl" : ""}`

/** Files of a split by the naming of `datasets` and of this package. */
const leftOver = ({ entries }: Head, splits: ReadonlyArray<WrittenSplit>): ReadonlyArray<string> => {
  const kept = new Set(splits.flatMap(({ files }) => files.map(({ path }) => path)))
  const starts = splits.map(({ config, split }) => `${folderOf(config)}/${split}-`)
  return [...entries.keys()].filter((path) =>
    !kept.has(path) &&
    starts.some((start) =>
      path.startsWith(start) && /^\d{5}-of-\d{5}[^/]*\.(?:parquet|jsonl)$/.test(path.slice(start.length))
    )
  )
}

const configOf = Effect.fnUntraced(function*(splits: ReadonlyArray<WrittenSplit>) {
  const [first] = splits
  if (first === undefined || splits.some(({ config }) => config !== first.config)) {
    return yield* DatasetError.of("push")(
      new DatasetError.InvalidCard({ problem: "describes one configuration: give at least one split, all of the same" })
    )
  }
  const config: DataCard.DatasetConfig = {
    name: first.config,
    features: first.features,
    splits: splits.map((split) => ({
      name: split.split,
      rows: split.rows,
      bytes: split.bytes,
      downloadBytes: split.files.reduce((sum, { size }) => sum + size, 0),
      pattern: patternOf(split)
    }))
  }
  return config
})

const statusOf = ({ entries }: Head, { path, sha256, size }: WrittenFile) => {
  const there = entries.get(path)
  return there === undefined ? "new" : there.lfs?.oid === sha256 && there.lfs.size === size ? "same" : "changed"
}

const planOf = Effect.fnUntraced(function*(head: Head, options: Options, ignored: ReadonlySet<string>) {
  const config = yield* configOf(options.splits)
  const preview = options.card.preview ?? options.splits[0]?.preview
  const card = yield* DataCard.make(options.repo, config, { ...options.card, preview }, head.card)
  const plan: Plan = {
    repo: options.repo,
    creates: head.sha === undefined,
    files: options.splits.flatMap(({ files }) => files).map((file) => ({
      path: file.path,
      size: file.size,
      status: ignored.has(file.path) ? "ignored" as const : statusOf(head, file)
    })),
    deletes: leftOver(head, options.splits),
    card,
    cardChanges: card !== head.card
  }
  return plan
})

/**
 * What a push would do; nothing is sent.
 *
 * @category running
 * @since 0.2.0
 */
export const plan = Effect.fn("Push.plan")(function*(options: Options) {
  const hub = yield* HubDatasets.HubDatasets
  return yield* planOf(yield* headOf(hub, options), options, new Set())
})

const sampleOf = (fs: FileSystem.FileSystem, { location }: WrittenFile) =>
  fs.stream(location, { bytesToRead: 512 }).pipe(
    Stream.runCollect,
    Effect.map((chunks) => Uint8Array.from(chunks.flatMap((chunk) => [...chunk]))),
    Effect.mapError(({ message }) =>
      DatasetError.of("push")(new DatasetError.Disk({ path: location, problem: message }))
    )
  )

/** Sends the bytes of every missing file; returns how a commit refers to each, and which ones the Hub ignores. */
const upload = Effect.fnUntraced(function*(hub: Hub, head: Head, { repo, revision, splits, xet }: Options) {
  const fs = yield* FileSystem.FileSystem
  const files = splits.flatMap(({ files }) => files).filter((file) => statusOf(head, file) !== "same")
  const asked = yield* Effect.forEach(
    files,
    (file) => Effect.map(sampleOf(fs, file), (sample) => ({ path: file.path, size: file.size, sample }))
  )
  const modes = new Map((yield* hub.preupload({ repo, revision, files: asked })).map((mode) => [mode.path, mode]))
  const ignored = new Set(files.map(({ path }) => path).filter((path) => modes.get(path)?.shouldIgnore === true))
  let uploaded = 0
  const isLarge = ({ path }: WrittenFile) => modes.get(path)?.uploadMode === "lfs"
  const sent = (file: WrittenFile) => ({
    ...file,
    read: (start: number, end: number) => fs.stream(file.location, { offset: start, bytesToRead: end - start })
  })
  const wanted = files.filter(({ path }) => !ignored.has(path))
  if (xet === true && wanted.some(isLarge)) {
    yield* hub.uploadXet({ repo, revision, files: wanted.filter(isLarge).map(sent) })
    uploaded += wanted.filter(isLarge).length
  }
  const changes = yield* Effect.forEach(
    wanted,
    Effect.fnUntraced(function*(file) {
      if (isLarge(file)) {
        if (xet !== true && (yield* hub.upload({ repo, revision, file: sent(file) }))) uploaded++
        return { _tag: "AddLarge", path: file.path, sha256: file.sha256, size: file.size } as const
      }
      const bytes = yield* Effect.mapError(
        fs.readFile(file.location),
        ({ message }) => DatasetError.of("push")(new DatasetError.Disk({ path: file.location, problem: message }))
      )
      uploaded++
      return { _tag: "Add", path: file.path, bytes } as const
    }),
    { concurrency: 2 }
  )
  return { changes, ignored, uploaded }
})

const encoder = new TextEncoder()

/** Commits in batches, each on top of the previous one; the last has the card and the removals. */
const commit = Effect.fnUntraced(function*(
  hub: Hub,
  parent: string,
  plan: Plan,
  changes: ReadonlyArray<HubDatasets.Change>,
  { filesPerCommit = 50, repo, revision, summary = "Upload dataset" }: Options
) {
  const last: ReadonlyArray<HubDatasets.Change> = [
    ...plan.deletes.map((path) => ({ _tag: "Delete", path }) as const),
    ...(plan.cardChanges ? [{ _tag: "Add", path: "README.md", bytes: encoder.encode(plan.card) } as const] : [])
  ]
  const lots: Array<ReadonlyArray<HubDatasets.Change>> = []
  for (let at = 0; at < changes.length; at += filesPerCommit) lots.push(changes.slice(at, at + filesPerCommit))
  const end = lots.pop() ?? []
  if (end.length + last.length > 0) lots.push([...end, ...last])
  const commits: Array<string> = []
  for (const [at, lot] of lots.entries()) {
    const numbered = lots.length === 1 ? summary : `${summary} (part ${at + 1} of ${lots.length})`
    commits.push(
      yield* hub.commit({ repo, revision, summary: numbered, parent: commits.at(-1) ?? parent, changes: lot })
    )
  }
  return commits
})

/**
 * Pushes. After an intervening commit (412) the head is read again and the card is rebuilt on it.
 *
 * @category running
 * @since 0.2.0
 */
export const push = Effect.fn("Push.push")(function*(options: Options) {
  const hub = yield* HubDatasets.HubDatasets
  const first = yield* headOf(hub, options)
  // a card that cannot be made is found before anything is sent
  yield* planOf(first, options, new Set())
  if (first.sha === undefined) yield* hub.create({ repo: options.repo, private: options.private })

  const once = Effect.gen(function*() {
    const head = yield* headOf(hub, options)
    if (head.sha === undefined) {
      return yield* new HubError.HubError({
        method: "push",
        reason: new HubError.RepoNotFound({ subject: `datasets/${options.repo}` })
      })
    }
    const { changes, ignored, uploaded } = yield* upload(hub, head, options)
    const planned = yield* planOf(head, options, ignored)
    if (planned.cardChanges) yield* hub.validateCard(planned.card)
    const commits = yield* commit(hub, head.sha, planned, changes, options)
    const pushed: Pushed = { ...planned, creates: first.sha === undefined, commits, uploaded }
    return pushed
  })
  return yield* Effect.retry(once, {
    times: options.attempts ?? 5,
    while: (error) => error._tag === "HubError" && error.reason._tag === "Conflict" && error.reason.status === 412
  })
})
