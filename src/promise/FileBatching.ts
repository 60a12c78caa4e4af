/**
 * The batch from file to file behind a promise. It is loaded when the first one is run.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type * as Stdio from "effect/Stdio"
import * as Batch from "../batch/Batch.ts"
import type { BatchError } from "../batch/BatchError.ts"
import type { InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type { FileBatchControl, FileBatchOptions, FileBatchReport } from "./FileBatch.ts"

/** Succeeds when the signal is aborted; its listener goes with the fiber that waits. */
const aborted = (signal: AbortSignal): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const stop = () => resume(Effect.succeed("the program stopped it"))
    if (signal.aborted) return stop()
    signal.addEventListener("abort", stop, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", stop))
  })

/**
 * Runs a batch to its end or to its stop.
 *
 * @category running
 * @since 0.2.0
 */
export const run = (
  { drain, onEvent, patience, stop, ...options }: FileBatchOptions & FileBatchControl
): Effect.Effect<
  FileBatchReport,
  BatchError,
  InferenceEndpointsLLM | FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Batch.run({
    ...options,
    // a `Time` is a `Duration.Input` by its form
    ...(drain !== undefined && { drain: drain satisfies Duration.Input }),
    ...(patience !== undefined && { patience: patience satisfies Duration.Input }),
    ...(stop !== undefined && { stop: aborted(stop) }),
    progress: (event) => Effect.sync(() => onEvent?.(event))
  })
