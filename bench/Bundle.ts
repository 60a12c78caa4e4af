/**
 * What of the SDK and of its peers reaches a browser: a program bundled, minified and gzipped. The bundler is the one that
 * vitest brings along.
 *
 * ```sh
 * node Bundle.ts
 * ```
 */
import { gzipSync } from "node:zlib"
import * as Bundle from "../.ci/bundle.mjs"

const core = new URL("../src/", import.meta.url).pathname

/** What a program takes, and the chunks beyond its first one that are loaded when it does what its name says. */
interface Program {
  readonly source: string
  readonly late?: ReadonlyArray<string>
}

const service = `import { layer } from "${core}InferenceEndpointsLLM.ts"
import { layer as transport } from "${core}http/FetchTransport.ts"
import { provide } from "effect/Layer"
export const model = (options) => provide(layer(options), transport)`

const programs: Readonly<Record<string, Program>> = {
  "one error class": { source: `export { InferenceError } from "${core}InferenceError.ts"` },
  "`Effect`, `Stream`, `Schema` and `HttpClient` alone": {
    source: `import { gen } from "effect/Effect"
import { make, execute } from "effect/http/HttpClient"
import { get } from "effect/http/HttpClientRequest"
import { Struct, String, decodeUnknownEffect } from "effect/Schema"
import { runForEach } from "effect/Stream"
export { gen, make, execute, get, Struct, String, decodeUnknownEffect, runForEach }`
  },
  "`TgiClient`": { source: `export { layer } from "${core}transport/TgiClient.ts"` },
  "the service": { source: `export { layer } from "${core}InferenceEndpointsLLM.ts"` },
  "the service over `fetch`": { source: service },
  "the service over `fetch`, with `generateObject`": { source: service, late: ["pipeline/object/Structure.ts"] },
  "the promise entry": { source: `export { connect } from "${core}promise/fetch.ts"` },
  "`openai`": { source: `export { default } from "openai"` },
  "`ai` with `@ai-sdk/openai-compatible`": {
    source:
      `export { generateText, streamText } from "ai"\nexport { createOpenAICompatible } from "@ai-sdk/openai-compatible"`
  },
  "`@huggingface/inference`": { source: `export { InferenceClient } from "@huggingface/inference"` }
}

const size = (parts: Iterable<{ readonly code: string }>) =>
  [...parts].reduce((sum, { code }) => sum + gzipSync(code).length, 0)

/** Bytes of what is loaded with the program, or with what it does; and of every chunk that it might ever load. */
const sizes = async (
  { late = [], source }: Program,
  external: ReadonlyArray<RegExp>
): Promise<readonly [loaded: number, all: number]> => {
  const chunks = await Bundle.make(source, import.meta.dirname, [...external])
  const loaded = Bundle.loaded(
    chunks,
    ({ moduleIds }) => late.some((path) => moduleIds.some((id) => id.endsWith(`/src/${path}`)))
  )
  return [size(loaded), size(chunks.values())]
}

/** Kilobytes after gzip. */
interface Size {
  readonly program: string
  /** Loaded with the program. */
  readonly loaded: number
  /** The same without Effect, which it shares with what else is written with it. */
  readonly own: number
  /** All that it may ever load. */
  readonly all: number
}

/** The sizes of all programs. */
export const measure = async (): Promise<ReadonlyArray<Size>> => {
  const measured: Array<Size> = []
  for (const [name, program] of Object.entries(programs)) {
    const [loaded, all] = await sizes(program, [])
    const [own] = await sizes(program, [/^effect(?:\/|$)/])
    measured.push({ program: name, loaded: loaded / 1000, own: own / 1000, all: all / 1000 })
  }
  return measured
}

if (import.meta.main) {
  console.log("| program | loaded | of it without Effect | all it may ever load |\n| --- | --- | --- | --- |")
  for (const { all, loaded, own, program } of await measure()) {
    console.log(`| ${program} | ${loaded.toFixed(0)} | ${own.toFixed(0)} | ${all.toFixed(0)} |`)
  }
}
