/**
 * Images from files and addresses, in the form of messages.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as FileSystem from "effect/FileSystem"
import type * as Message from "../../Message.ts"
import * as Notice from "../terminal/Notice.ts"

/** The kinds that engines accept, by their first bytes. */
const kinds: ReadonlyArray<readonly [type: string, begins: (bytes: Uint8Array) => boolean]> = [
  ["image/png", (bytes) => starts(bytes, [0x89, 0x50, 0x4e, 0x47])],
  ["image/jpeg", (bytes) => starts(bytes, [0xff, 0xd8, 0xff])],
  ["image/gif", (bytes) => starts(bytes, [0x47, 0x49, 0x46, 0x38])],
  [
    "image/webp",
    (bytes) => starts(bytes, [0x52, 0x49, 0x46, 0x46]) && starts(bytes.subarray(8), [0x57, 0x45, 0x42, 0x50])
  ],
  ["image/tiff", (bytes) => starts(bytes, [0x49, 0x49, 0x2a, 0x00]) || starts(bytes, [0x4d, 0x4d, 0x00, 0x2a])]
]

const starts = (bytes: Uint8Array, with_: ReadonlyArray<number>): boolean =>
  with_.every((byte, index) => bytes[index] === byte)

const part = (url: string): Message.Part => ({ type: "image_url", image_url: { url } })

/**
 * One image: an `https:` or `data:` URL as it is, a file as a `data:` URL. Anything else ends the command with a usage
 * error.
 *
 * @category reading
 * @since 0.2.0
 */
export const read = Effect.fnUntraced(function*(place: string) {
  if (/^(?:https?:\/\/|data:image\/)/.test(place)) return part(place)
  const files = yield* FileSystem.FileSystem
  const bytes = yield* files.readFile(place).pipe(
    Effect.catch(() => Notice.usage(`--image ${place}: there is no such file, or it cannot be read`))
  )
  const kind = kinds.find(([, begins]) => begins(bytes))?.[0]
  return kind === undefined
    ? yield* Notice.usage(`--image ${place} is not a PNG, JPEG, GIF, WebP or TIFF`)
    : part(`data:${kind};base64,${Base64.encode(bytes)}`)
})
