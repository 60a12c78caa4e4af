import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Sink, Stdio, Stream } from "effect"
import { visible } from "../../src/cli/terminal/Visible.ts"
import * as Visible from "../../src/cli/terminal/Visible.ts"

const tricks: ReadonlyArray<readonly [name: string, text: string, shown: string]> = [
  ["OSC 52, which writes the clipboard", "\u001b]52;c;cm0gLXJmIC8=\u0007", "␛]52;c;cm0gLXJmIC8=␇"],
  [
    "OSC 8, which hides a link",
    "\u001b]8;;http://evil\u001b\\\\bank\u001b]8;;\u001b\\\\",
    "␛]8;;http://evil␛\\\\bank␛]8;;␛\\\\"
  ],
  ["CSI, which clears the screen", "\u001b[2J\u001b[H", "␛[2J␛[H"],
  ["CSI as one character of C1", "\u009b2J", "<9B>2J"],
  ["OSC as one character of C1", "\u009d52;c;x\u009c", "<9D>52;c;x<9C>"],
  ["a return, which writes over the line", "safe\revil", "safe␍evil"],
  ["backspaces", "safe\b\b\b\bevil", "safe␈␈␈␈evil"],
  ["DELETE and NUL", "a\u007fb\u0000", "a␡b␀"],
  ["text that is turned around", "\u202etxt.exe\u2066", "<202E>txt.exe<2066>"]
]

describe("on a terminal", () => {
  for (const [name, text, shown] of tricks) {
    it(`${name} is seen and not obeyed`, () => assert.strictEqual(visible(text), shown))
  }

  it.prop(
    "no control character is left but tab and line feed, whatever was written",
    [Schema.String],
    ([text]) => assert.notMatch(visible(text), /(?![\t\n])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u)
  )

  it("all else is left as it is, lines and tabs too", () => {
    const text = "Grüße, 世界 👩‍👩‍👧 \t é\n\nשלום"
    assert.strictEqual(visible(text), text)
    assert.strictEqual(visible("a\r\nb"), "a\nb")
  })
})

const stdio = (isTerminal: boolean) =>
  Layer.succeed(
    Stdio.Stdio,
    Stdio.make({
      args: Effect.succeed([]),
      stdinIsTerminal: Effect.succeed(isTerminal),
      stdoutIsTerminal: Effect.succeed(isTerminal),
      stderrIsTerminal: Effect.succeed(isTerminal),
      stdin: Stream.empty,
      stdout: () => Sink.drain,
      stderr: () => Sink.drain
    })
  )

const through = (isTerminal: boolean) =>
  Effect.map(Visible.forStdout, (shown) => shown("\u001b[2J")).pipe(Effect.provide(stdio(isTerminal)))

describe("standard output", () => {
  it.effect("gets bytes as they came in a pipe, and made visible on a terminal", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual([yield* through(false), yield* through(true)], ["\u001b[2J", "␛[2J"])
    }))
})
