/**
 * SHA-256 of bytes that arrive in pieces: by the runtime's own digest if it takes pieces, else by WebCrypto on the whole.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Builtin from "../Builtin.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Running {
  readonly update: (bytes: Uint8Array) => void
  /** In hexadecimal; ends the run. */
  readonly digest: Effect.Effect<string>
}

interface NodeHash {
  readonly update: (bytes: Uint8Array) => unknown
  readonly digest: (encoding: "hex") => string
}

interface NodeCrypto {
  readonly createHash: (algorithm: "sha256") => NodeHash
}

const whole = (): Running => {
  const chunks: Array<Uint8Array> = []
  return {
    update: (bytes) => void chunks.push(bytes.slice()),
    digest: Effect.promise(async () => {
      const bytes = await new Blob(chunks.map((chunk) => Uint8Array.from(chunk))).arrayBuffer()
      return Hex.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)))
    })
  }
}

/**
 * Begins a digest.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (): Running => {
  const hash = Builtin.load<NodeCrypto>("node:crypto")?.createHash("sha256")
  return hash === undefined
    ? whole()
    : { update: (bytes) => void hash.update(bytes), digest: Effect.sync(() => hash.digest("hex")) }
}
