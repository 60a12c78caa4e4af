import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { readFileSync } from "node:fs"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"

interface Expected {
  readonly text?: string
  readonly error?: "InvalidTemplate" | "RenderError" | "Raised"
  readonly message?: string
}
interface Golden {
  readonly conversations: Readonly<
    Record<
      string,
      { readonly messages: ReadonlyArray<unknown>; readonly tools?: unknown; readonly enable_thinking?: boolean }
    >
  >
  readonly cases: ReadonlyArray<
    Expected & { readonly template: string; readonly conversation: string; readonly add_generation_prompt: boolean }
  >
  readonly shapes: ReadonlyArray<Expected & { readonly template: string }>
  readonly tree: Readonly<Record<string, unknown>>
}

const file = (name: string) => readFileSync(new URL(`../fixtures/templates/${name}`, import.meta.url), "utf8")
// written by make.py beside it, in this shape
const golden = JSON.parse(file("golden.json")) as Golden
const now = { epochMillis: Date.UTC(2025, 6, 10, 12), offsetMinutes: 0 }

const agrees = (
  got: Result.Result<string, { readonly reason: { readonly _tag: string; readonly text?: string } }>,
  want: Expected
) => {
  if (Result.isSuccess(got)) return assert.strictEqual(got.success, want.text)
  assert.strictEqual(got.failure.reason._tag, want.error)
  if (want.error === "Raised") assert.strictEqual(got.failure.reason.text, want.message)
}

describe("texts made with Python's jinja2", () => {
  it.effect.each(
    golden.cases.map((expected) =>
      [`${expected.template}, ${expected.conversation}, ${expected.add_generation_prompt}`, expected] as const
    )
  )(
    "%s",
    ([, expected]) =>
      Effect.sync(() => {
        const { messages, tools, ...kwargs } = golden.conversations[expected.conversation] ?? { messages: [] }
        const request = {
          messages,
          tools,
          kwargs,
          addGenerationPrompt: expected.add_generation_prompt,
          specialTokens: { bos_token: "<s>", eos_token: "</s>" }
        }
        agrees(
          Result.flatMap(
            ChatTemplate.compile(file(expected.template)),
            (template) => ChatTemplate.apply(template, request, { now })
          ),
          expected
        )
      })
  )

  it.effect.each(golden.shapes.map((expected) => [expected.template, expected] as const))(
    "%s",
    ([source, expected]) =>
      Effect.sync(() => {
        agrees(
          Result.flatMap(
            ChatTemplate.compile(source),
            (template) => ChatTemplate.render(template, golden.tree, { now })
          ),
          expected
        )
      })
  )
})
