import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Exit, Layer, Redacted, Schedule, Scope } from "effect"
import { HttpClient } from "effect/http"
import { SqlClient } from "effect/sql"
import { appendFileSync, existsSync, writeFileSync } from "node:fs"
import { Cluster, Collect, ObjectFiles, ObjectStore, ShardFiles, Watch, Worker } from "../../src/cluster/index.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as Store from "../../src/simulator/platform/ObjectStore.ts"
import * as Double from "../../src/simulator/wire/Double.ts"
import { run, start } from "../cli/Command.ts"
import { allRows, model, place, readLines, rowsText, services, split } from "./Job.ts"

const HOST = "store.example"
const LONG = { timeout: 120_000 }

/** A store in memory, and the services of a job whose files are there; each build of them is another machine. */
const world = Effect.fnUntraced(function*(every: number) {
  const made = yield* place
  const store = yield* Store.make({ pageSize: 2 })
  const client = Layer.succeed(HttpClient.HttpClient, Double.client({ [HOST]: store.handler }))
  const objects = ObjectStore.layer({
    bucket: "bucket",
    prefix: "june",
    endpoint: `https://${HOST}`,
    region: "us-east-1",
    accessKeyId: "key",
    secretAccessKey: Redacted.make("secret")
  }).pipe(Layer.provide(client))
  const files = ObjectFiles.layer({ every }).pipe(Layer.provide(objects), Layer.provideMerge(NodeServices.layer))
  return { made, store, files, machine: Layer.provideMerge(files, services(made.sqlite, made.folder)) }
})

const claim = { job: "j", shard: 7, firstRow: 0, rows: 5, counted: 0 }

const line = (index: number) => `{"id":"${index}","index":${index},"generations":[]}\n`

const indexes = (path: string) => readLines(path).map(({ index }) => index)

const keys = ({ objects }: Store.ObjectStore, word: string) => [...objects.keys()].filter((key) => key.includes(word))

