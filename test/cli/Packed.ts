/** The bin as it is packed, in a folder of its own, with and without a terminal. */
import * as Pty from "@lydell/node-pty"
import { Effect } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const root = new URL("../..", import.meta.url).pathname

/** Packs what is built, unpacks it, and gives the path of the bin. What npm would install beside it is this package's own. */
export const unpack = (): { readonly folder: string; readonly bin: string } => {
  const folder = mkdtempSync(join(tmpdir(), "bin-"))
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], { cwd: root })
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? ""
  execFileSync("tar", ["-xzf", join(folder, tarball), "-C", folder])
  symlinkSync(realpathSync(join(root, "node_modules")), join(folder, "node_modules"))
  return { folder, bin: join(folder, "package/dist/bundle/cli.js") }
}

export const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true })

// a machine of continuous integration says so, and has no colour
const { CI: _, FORCE_COLOR: __, NO_COLOR: ___, ...outside } = process.env

const environment = (env: Readonly<Record<string, string>>) => ({
  ...outside,
  HF_TOKEN: "",
  INFERENCE_BASE_URL: "",
  INFERENCE_MODEL_ID: "",
  INFERENCE_ENDPOINT_NAME: "",
  ...env
})

export interface Screen {
  /** Waits until the terminal has shown a text. */
  readonly shows: (text: string | RegExp) => Effect.Effect<void>
  readonly type: (text: string) => Effect.Effect<void>
  readonly text: () => string
  readonly ended: Effect.Effect<number>
}

/** The bin in a terminal; it ends with the scope. */
export const terminal = (bin: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      let text = ""
      const listeners = new Set<() => void>()
      const child = Pty.spawn(process.execPath, [bin, ...args], { cols: 200, rows: 50, env: environment(env) })
      const gone = new Promise<number>((resolve) => child.onExit(({ exitCode }) => resolve(exitCode)))
      child.onData((data) => {
        text += data
        for (const listener of listeners) listener()
      })
      const screen: Screen = {
        text: () => text,
        type: (typed) => Effect.sync(() => child.write(typed)),
        ended: Effect.promise(() => gone),
        shows: (wanted) =>
          Effect.callback<void>((resume) => {
            const look = () => {
              if (typeof wanted === "string" ? text.includes(wanted) : wanted.test(text)) resume(Effect.void)
            }
            listeners.add(look)
            look()
            return Effect.sync(() => listeners.delete(look))
          })
      }
      return { screen, child }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.map(({ screen }) => screen))

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Child {
  readonly ended: Effect.Effect<Ran>
  /** The first line of standard output. */
  readonly line: Effect.Effect<string>
  readonly kill: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits for the first output, and reads no more of it. */
  readonly hangUp: Effect.Effect<void>
}

/** The bin without a terminal; it ends with the scope. Standard input is what is given, or stays open. */
export const start = (
  bin: string,
  args: ReadonlyArray<string>,
  { env = {}, stdin = "" }: { readonly env?: Readonly<Record<string, string>>; readonly stdin?: string | "open" } = {}
) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [bin, ...args], {
        stdio: "pipe",
        env: environment({ NO_COLOR: "1", ...env })
      })
      child.stdin.on("error", () => undefined)
      if (stdin !== "open") child.stdin.end(stdin)
      let stdout = ""
      let stderr = ""
      child.stdout.setEncoding("utf8").on("data", (text) => stdout += text)
      child.stderr.setEncoding("utf8").on("data", (text) => stderr += text)
      const closed = new Promise<Ran>((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })))
      const first = new Promise<string>((resolve) =>
        child.stdout.on("data", () => {
          if (stdout.includes("\n")) resolve(stdout.slice(0, stdout.indexOf("\n")))
        })
      )
      const begun = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()))
      const made: Child = {
        ended: Effect.promise(() => closed),
        line: Effect.promise(() => first),
        kill: (signal) => Effect.sync(() => void child.kill(signal)),
        hangUp: Effect.andThen(Effect.promise(() => begun), Effect.sync(() => child.stdout.destroy()))
      }
      return { made, child }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  ).pipe(Effect.map(({ made }) => made))

export const run = (...given: Parameters<typeof start>) =>
  Effect.scoped(Effect.flatMap(start(...given), ({ ended }) => ended))
