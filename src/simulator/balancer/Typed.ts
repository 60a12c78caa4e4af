/**
 * The types that a balancer reads bodies with before it passes them on.
 *
 * @since 0.2.0
 */
import type * as Json from "../wire/Json.ts"
import * as Serde from "../wire/Serde.ts"

const chatNames = new Set([
  "model",
  "messages",
  "max_tokens",
  "max_completion_tokens",
  "temperature",
  "top_p",
  "n",
  "stream"
])

const node: Serde.Reader<Json.Node> = (value) => value

const sampling = (self: Serde.Struct): void => {
  Serde.optional(self, "max_tokens", Serde.u32)
  Serde.optional(self, "max_completion_tokens", Serde.u32)
  Serde.optional(self, "temperature", Serde.f32)
  Serde.optional(self, "top_p", Serde.f32)
  Serde.optional(self, "n", Serde.u32)
  Serde.defaulted(self, "stream", Serde.boolean, false)
}

/** @category readers @since 0.2.0 */
export const chat: Serde.Reader<void> = (value, path) => {
  const self = Serde.struct(value, path, "struct ChatCompletionRequest", chatNames)
  Serde.optional(self, "model", Serde.string)
  Serde.required(self, "messages", Serde.array(node))
  sampling(self)
}

/** @category readers @since 0.2.0 */
export const completion: Serde.Reader<void> = (value, path) => {
  const names = new Set([...chatNames, "prompt"])
  const self = Serde.struct(value, path, "struct CompletionRequest", names)
  Serde.required(self, "model", Serde.string)
  Serde.required(self, "prompt", node)
  sampling(self)
}
