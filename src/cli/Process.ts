/**
 * A verb as a process: the first signal lets it end cleanly, the second ends the process at once, and a reader of its
 * output that leaves early is not an error.
 *
 * @since 0.2.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeStdio from "@effect/platform-node/NodeStdio"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { ChildProcessSpawner, make as spawner } from "effect/process/ChildProcessSpawner"
import * as Signals from "./terminal/Signals.ts"
import type * as Verbs from "./Verbs.ts"

/** A pipe that was closed by its reader, such as `head`: there is nothing more to print. */
const endQuietly = (error: NodeJS.ErrnoException): void => {
  if (error.code === "EPIPE") process.exit(0)
  throw error
}

/** What `NodeServices` has, but for a spawner: no verb starts another program. */
const services = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  NodeStdio.layer,
  NodeTerminal.layer,
  Layer.succeed(ChildProcessSpawner, spawner(() => Effect.die("no verb starts another program")))
)

/**
 * Runs a verb to its end and exits with its code.
 *
 * @category running
 * @since 0.2.0
 */
export const run = async (verb: Verbs.Verb, args: ReadonlyArray<string>, version: string): Promise<never> => {
  process.stdout.on("error", endQuietly)
  process.stderr.on("error", endQuietly)
  const { main } = await verb.load()
  const signals = Signals.make()
  const fiber = Effect.runFork(
    main(args, version).pipe(
      Effect.provide(Layer.mergeAll(services, Layer.succeed(Signals.Signals, signals.service)))
    )
  )
  const onSignal = (signal: Signals.Signal) => {
    const before = signals.service.received()
    if (before !== undefined) process.exit(Signals.codes[before])
    if (!signals.notify(signal)) fiber.interruptUnsafe(fiber.id)
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  process.on("SIGHUP", onSignal)
  const exit = await Effect.runPromise(Fiber.await(fiber))
  const received = signals.service.received()
  const code = exit._tag === "Success" ? exit.value : 1
  process.exit(exit._tag === "Failure" && received !== undefined ? Signals.codes[received] : code)
}
