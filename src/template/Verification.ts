/**
 * Whether a server would make the same prompt from a conversation.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { ChatTemplate, type ServiceRequest } from "./ChatTemplateService.ts"
import * as MiniJinja from "./engine/MiniJinja.ts"

/**
 * The first place where two texts differ, with up to 40 characters around it on either side.
 *
 * @category models
 * @since 0.1.0
 */
export interface Difference {
  /** In UTF-16 units. */
  readonly offset: number
  readonly ours: string
  readonly theirs: string
}

/**
 * @category accessors
 * @since 0.1.0
 */
export const difference = (ours: string, theirs: string): Difference | undefined => {
  if (ours === theirs) return undefined
  let offset = 0
  while (offset < ours.length && ours[offset] === theirs[offset]) offset++
  const around = (text: string) => text.slice(Math.max(0, offset - 40), offset + 40)
  return { offset, ours: around(ours), theirs: around(theirs) }
}

/**
 * The result of a comparison.
 *
 * @category models
 * @since 0.2.0
 */
export interface Verification {
  readonly ours: string
  readonly theirs: string
  /** Absent if the texts are equal. */
  readonly difference: Difference | undefined
  /** What the template does in minijinja, with which TGI renders its chat route, as far as its text shows. */
  readonly minijinja: ReadonlyArray<MiniJinja.Finding>
}

/**
 * Renders here and at an oracle (TGI's `/chat_tokenize`, `ServerPrompt.vllm`, Python) and compares.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = Effect.fn("ChatTemplate.verify")(function*<E, R>(
  request: ServiceRequest,
  oracle: (request: ServiceRequest) => Effect.Effect<string, E, R>
) {
  const template = yield* ChatTemplate
  const [{ text: ours }, theirs, source] = yield* Effect.all(
    [template.render(request), oracle(request), template.source(request)],
    { concurrency: 3 }
  )
  const result: Verification = {
    ours,
    theirs,
    difference: difference(ours, theirs),
    minijinja: MiniJinja.findings(source)
  }
  return result
})
