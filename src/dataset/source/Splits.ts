/**
 * The configurations and splits of a data set by its card, or by the names of its files, by the rules of `datasets`.
 *
 * @since 0.2.0
 */
import * as FeatureCard from "../features/FeatureCard.ts"
import type { Features } from "../features/Features.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface DatasetSplit {
  /** The configuration; `default` if the card names none. */
  readonly config: string
  /** `train`, `validation`, `test`, or as the card or the file names say. */
  readonly split: string
  /** Paths below the root of the data set, sorted. */
  readonly files: ReadonlyArray<string>
  /** The columns, if the card declares them. */
  readonly features?: Features | undefined
}

const KEYWORDS = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"]
} as const

const IGNORED = new Set([
  "README.md",
  "config.json",
  "dataset_info.json",
  "dataset_infos.json",
  "dummy_data.zip",
  "dataset_dict.json"
])

/** The formats that this package reads, by the end of the name. */
const FORMATS = [
  ["parquet", /\.parquet$/i],
  ["json", /\.(?:json|jsonl|ndjson)(?:\.(?:gz|zst))?$/i],
  ["csv", /\.csv(?:\.(?:gz|zst))?$/i],
  ["tsv", /\.tsv(?:\.(?:gz|zst))?$/i]
] as const

/**
 * How a file is read, by its name.
 *
 * @category accessors
 * @since 0.2.0
 */
export const formatOf = (path: string): "parquet" | "json" | "csv" | "tsv" | undefined =>
  FORMATS.find(([, ending]) => ending.test(path))?.[0]

const isHidden = (path: string): boolean =>
  path.split("/").some((name) => name.startsWith(".") || name.startsWith("__"))

/** A pattern of fsspec: `*` within a name, `**` across folders, `?`, and sets of characters. */
const patternOf = (glob: string): RegExp => {
  const source = glob.replaceAll(/\*\*\/|\*\*|\*|\?|\[[^\]]+\]|[.+^${}()|\\]/g, (token) => {
    switch (token) {
      case "**/":
        return "(?:.*/)?"
      case "**":
        return ".*"
      case "*":
        return "[^/]*"
      case "?":
        return "[^/]"
      default:
        return token.startsWith("[") ? token.replace(/^\[!/, "[^").replace(/\\/g, "\\\\") : `\\${token}`
    }
  })
  return new RegExp(`^${source}$`)
}

/**
 * The paths that a pattern of a card matches, sorted. A name without wildcards that is a folder means all below it.
 *
 * @category accessors
 * @since 0.2.0
 */
