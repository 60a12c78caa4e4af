/**
 * The Hub's file cache of this machine, shared with Python's `huggingface_hub`.
 *
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as DatasetCache from "../hub/DatasetCache.ts"
import * as HubCache from "../hub/HubCache.ts"
import * as HubCacheDisk from "../hub/HubCacheDisk.ts"
import * as HubHome from "./HubHome.ts"

/**
 * The cache below `HF_HUB_CACHE`, or wherever the environment says it is.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HubCache.HubCache> = Layer.effect(
  HubCache.HubCache,
  Effect.flatMap(HubHome.hubCache, HubCacheDisk.make)
).pipe(Layer.provide(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)))

/**
 * The same for files of data sets, which are read whole (`DatasetSource`).
 *
 * @category layers
 * @since 0.2.0
 */
export const layerDatasets: Layer.Layer<DatasetCache.DatasetCache> = Layer.effect(
  DatasetCache.DatasetCache,
  Effect.flatMap(HubHome.hubCache, DatasetCache.make)
).pipe(Layer.provide(Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)))