describe("results in an object store", () => {
  it.live("are sent as parts while they grow, and the next claim begins with the whole lines that arrived", () =>
    Effect.gen(function*() {
      const { files, store } = yield* world(20)
      const first = yield* Scope.make()
      const machine = yield* Layer.buildWithScope(files, first)
      const { begin } = yield* Effect.provide(ShardFiles.ShardFiles, machine)
      const begun = yield* Scope.provide(begin({ ...claim, epoch: 1 }), first)
      assert.strictEqual(begun.inherited, 0)
      writeFileSync(`${begun.output}.manifest.json`, "{}")
      writeFileSync(begun.output, `${line(0)}${line(1)}`)
      yield* Effect.repeat(Effect.sleep(10), { until: () => keys(store, "/1/out.").length === 1 })
      appendFileSync(begun.output, `${line(2)}{"id":"3","ind`)
      appendFileSync(begun.errors, line(4))
      yield* Effect.repeat(Effect.sleep(10), { until: () => keys(store, "/1/").length === 4 })
      assert.deepStrictEqual(keys(store, "/1/").toSorted(), [
        "june/results/000007/1/errors.000001.jsonl",
        "june/results/000007/1/manifest.json",
        "june/results/000007/1/out.000001.jsonl",
        "june/results/000007/1/out.000002.jsonl"
      ])
      // another machine, while the first one lives
      yield* Effect.gen(function*() {
        const other = yield* ShardFiles.ShardFiles
        const next = yield* other.begin({ ...claim, epoch: 2 })
        assert.notStrictEqual(next.output, begun.output)
        assert.strictEqual(next.inherited, 4)
        assert.deepStrictEqual([indexes(next.output), indexes(next.errors)], [[0, 1, 2], [4]])
        appendFileSync(next.output, line(3))
        const name = yield* other.finish({ ...claim, epoch: 2 })
        const { output } = yield* other.results(name)
        assert.deepStrictEqual(indexes(output), [0, 1, 2, 3])
      }).pipe(Effect.scoped, Effect.provide(files))
    }).pipe(Effect.scoped))

  it.live("that did not arrive before their worker died are asked for again, and counted in what is watched", () =>
    Effect.gen(function*() {
      // parts are sent once an hour: all that a worker did is lost with its machine
      const { machine, made } = yield* world(3_600_000)
      let asked = 0
      const dies = yield* Deferred.make<void>()
      const counted = model(() =>
        Effect.suspend(() =>
          ++asked > 12 ? Effect.andThen(Deferred.succeed(dies, undefined), Effect.never) : Effect.void
        )
      )
      yield* Effect.scoped(split(made, 20).pipe(Effect.provide(machine)))
      const dead = yield* Scope.make()
      const first = yield* Layer.buildWithScope(Layer.mergeAll(machine, counted), dead)
      yield* Worker.run({ job: "j", worker: "a", batch: { concurrency: 1 } }).pipe(
        Effect.provide(first),
        Scope.provide(dead),
        Effect.forkIn(dead)
      )
      yield* Deferred.await(dies)
      yield* Effect.gen(function*() {
        const status = yield* Effect.repeat(Watch.status("j"), {
          until: ({ rows }) => rows.done === 12,
          schedule: Schedule.spaced("50 millis")
        })
        assert.strictEqual(status.rows.repeated, 0)
        // as if its machine were gone: the queue gives the shard to another
        const sql = yield* SqlClient.SqlClient
        yield* sql`UPDATE batch_queue SET acquired_at = '2000-01-01 00:00:00'`
        const summary = yield* Effect.scoped(Worker.run({ job: "j", worker: "b", batch: { concurrency: 1 } }))
        assert.strictEqual(summary.shards, 1)
        const after = yield* Watch.status("j")
        assert.strictEqual(after.rows.repeated, 12)
        assert.match(Watch.text(after), /12 repeated/)
        const { done } = yield* Collect.run({ job: "j", output: made.output })
        assert.strictEqual(done, 20)
        assert.deepStrictEqual(readLines(made.output).map(({ id, index }) => ({ id, index })), allRows(20))
      }).pipe(Effect.provide(Layer.mergeAll(machine, model(() => Effect.void))))
      yield* Scope.close(dead, Exit.void)
    }).pipe(Effect.scoped))

  it.live("of a worker that is stopped are all there for the next one", () =>
    Effect.gen(function*() {
      const { machine, made, store } = yield* world(3_600_000)
      const stop = yield* Deferred.make<string>()
      let asked = 0
      const counted = model(() =>
        Effect.suspend(() => ++asked === 5 ? Deferred.succeed(stop, "enough") : Effect.void).pipe(
          Effect.andThen(Effect.sleep(10))
        )
      )
      const layer = Layer.mergeAll(machine, counted)
      yield* Effect.gen(function*() {
        yield* split(made, 20)
        const options = { job: "j", batch: { concurrency: 1 } }
        yield* Effect.scoped(Worker.run({ ...options, worker: "a", stop: Deferred.await(stop) }))
        assert.isAtLeast(keys(store, "/1/out.").length, 1)
      }).pipe(Effect.provide(layer))
      yield* Effect.gen(function*() {
        yield* Effect.scoped(Worker.run({ job: "j", batch: { concurrency: 1 }, worker: "b" }))
        assert.strictEqual(asked, 20)
        assert.strictEqual((yield* Watch.status("j")).rows.repeated, 0)
        yield* Collect.run({ job: "j", output: made.output })
        assert.deepStrictEqual(readLines(made.output).map(({ id, index }) => ({ id, index })), allRows(20))
        assert.isFalse(existsSync(made.folder))
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped))
})

/** The store on a socket, and what the environment has to say of it. */
const listening = Effect.gen(function*() {
  const store = yield* Store.make()
  const { url } = yield* SimulatorServer.serve((request) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) =>
      store.handler({
        ...request,
        headers: { ...request.headers },
        url: new URL(request.path, `http://${request.headers["host"] ?? ""}`),
        at
      }))
  )
  const env = {
    AWS_ENDPOINT_URL_S3: url,
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_REGION: "us-east-1"
  }
  return { store, env }
})

describe("workers that share a bucket", () => {
  it.live(
    "by the commands: one is killed, and every row is once in what another machine collects",
    () =>
      Effect.gen(function*() {
        const { env, store } = yield* listening
        const simulator = yield* Simulator.Simulator
        const { url } = yield* SimulatorServer.SimulatorServer
        const made = yield* place
        writeFileSync(made.input, rowsText(60))
        const folder = "s3://bucket/june"
        const job = ["--job", "j", "--database", made.sqlite, "--folder", folder, "--lease", "3", "--poll", "0.2"]
        const worker = ["batch", "work", ...job, "-u", url, "--concurrency", "4", "--max-new-tokens", "4"]
        const split = yield* run(["batch", "split", made.input, "--rows", "20", ...job], { env })
        assert.strictEqual(split.code, 0, split.stderr)
        const killed = yield* start([...worker, "--worker", "a"], { env })
        yield* Effect.repeat(Effect.sleep(10), {
          until: () => simulator.journal.entries.pipe(Effect.map((entries) => entries.length > 30), Effect.runSync)
        })
        killed.child.kill("SIGKILL")
        const second = yield* run([...worker, "--worker", "b"], { env })
        assert.strictEqual(second.code, 0, second.stderr)
        const collected = yield* run(["batch", "collect", "-o", made.output, ...job], { env })
        assert.strictEqual(collected.code, 0, collected.stderr)
        assert.deepStrictEqual(readLines(made.output).map(({ id, index }) => ({ id, index })), allRows(60))
        assert.isAtLeast(keys(store, "june/results/").length, 3 * 3)
        const wrong = { ...env, AWS_SECRET_ACCESS_KEY: "not-this-one" }
        const refused = yield* run(["batch", "collect", "-o", made.output, ...job], { env: wrong })
        assert.strictEqual(refused.code, 2)
        assert.include(refused.stderr, "SignatureDoesNotMatch")
        assert.notInclude(refused.stderr, "not-this-one")
      }).pipe(Effect.scoped, Effect.provide(SimulatorServer.layer({ latency: { headers: "30 millis" } }))),
    LONG
  )
})

describe("a job whose folder is s3://", () => {
  it.effect("needs credentials, and says which", () =>
    Effect.gen(function*() {
      const made = yield* place
      const layer = Cluster.layer({ database: Redacted.make(made.sqlite), folder: "s3://bucket/june" }).pipe(
        Layer.provideMerge(NodeServices.layer)
      )
      const none = Layer.succeed(HttpClient.HttpClient, Double.client({}))
      const error = yield* Effect.flip(Effect.scoped(Effect.provide(Layer.build(layer), none)))
      assert.strictEqual(error.reason._tag, "InvalidJobOptions")
      assert.include(error.message, "AWS_ACCESS_KEY_ID")
    }).pipe(Effect.scoped))
})
