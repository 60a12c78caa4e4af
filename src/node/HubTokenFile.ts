/**
 * The token that `hf auth login` saved on this machine. It is only read, never written.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as HubToken from "../hub/HubToken.ts"
import * as HubHome from "./HubHome.ts"

/**
 * Lets `HubToken.resolve` find the token file, after the argument and the environment. A missing or unreadable file counts
 * as none.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.effect(
  HubToken.TokenFile,
  Effect.zipWith(
    FileSystem.FileSystem,
    HubHome.tokenFile,
    (fs, file) => Effect.orElseSucceed(fs.readFileString(file), () => undefined)
  )
).pipe(Layer.provide(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)))
