/**
 * The promise entry on Node: over the fast transport, with the token file and the shared cache of Hub files.
 *
 * @since 0.2.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeInferenceEndpoints from "../node/NodeInferenceEndpoints.ts"
import * as ClientOf from "./Client.ts"
import type { Client } from "./index.ts"
import type { Options } from "./Options.ts"

export * from "./index.ts"

const files = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

/** What batches in files need, with the first of them. */
const loadFiles: ClientOf.LoadFiles = async () => {
  const [{ run }, NodeStdio] = await Promise.all([
    import("./FileBatching.ts"),
    import("@effect/platform-node/NodeStdio")
  ])
  const all = Layer.merge(files, NodeStdio.layer)
  return { run: (options) => Effect.provide(run(options), all) }
}

/**
 * Connects to the model that the options name. Nothing is sent before the first call.
 *
 * @example
 * ```ts
 * import { connect } from "effect-inference-endpoints/promise"
 *
 * await using llm = connect({ baseUrl: "http://localhost:8080" })
 * const { text } = await llm.generate("Why is the sky red at sunset?", { maxNewTokens: 64 })
 * console.log(text)
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const connect: (options: Options) => Client = ClientOf.make(
  (options) => NodeInferenceEndpoints.layer(options).pipe(Layer.provide(files)),
  loadFiles
)
