/**
 * Compression of Parquet pages with what the runtime provides: gzip, Brotli and zstd of `node:zlib`. Snappy is part of
 * the reader and the writer.
 *
 * @since 0.2.0
 */
import type { Compressors } from "hyparquet"
import * as Builtin from "../Builtin.ts"

type Work = (input: Uint8Array) => Uint8Array

interface Zlib {
  readonly gunzipSync: Work
  readonly gzipSync: Work
  readonly brotliDecompressSync: Work
  readonly zstdDecompressSync?: Work
  readonly zstdCompressSync?: Work
}

const zlib = () => Builtin.load<Zlib>("node:zlib")

/** A copy that does not keep the pool of small buffers. */
const plain = (work: Work): Work => (input) => Uint8Array.from(work(input))

/**
 * Decompression for the reader.
 *
 * @category accessors
 * @since 0.2.0
 */
export const decompressors = (): Compressors => {
  const found = zlib()
  return found === undefined ? {} : {
    GZIP: found.gunzipSync,
    BROTLI: found.brotliDecompressSync,
    ...(found.zstdDecompressSync !== undefined && { ZSTD: found.zstdDecompressSync })
  }
}

/**
 * Compression for the writer.
 *
 * @category accessors
 * @since 0.2.0
 */
export const compressors = (): { readonly GZIP?: Work; readonly ZSTD?: Work } => {
  const found = zlib()
  return found === undefined ? {} : {
    GZIP: plain(found.gzipSync),
    ...(found.zstdCompressSync !== undefined && { ZSTD: plain(found.zstdCompressSync) })
  }
}
