import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { SimulatorServer } from "../../src/node/index.ts"
import { directory, run } from "./Command.ts"

describe("the command line", () => {
  it.live("generate prints the answer, and whole generations as JSON on request", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const text = yield* run(["generate", "hello", "-u", url, "--max-new-tokens", "4"])
      assert.strictEqual(text.code, 0, text.stderr)
      assert.match(text.stdout, /\S+.*\n$/)
      const json = yield* run(["generate", "hello", "-u", url, "--max-new-tokens", "4", "-n", "2", "--json"])
      const lines = json.stdout.trim().split("\n").map((line) => JSON.parse(line))
      assert.deepStrictEqual(lines.map(({ statistics }) => statistics.outputTokens), [4, 4])
    }).pipe(Effect.provide(SimulatorServer.layer())))

  it.live("template render prints the prompt", () =>
    Effect.gen(function*() {
      const file = join(yield* directory, "t.jinja")
      writeFileSync(
        file,
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<bot>{% endif %}"
      )
      const { code, stdout } = yield* run([
        "template",
        "render",
        "[{\"role\":\"user\",\"content\":\"hi\"}]",
        "--template",
        file
      ])
      assert.deepStrictEqual([code, stdout], [0, "<user>hi<bot>"])
    }))

  it.live("without a verb says what there is, and that nothing was done", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* run([])
      assert.strictEqual(code, 2)
      assert.match(stdout, /generate.*\n[^]*batch/)
    }))

  it.live("a misspelt verb is a usage error that names the closest", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* run(["genrate", "hello"])
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.match(stderr, /Did you mean generate\?/)
    }))

  it.live("help ends with 0", () =>
    Effect.gen(function*() {
      const { code, stdout } = yield* run(["batch", "run", "--help"])
      assert.strictEqual(code, 0)
      assert.include(stdout, "--retry-failed")
    }))
})
