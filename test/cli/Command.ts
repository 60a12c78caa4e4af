/** The real command in a process of its own, against a simulated server in this one. */
import { Effect } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SimulatorServer } from "../../src/node/index.ts"
import { Simulator } from "../../src/simulator/index.ts"

const main = new URL("../../src/cli/main.ts", import.meta.url).pathname

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcess
  readonly ended: Effect.Effect<Ended>
}

export interface Limits {
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** What standard input holds; by default nothing, and it is closed. */
  readonly stdin?: string | Uint8Array
  /** No file may grow beyond so many blocks of 1,024 bytes. */
  readonly fileBlocks?: number
}

const limited = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\""

const commandLine = (args: ReadonlyArray<string>, { fileBlocks }: Limits): readonly [string, ReadonlyArray<string>] =>
  fileBlocks === undefined
    ? [process.execPath, [main, ...args]]
    : ["bash", ["-c", limited, "bash", String(fileBlocks), process.execPath, main, ...args]]

/** Starts the command; it is killed when the scope closes. */
export const start = (args: ReadonlyArray<string>, limits: Limits = {}) =>
  Effect.acquireRelease(
    Effect.sync((): Running => {
      const [command, given] = commandLine(args, limits)
      const child = spawn(command, given, {
        stdio: ["pipe", "pipe", "pipe"],
        env: { ...process.env, HF_TOKEN: "", NO_COLOR: "1", ...limits.env }
      })
      child.stdin.on("error", () => undefined)
      child.stdin.end(limits.stdin ?? "")
      let stdout = ""
      let stderr = ""
      child.stdout.setEncoding("utf8").on("data", (text) => stdout += text)
      child.stderr.setEncoding("utf8").on("data", (text) => stderr += text)
      const closed = new Promise<Ended>((resolve) =>
        child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
      )
      return { child, ended: Effect.promise(() => closed) }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  )

export const run = (args: ReadonlyArray<string>, limits: Limits = {}) =>
  Effect.scoped(Effect.flatMap(start(args, limits), ({ ended }) => ended))

/** A directory that is removed with the scope. */
export const directory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "batch-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const writeRows = (path: string, rows: number) =>
  writeFileSync(
    path,
    Array.from({ length: rows }, (_, row) => `${JSON.stringify({ id: `row-${row}`, prompt: `question ${row} ?` })}\n`)
      .join("")
  )

export interface Line {
  readonly id: string
  readonly index: number
  readonly generations?: ReadonlyArray<{ readonly text: string }>
  readonly error?: { readonly stage: string; readonly reason: string; readonly attempts: number }
}

/** The whole lines of a file; a torn one at the end is left out. */
export const readLines = (path: string): ReadonlyArray<Line> =>
  existsSync(path)
    ? readFileSync(path, "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line))
    : []

export interface World {
  readonly input: string
  readonly output: string
  readonly errors: string
  /** The arguments of the command, with others after them. */
  readonly args: (...more: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly simulator: Simulator.Simulator["Service"]
  /** How often each prompt was asked for. */
  readonly asked: Effect.Effect<ReadonlyMap<string, number>>
}

/** So many rows, a place for the output, and a server. */
export const world = Effect.fnUntraced(function*(rows: number, concurrency: number) {
  const path = yield* directory
  const simulator = yield* Simulator.Simulator
  const { url } = yield* SimulatorServer.SimulatorServer
  const input = join(path, "in.jsonl")
  const output = join(path, "out.jsonl")
  writeRows(input, rows)
  const made: World = {
    input,
    output,
    errors: `${output}.errors.jsonl`,
    simulator,
    args: (...more) => [
      "batch",
      "run",
      input,
      "-o",
      output,
      "-u",
      url,
      "--concurrency",
      String(concurrency),
      "--max-new-tokens",
      "4",
      ...more
    ],
    asked: Effect.map(simulator.journal.entries, (entries) => {
      const counts = new Map<string, number>()
      for (const { request } of entries) {
        const [question] = /question \d+ \?/.exec(request.body) ?? []
        if (question !== undefined && request.method === "POST" && !request.path.includes("tokenize")) {
          counts.set(question, (counts.get(question) ?? 0) + 1)
        }
      }
      return counts
    })
  }
  return made
})

/** Waits until so many lines are written. */
export const written = (path: string, lines: number): Effect.Effect<void> =>
  Effect.suspend(() => readLines(path).length >= lines ? Effect.void : Effect.delay(written(path, lines), 5))

/** How many rows were asked for more often than once. */
export const repeated = (asked: ReadonlyMap<string, number>): number =>
  [...asked.values()].reduce((total, times) => total + times - 1, 0)

/** The ids of all lines, sorted as the rows are. */
export const ids = (...files: ReadonlyArray<string>): ReadonlyArray<string> =>
  files.flatMap(readLines).map(({ id }) => id).toSorted((a, b) => Number(a.slice(4)) - Number(b.slice(4)))

export const allIds = (rows: number): ReadonlyArray<string> => Array.from({ length: rows }, (_, row) => `row-${row}`)
