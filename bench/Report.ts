/** Figures, tables, and the file that holds the sections of all scenarios. */
import { readFileSync, writeFileSync } from "node:fs"
import Os from "node:os"

const sorted = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)

export const median = (values: ReadonlyArray<number>): number =>
  sorted(values)[Math.floor(values.length / 2)] ?? Number.NaN

export const least = (values: ReadonlyArray<number>): number => sorted(values)[0] ?? Number.NaN

export const figure = (value: number): string =>
  Math.abs(value) >= 1000
    ? Math.round(value).toLocaleString("en-US")
    : Math.abs(value) >= 10
    ? value.toFixed(1)
    : value.toFixed(2)

export const range = (values: ReadonlyArray<number>): string =>
  `${figure(Math.min(...values))}–${figure(Math.max(...values))}`

const row = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

export const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n")

const versionOf = (name: string): string =>
  JSON.parse(readFileSync(`${import.meta.dirname}/node_modules/${name}/package.json`, "utf8")).version

const peers = ["undici", "@huggingface/inference", "openai", "ai", "@langchain/openai", "@ai-sdk/openai-compatible"]

/** How far other programs were kept away from the cores. */
export interface Apart {
  readonly pinning: boolean
  readonly realTime: boolean
}

const header = ({ pinning, realTime }: Apart) =>
  [
    "# Results",
    "Command: `node bench/run.ts`, or with the names of the sections. Each section says when it was measured.",
    `${
      Os.cpus()[0]?.model.trim()
    }, ${Os.availableParallelism()} cores, ${Os.type()} ${Os.release()}, Node ${process.version}; ${
      pinning ? "client and server each on a core of their own" : "not pinned"
    }${realTime ? ", at real-time priority" : ""}. Each section gives the load at its start.`,
    `${peers.map((name) => `${name} ${versionOf(name)}`).join(", ")}.`,
    "Ratios are to the first line of each group; `limit` is undici and one JSON.parse per response or event. Throughput is the " +
    "median of the rounds. CPU is that of the client's process, user and system, and that of the part (a tenth of a round) that took " +
    "least, since other load can only add to it."
  ].join("\n\n")

/** The order of the sections. */
const order = [
  "Note",
  "S1",
  "S1s",
  "S2",
  "S2c",
  "S3",
  "S4",
  "S4b",
  "F1",
  "F2",
  "C1",
  "C2",
  "S5",
  "S6",
  "N1",
  "B1",
  "P1",
  "T1",
  "G1"
]

const placeOf = (name: string): number => order.includes(name) ? order.indexOf(name) : order.length

/** Puts a section into the file, over the one of that name. */
export const write = (path: string, name: string, section: string, apart: Apart): void => {
  const sections = new Map<string, string>()
  for (const text of readFileSync(path, "utf8").split(/^(?=## )/m).slice(1)) {
    const [, own = ""] = /^## ([^:\n]+):/.exec(text) ?? []
    sections.set(own, text)
  }
  sections.set(name, section)
  const texts = [...sections].toSorted(([one], [other]) => placeOf(one) - placeOf(other)).map(([, text]) => text.trim())
  writeFileSync(path, `${[header(apart), ...texts].join("\n\n")}\n`)
}
