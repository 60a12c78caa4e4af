#!/usr/bin/env node
/**
 * The bin. The first signal lets a command end cleanly, the second ends the process at once.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import * as Cli from "./Cli.ts"
import * as Signals from "./Signals.ts"

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))

const signals = Signals.make()

const fiber = Effect.runFork(
  Cli.run(process.argv.slice(2), String(version)).pipe(
    Effect.provide(Layer.mergeAll(NodeServices.layer, Layer.succeed(Signals.Signals, signals.service)))
  )
)

const onSignal = (signal: Signals.Signal) => {
  const before = signals.service.received()
  if (before !== undefined) process.exit(Signals.codes[before])
  if (!signals.notify(signal)) fiber.interruptUnsafe(fiber.id)
}

process.on("SIGINT", onSignal)
process.on("SIGTERM", onSignal)

const exit = await Effect.runPromise(Fiber.await(fiber))
const received = signals.service.received()
const code = exit._tag === "Success" ? exit.value : 1
process.exit(exit._tag === "Failure" && received !== undefined ? Signals.codes[received] : code)
