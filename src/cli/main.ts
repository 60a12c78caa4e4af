#!/usr/bin/env node
/**
 * The bin: version and help at once, a verb's own code when it is used.
 *
 * @since 0.1.0
 */
import { readFileSync } from "node:fs"
import * as Module from "node:module"
import * as Help from "./Help.ts"
import * as Verbs from "./Verbs.ts"

const [word, ...rest] = process.argv.slice(2)

const version = (): string =>
  String(JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version)

if (word === "--version" || word === "-v") {
  process.stdout.write(`inference-endpoints v${version()}\n`)
} else if (word === undefined || word === "--help" || word === "-h" || word === "help") {
  process.stdout.write(Help.text)
  // without a verb there was nothing to do
  process.exitCode = word === undefined ? 2 : 0
} else {
  const verb = Verbs.all.find(({ name }) => name === word)
  if (verb === undefined) {
    process.stderr.write(`${Help.unknown(word)}\n`)
    process.exitCode = 2
  } else {
    // keeps the compiled code for the next run
    Module.enableCompileCache?.()
    const Process = await import("./Process.ts")
    await Process.run(verb, rest, version())
  }
}
