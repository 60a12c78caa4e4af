import type { OutputChunk } from "rolldown"

/** The chunks of a program that is given as text, by their names; packages are those of `folder`, and `external` is what stays outside. */
export declare const make: (source: string, folder: string, external: Array<RegExp>) => Promise<ReadonlyMap<string, OutputChunk>>

/** The chunks that are loaded with the entry, and with those that `also` names. */
export declare const loaded: (
  chunks: ReadonlyMap<string, OutputChunk>,
  also?: (chunk: OutputChunk) => boolean
) => ReadonlyArray<OutputChunk>
