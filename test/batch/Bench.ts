/** Files in a directory of their own, and work that needs no server. */
import { NodeServices } from "@effect/platform-node"
import { type Duration, Effect, Fiber, type FileSystem, type Layer, type Path, type Schema } from "effect"
import { TestClock } from "effect/testing"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Progress, Runner } from "../../src/batch/index.ts"
import type { Generation, Message } from "../../src/index.ts"
import { InferenceError } from "../../src/index.ts"

export const generation = (text: string, more: Partial<Generation.Generation> = {}): Generation.Generation => ({
  text,
  toolCalls: [],
  finishReason: "stop",
  statistics: { duration: 10, attempts: 1, inputTokens: 3, outputTokens: 5 },
  ...more
})

export const failure = (reason: InferenceError.Reason, attempts = 1): InferenceError.InferenceError =>
  new InferenceError.InferenceError({ method: "POST /generate", reason, attempts })

export const rejected = () =>
  failure(new InferenceError.Rejected({ status: 422, description: "no", type: "validation" }))

export const down = () =>
  failure(new InferenceError.Transport({ description: "refused", code: "ECONNREFUSED", retryable: true }), 4)

export const overloaded = () => failure(new InferenceError.Overloaded({ status: 429, description: "busy" }), 4)

export const cut = () => failure(new InferenceError.StreamInterrupted({ description: "end without finish" }))

/** The text of an input, for scripts to look at. */
export const textOf = (input: Message.Input): string =>
  typeof input === "string" ? input : "raw" in input ? input.raw : String(input.at(-1)?.content)

export interface LineGeneration {
  readonly text: string
  readonly reasoning: string
  readonly seed: string
  readonly toolCalls: string
  readonly value: string
  readonly statistics: Readonly<Record<string, number | string>>
}

export interface Line {
  readonly id: string
  readonly index: number
  readonly generations?: ReadonlyArray<LineGeneration>
  readonly error?: {
    readonly status?: number
    readonly type?: string
    readonly stage: string
    readonly reason: string
    readonly attempts: number
    readonly message: string
  }
}

export interface Files {
  readonly path: string
  readonly input: string
  readonly output: string
  readonly errors: string
}

export const files = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "batch-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  ),
  (path): Files => ({
    path,
    input: join(path, "in.jsonl"),
    output: join(path, "out.jsonl"),
    errors: join(path, "out.jsonl.errors.jsonl")
  })
)

export const write = (path: string, rows: ReadonlyArray<unknown>) =>
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))

export const prompts = (count: number) =>
  Array.from({ length: count }, (_, row) => ({ id: `row-${row}`, prompt: `question ${row}` }))

export const lines = (path: string): ReadonlyArray<Line> =>
  readFileSync(path, "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line))

/** Indices of all lines, sorted. */
export const indices = (...paths: ReadonlyArray<string>): ReadonlyArray<number> =>
  paths.flatMap(lines).map(({ index }) => index).toSorted((a, b) => a - b)

export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

export type Generate = Runner.Work<InferenceError.InferenceError>["generate"]

/** Answers with the prompt itself. */
export const echo: Generate = (input) => Effect.as(Effect.yieldNow, [generation(textOf(input))])

/** Runs a batch over the real file system. */
export const run = (
  options: Runner.Options,
  generate: Generate = echo,
  extra: {
    readonly fingerprint?: Schema.Json
    readonly ready?: Runner.Work<InferenceError.InferenceError>["ready"]
    readonly onEvent?: (event: Progress.Event) => Effect.Effect<void>
  } = {}
) =>
  Runner.run(
    options,
    { generate, ready: extra.ready ?? Effect.void, fingerprint: extra.fingerprint ?? "test" },
    extra.onEvent ?? (() => Effect.void)
  )

/** Runs a batch over work that says what it is. */
export const runWith = (options: Runner.Options, work: Runner.Work<InferenceError.InferenceError>) =>
  Runner.run(options, work, () => Effect.void)

/** Work that says what answers. */
export const told = (
  { generate = echo, ...about }: Partial<Runner.About> & { readonly generate?: Generate }
): Runner.Work<InferenceError.InferenceError> => ({
  generate,
  ready: Effect.void,
  about: Effect.succeed({
    model: "org/model",
    revision: "abc",
    provider: "acme",
    engine: "tgi",
    engineVersion: "3.3.7",
    template: "",
    isPinned: true,
    ...about
  }),
  fingerprint: "test"
})

/** Runs to the end while time passes as fast as the file system lets it. */
export const virtually = <A, E, R>(effect: Effect.Effect<A, E, R>, step: Duration.Input = 20) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust(step)
      yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    }
    return yield* Fiber.join(fiber)
  })

/** The names of all fields with their types, in order, as a reader infers them. */
export const shape = (value: unknown): unknown => {
  if (Array.isArray(value)) return [...new Set(value.map((item) => JSON.stringify(shape(item))))]
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, member]) => [name, shape(member)])
  }
  return typeof value
}

export const Node: Layer.Layer<FileSystem.FileSystem | Path.Path> = NodeServices.layer
