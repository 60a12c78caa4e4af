import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"

const script = new URL("Heap.ts", import.meta.url).pathname

const succeeded = (megabytes: number, ...args: ReadonlyArray<string>) =>
  Effect.promise(() =>
    new Promise<string>((resolve) =>
      execFile(
        process.execPath,
        [`--max-old-space-size=${megabytes}`, script, ...args],
        (error, stdout, stderr) => resolve(error === null ? stdout.trim() : stderr)
      )
    )
  )

describe("memory does not grow with the number of rows", () => {
  it.live("60,000 rows pass through a heap of 64 MB", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* succeeded(64, "60000", "work"), "60000")
    }), 180_000)

  it.live("40,000 rows pass through the service and the simulator in a heap of 64 MB", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* succeeded(64, "40000", "simulator"), "40000")
    }), 180_000)
})