export const matching = (paths: ReadonlyArray<string>, glob: string): ReadonlyArray<string> => {
  const clean = glob.replace(/^\.?\//, "").replace(/\/$/, "")
  if (!/[*?[]/.test(clean)) {
    return paths.filter((path) => path === clean || clean === "" || path.startsWith(`${clean}/`)).toSorted()
  }
  const pattern = patternOf(clean)
  return paths.filter((path) => pattern.test(path) && (!isHidden(path) || isHidden(clean))).toSorted()
}

const SHARDED = /^data\/(.+)-\d{5}-of-\d{5}[^/]*\.[^/]*$/

const SET = "-._ 0-9"

const inNames = (word: string) => [`**/${word}[${SET}]*`, `**/*[${SET}]${word}[${SET}]*`]

const inFolders = (word: string) => [
  `**/${word}/**`,
  `**/${word}[${SET}]*/**`,
  `**/*[${SET}]${word}/**`,
  `**/*[${SET}]${word}[${SET}]*/**`
]

const ORDER = Object.keys(KEYWORDS)

const bySharding = (paths: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = Map.groupBy(paths.filter((path) => SHARDED.test(path)), (path) => SHARDED.exec(path)?.[1] ?? "")
  const known = ORDER.filter((name) => found.has(name))
  const names = [...known, ...[...found.keys()].filter((name) => !known.includes(name)).toSorted()]
  return new Map(names.map((name) => [name, found.get(name) ?? []]))
}

const byWords = (
  paths: ReadonlyArray<string>,
  patterns: (word: string) => ReadonlyArray<string>
): ReadonlyMap<string, ReadonlyArray<string>> =>
  new Map(
    Object.entries(KEYWORDS).flatMap(([split, words]) => {
      const files = [...new Set(words.flatMap(patterns).flatMap((pattern) => matching(paths, pattern)))].toSorted()
      return files.length === 0 ? [] : [[split, files] as const]
    })
  )

/** The files of the most common format. */
const ofOneFormat = (files: ReadonlyArray<string>): ReadonlyArray<string> => {
  const byFormat = Map.groupBy(files.filter((path) => formatOf(path) !== undefined), formatOf)
  return [...byFormat.values()].toSorted((left, right) => right.length - left.length)[0] ?? []
}

/** By words in folders, then in file names; else all files are `train`. */
const inferred = (paths: ReadonlyArray<string>): ReadonlyMap<string, ReadonlyArray<string>> => {
  for (const found of [bySharding(paths), byWords(paths, inFolders), byWords(paths, inNames)]) {
    if (found.size > 0) return found
  }
  return new Map([["train", paths]])
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const textsOf = (value: unknown): ReadonlyArray<string> =>
  (Array.isArray(value) ? value : [value]).filter((item) => typeof item === "string")

const declaredFiles = (
  config: Readonly<Record<string, unknown>>,
  all: ReadonlyArray<string>
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const folder = typeof config["data_dir"] === "string" ? config["data_dir"].replace(/\/$/, "") : ""
  const below = folder === "" ? "" : `${folder}/`
  const paths = all.filter((path) => path.startsWith(below)).map((path) => path.slice(below.length))
  const given = config["data_files"]
  const found = new Map<string, ReadonlyArray<string>>()
  const add = (split: string, patterns: ReadonlyArray<string>) =>
    found.set(split, [
      ...found.get(split) ?? [],
      ...patterns.flatMap((pattern) => matching(paths, pattern)).map((path) => below + path)
    ])
  if (given === undefined) {
    for (const [split, files] of inferred(paths)) {
      found.set(
        split,
        files.map((path) => below + path)
      )
    }
  } else if (Array.isArray(given) && given.some(isObject)) {
    for (const item of given) if (isObject(item)) add(String(item["split"] ?? "train"), textsOf(item["path"]))
  } else if (isObject(given)) { for (const [split, value] of Object.entries(given)) add(split, textsOf(value)) }
  else add("train", textsOf(given))
  return found
}

const featuresOf = (head: Readonly<Record<string, unknown>>, config: string): Features | undefined => {
  const given = head["dataset_info"]
  const infos = (Array.isArray(given) ? given : [given]).filter(isObject)
  const info = infos.find((info) => (info["config_name"] ?? "default") === config)
  return FeatureCard.decode(info?.["features"])
}

/**
 * All splits of a data set: of each configuration that the head of its card names, else of one called `default`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const find = (
  paths: ReadonlyArray<string>,
  head: Readonly<Record<string, unknown>> = {}
): ReadonlyArray<DatasetSplit> => {
  const data = paths.filter((path) => !isHidden(path) && !IGNORED.has(path.split("/").at(-1) ?? ""))
  const configs = Array.isArray(head["configs"]) ? head["configs"].filter(isObject) : []
  const splitsOf = (config: string, found: ReadonlyMap<string, ReadonlyArray<string>>) =>
    [...found].map(([split, files]) => {
      const features = featuresOf(head, config)
      const split_: DatasetSplit = {
        config,
        split,
        files: ofOneFormat(files).toSorted(),
        ...(features !== undefined && { features })
      }
      return split_
    }).filter(({ files }) => files.length > 0)
  if (configs.length === 0) return splitsOf("default", inferred(data.filter((path) => formatOf(path) !== undefined)))
  return configs.flatMap((config) => splitsOf(String(config["config_name"] ?? "default"), declaredFiles(config, data)))
}

/**
 * The configuration that is loaded if none is named: the one that the card marks, else `default`, else the only one.
 *
 * @category accessors
 * @since 0.2.0
 */
export const defaultConfig = (
  splits: ReadonlyArray<DatasetSplit>,
  head: Readonly<Record<string, unknown>> = {}
): string | undefined => {
  const configs = Array.isArray(head["configs"]) ? head["configs"].filter(isObject) : []
  const marked = configs.find((config) => config["default"] === true)?.["config_name"]
  const names = [...new Set(splits.map(({ config }) => config))]
  return typeof marked === "string"
    ? marked
    : names.includes("default")
    ? "default"
    : names.length === 1
    ? names[0]
    : undefined
}
