/**
 * The data card: the README of a data set, whose head tells `datasets` what it contains, and whose text tells people
 * how it was made.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as Result from "effect/Result"
import * as DatasetError from "../DatasetError.ts"
import * as FeatureCard from "../features/FeatureCard.ts"
import type { Plain } from "../features/FeatureCard.ts"
import type { Features } from "../features/Features.ts"
import * as Provenance from "./Provenance.ts"
import * as YamlText from "./Yaml.ts"

/**
 * A split in the head of the card. A wrong number of rows makes every load fail.
 *
 * @category models
 * @since 0.2.0
 */
export interface Split {
  /** `train`, `test`, …: letters, digits, `_`, `.` and `-`. */
  readonly name: string
  readonly rows: number
  /** Bytes in memory. */
  readonly bytes: number
  /** Bytes of its files. */
  readonly downloadBytes: number
  /** Its files as a pattern below the root: `data/train-*`. */
  readonly pattern: string
}

/**
 * A configuration: the columns and splits that are loaded under one name.
 *
 * @category models
 * @since 0.2.0
 */
export interface DatasetConfig {
  /** `default` is loaded if no name is given. */
  readonly name: string
  readonly features: Features
  readonly splits: ReadonlyArray<Split>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * The licence by its identifier at the Hub, such as `apache-2.0` or `cc-by-4.0`; `other` if it has none. Never guessed: if
   * absent, it must be in the existing card.
   */
  readonly license?: string | undefined
  /** Default: the name of the repository. */
  readonly title?: string | undefined
  /** Text below the title, as Markdown. */
  readonly description?: string | undefined
  readonly languages?: ReadonlyArray<string> | undefined
  /** `synthetic` is added. */
  readonly tags?: ReadonlyArray<string> | undefined
  readonly made?: Provenance.Provenance | undefined
  /** Rows to show; the first five are taken. */
  readonly preview?: ReadonlyArray<Readonly<Record<string, unknown>>> | undefined
}

type Head = { readonly [key: string]: Plain }

const isHead = (value: unknown): value is Head => typeof value === "object" && value !== null && !Array.isArray(value)

const invalid = (problem: string) => DatasetError.of("card")(new DatasetError.InvalidCard({ problem }))

/**
 * The head and the text of a card.
 *
 * @category decoding
 * @since 0.2.0
 */
export const parse = (card: string): Result.Result<
  { readonly head: Head; readonly text: string },
  DatasetError.DatasetError
> => {
  const [all, yaml] = /^\uFEFF?---[^\S\n]*\r?\n([^]*?)(?:^|\n)---[^\S\n]*(?:\r?\n|$)/.exec(card) ?? []
  if (all === undefined || yaml === undefined) return Result.succeed({ head: {}, text: card })
  return Result.flatMap(
    Result.try({
      try: () => Yaml.parse(yaml),
      catch: (error) => invalid(`cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }),
    (head) =>
      isHead(head) || head === null
        ? Result.succeed({ head: head ?? {}, text: card.slice(all.length) })
        : Result.fail(invalid("begins with something other than names and values"))
  )
}

const infoOf = ({ features, name, splits }: DatasetConfig): Head => ({
  ...(name !== "default" && { config_name: name }),
  features: FeatureCard.encode(features),
  splits: splits.map(({ bytes, name, rows }) => ({ name, num_bytes: bytes, num_examples: rows })),
  download_size: splits.reduce((sum, { downloadBytes }) => sum + downloadBytes, 0),
  dataset_size: splits.reduce((sum, { bytes }) => sum + bytes, 0)
})

const configOf = ({ name, splits }: DatasetConfig): Head => ({
  config_name: name,
  data_files: splits.map(({ name, pattern }) => ({ split: name, path: pattern }))
})

const isList = (value: Plain): value is ReadonlyArray<Plain> => Array.isArray(value)

const listOf = (value: Plain | undefined): ReadonlyArray<Plain> =>
  value === undefined || value === null ? [] : isList(value) ? value : [value]

const nameOf = (value: Plain): string =>
  isHead(value) && typeof value["config_name"] === "string" ? value["config_name"] : "default"

/** The other configurations as they are, and this one in its old place. */
const replaced = (all: ReadonlyArray<Plain>, one: Head): ReadonlyArray<Plain> =>
  all.some((other) => nameOf(other) === nameOf(one))
    ? all.map((other) => nameOf(other) === nameOf(one) ? one : other)
    : [...all, one]

const named = (info: Plain): Plain =>
  isHead(info) && info["config_name"] === undefined ? { config_name: "default", ...info } : info

const withConfig = (head: Head, config: DatasetConfig): Head => {
  const infos = replaced(listOf(head["dataset_info"]), infoOf(config))
  const configs = replaced(listOf(head["configs"]), configOf(config))
  return {
    ...head,
    dataset_info: infos.length === 1 ? infos[0] ?? {} : infos.map(named),
    configs
  }
}

const SIZES = [[1e3, "n<1K"], [1e4, "1K<n<10K"], [1e5, "10K<n<100K"], [1e6, "100K<n<1M"], [1e7, "1M<n<10M"]] as const

const sizeOf = (config: DatasetConfig): string => {
  const rows = config.splits.reduce((sum, { rows }) => sum + rows, 0)
  return SIZES.find(([limit]) => rows < limit)?.[1] ?? "n>10M"
}

const withOptions = (head: Head, config: DatasetConfig, options: Options): Head => ({
  ...head,
  ...(options.license !== undefined && { license: options.license }),
  ...(options.languages !== undefined && { language: options.languages }),
  tags: [...new Set([...listOf(head["tags"]).map(String), ...options.tags ?? [], "synthetic"])],
  size_categories: [sizeOf(config)]
})

const MARK = "<!-- made by effect-inference-endpoints -->"

const END = "<!-- end -->"

const textOf = (text: string, repo: string, config: DatasetConfig, options: Options): string => {
  const own = [MARK, ...Provenance.markdown(options.made), ...Provenance.preview(config.features, options.preview), END]
    .join("\n\n")
  if (text.trim() === "") {
    const title = options.title ?? repo.split("/").at(-1) ?? repo
    return `\n# ${title}\n\n${options.description === undefined ? "" : `${options.description.trim()}\n\n`}${own}\n`
  }
  const [start, end] = [text.indexOf(MARK), text.indexOf(END)]
  if (options.made === undefined && options.preview === undefined) return text
  return start === -1 || end < start
    ? `${text.trimEnd()}\n\n${own}\n`
    : text.slice(0, start) + own + text.slice(end + END.length)
}

/**
 * The card with this configuration: a new one, or the existing one with its text, its other configurations and its other
 * keys kept. Fails without a licence.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (
  repo: string,
  config: DatasetConfig,
  options: Options,
  existing: string = ""
): Effect.Effect<string, DatasetError.DatasetError> =>
  Effect.gen(function*() {
    const { head, text } = yield* Effect.fromResult(parse(existing))
    if (options.license === undefined && head["license"] === undefined) {
      return yield* DatasetError.of("card")(new DatasetError.MissingLicense({ repo }))
    }
    const wrong = config.splits.find(({ name }) => !/^\w+(?:[.-]\w+)*$/.test(name))
    if (wrong !== undefined) {
      return yield* invalid(`names a split ${JSON.stringify(wrong.name)}: use letters, digits, _, . and -`)
    }
    const merged = withConfig(withOptions(head, config, options), config)
    return `---\n${YamlText.encode(merged)}---\n${textOf(text, repo, config, options)}`
  })
