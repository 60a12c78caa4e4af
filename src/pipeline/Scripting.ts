/**
 * Generations from a script instead of a server.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { GenerateRequest } from "../dialect/Dialect.ts"
import type * as Generation from "../Generation.ts"
import { InferenceError, NotFound } from "../InferenceError.ts"
import type { About } from "./About.ts"
import type { Wanted } from "./prepare/Preparing.ts"

const complete = (scripted: string | Partial<Generation.Generation>): Generation.Generation => ({
  text: typeof scripted === "string" ? scripted : "",
  toolCalls: [],
  finishReason: "stop",
  statistics: { duration: 0, attempts: 1 },
  ...(typeof scripted === "string" ? {} : scripted)
})

/** The events of a generation: its words one by one, then its calls, then the whole. */
const events = (generation: Generation.Generation): ReadonlyArray<Generation.Event> => [
  ...(generation.reasoning === undefined ? [] : [{ _tag: "Reasoning", text: generation.reasoning } as const]),
  ...(generation.text.match(/\s*\S+\s*$|\s*\S+/g) ?? []).map((text) => ({ _tag: "Text", text }) as const),
  ...generation.toolCalls.map((call, index) => ({ _tag: "ToolCall", index, ...call }) as const),
  { _tag: "Finish", generation }
]

/**
 * A backend that generates what the script says, in the order of the requests.
 *
 * @category constructors
 * @since 0.1.0
 */
export const backend = <E extends Error>(
  script: (wanted: Wanted, index: number) => string | Partial<Generation.Generation> | E
) => {
  let index = 0
  const next = (wanted: Wanted): Effect.Effect<Generation.Generation, E> =>
    Effect.suspend(() => {
      const scripted = script(wanted, index++)
      return scripted instanceof Error ? Effect.fail(scripted) : Effect.succeed(complete(scripted))
    })
  const about: About = { model: "scripted", engine: "openai", isPinned: true }
  const fingerprint: Schema.Json = "scripted"
  return {
    one: (wanted: Wanted) => Effect.map(next(wanted), (generation) => ({ generation, constraint: undefined })),
    streamed: (wanted: Wanted) =>
      Effect.map(
        next(wanted),
        (generation) => ({ events: Stream.fromIterable(events(generation)), constraint: undefined })
      ),
    prompt: ({ input }: Wanted): Effect.Effect<GenerateRequest["input"]> =>
      Effect.succeed(
        typeof input === "object" && "raw" in input
          ? { _tag: "Prompt", text: input.raw }
          : { _tag: "Messages", messages: typeof input === "string" ? [{ role: "user", content: input }] : input }
      ),
    request: (path: string) =>
      Effect.fail(
        new InferenceError({
          method: `POST ${path}`,
          reason: new NotFound({ description: "a script only has generations; use the simulator for routes" }),
          attempts: 0
        })
      ),
    ready: Effect.void,
    pricing: Effect.succeed(undefined),
    displayName: Effect.succeed("scripted"),
    about: Effect.succeed(about),
    fingerprint
  }
}
