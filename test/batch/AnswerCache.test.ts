import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, FileSystem } from "effect"
import { KeyValueStore } from "effect/persistence"
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as AnswerCache from "../../src/batch/AnswerCache.ts"
import * as Bench from "./Bench.ts"

const memory = Effect.provide(KeyValueStore.KeyValueStore, KeyValueStore.layerMemory)

const key = (n: number) => n.toString(16).padStart(64, "0")

const judged = (text: string, more: Parameters<typeof Bench.generation>[1] = {}) => ({
  generations: [Bench.generation(text, more)],
  values: undefined,
  discarded: []
})

describe("equal rows", () => {
  it.effect("of one input are paid for once, and over runs too", () =>
    Effect.gen(function*() {
      const cache = yield* memory
      const place = yield* Bench.files
      Bench.write(place.input, Array.from({ length: 40 }, (_, row) => ({ prompt: `question ${row % 4}` })))
      const asked: Array<string> = []
      const generate: Bench.Generate = (input, options) => {
        asked.push(Bench.textOf(input))
        return Bench.echo(input, options)
      }
      const report = yield* Bench.run({ ...place, cache, concurrency: 8 }, generate)
      assert.lengthOf(asked, 4)
      assert.deepStrictEqual([report.rows.done, report.cached], [40, 36])
      assert.deepStrictEqual(report.tokens, { input: 12, output: 20 })
      const other = join(place.path, "other.jsonl")
      yield* Bench.run({ input: place.input, output: other, cache }, generate)
      assert.lengthOf(asked, 4)
      assert.deepStrictEqual(
        Bench.lines(other).map(({ generations, index }) => [index, generations?.[0]?.text]).toSorted(),
        Bench.upTo(40).map((row) => [row, `question ${row % 4}`]).toSorted()
      )
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("with other options are other rows, and a retry passes by", () =>
    Effect.gen(function*() {
      const cache = yield* memory
      const place = yield* Bench.files
      Bench.write(place.input, [{ prompt: "a" }])
      let asked = 0
      const generate: Bench.Generate = (input, options) => {
        asked++
        return Bench.echo(input, options)
      }
      const run = (name: string, options: object) =>
        Bench.run({ input: place.input, output: join(place.path, name), cache, ...options }, generate)
      yield* run("1", { options: { temperature: 0.5 } })
      yield* run("2", { options: { temperature: 0.6 } })
      yield* run("3", { options: { temperature: 0.5, delivery: "unary" } })
      assert.strictEqual(asked, 2)
      yield* run("4", { options: { temperature: 0.5 }, retryFailed: true })
      assert.strictEqual(asked, 3)
    }).pipe(Effect.provide(Bench.Node)))

  it.effect("wait for the first of them; when it fails or is interrupted the next one is sent", () =>
    Effect.gen(function*() {
      const cache = AnswerCache.make(yield* memory)
      for (const how of ["fails", "is interrupted"] as const) {
        const begun = yield* Deferred.make<void>()
        const gate = yield* Deferred.make<void>()
        const first = yield* Effect.forkChild(Effect.exit(cache.through(
          how,
          false,
          Effect.andThen(
            Deferred.succeed(begun, undefined),
            Effect.andThen(Deferred.await(gate), Effect.fail("broken"))
          )
        )))
        yield* Deferred.await(begun)
        const second = yield* Effect.forkChild(cache.through(how, false, Effect.succeed(judged("b"))), {
          startImmediately: true
        })
        assert.strictEqual(second.pollUnsafe(), undefined)
        if (how === "fails") yield* Deferred.succeed(gate, undefined)
        else yield* Fiber.interrupt(first)
        const given = yield* Fiber.join(second)
        assert.deepStrictEqual([given.generations[0]?.text, given.cached], ["b", false])
      }
    }))
})

describe("a generation", () => {
  it.effect.each(
    [
      ["cut", judged("a", { finishReason: "length" })],
      ["empty", judged(" ")],
      ["refused", judged("a", { refusal: "no" })],
      ["filtered", judged("a", { finishReason: "content_filter" })]
    ] as const
  )("that is %s is not kept", ([, given]) =>
    Effect.gen(function*() {
      const cache = AnswerCache.make(yield* memory)
      yield* cache.through("k", false, Effect.succeed(given))
      assert.isFalse((yield* cache.through("k", false, Effect.succeed(judged("b")))).cached)
    }))

  it.effect("comes back with a seed of 64 bits", () =>
    Effect.gen(function*() {
      const cache = AnswerCache.make(yield* memory)
      const given = judged("a", { seed: 18446744073709551615n })
      yield* cache.through("k", false, Effect.succeed(given))
      const again = yield* cache.through("k", false, Effect.die("asked"))
      assert.deepStrictEqual(again.generations, given.generations)
    }))
})

describe("a cache of files", () => {
  it.effect("is readable by its owner alone, keeps to its size, lets the oldest go, and is cleared alone", () =>
    Effect.gen(function*() {
      const { path } = yield* Bench.files
      const folder = join(path, "cache")
      const fs = yield* FileSystem.FileSystem
      const store = yield* AnswerCache.files(folder, { maxBytes: 10_000 })
      for (let n = 0; n < 20; n++) {
        yield* store.set(key(n), "x".repeat(900))
        const file = join(folder, "00", `${key(n)}.json`)
        if (existsSync(file)) yield* fs.utimes(file, n, n)
      }
      assert.isAtMost((yield* store.size) * 900, 10_000)
      assert.strictEqual(yield* store.get(key(0)), undefined)
      assert.strictEqual((yield* store.get(key(19)))?.length, 900)
      const [name = ""] = readdirSync(join(folder, "00"))
      assert.strictEqual(statSync(join(folder, "00", name)).mode & 0o777, 0o600)
      yield* store.set(key(99), "y".repeat(5000))
      assert.strictEqual(yield* store.get(key(99)), undefined)
      writeFileSync(join(folder, "notes.txt"), "mine")
      yield* AnswerCache.clear(folder)
      assert.strictEqual(yield* store.size, 0)
      assert.isTrue(existsSync(join(folder, "notes.txt")))
    }).pipe(Effect.provide(Bench.Node)))
})
