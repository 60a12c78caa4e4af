import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Schema } from "effect"
import * as Secret from "../../src/http/Secret.ts"
import * as HubToken from "../../src/hub/HubToken.ts"
import * as World from "./World.ts"

const value = (token: Redacted.Redacted<string> | undefined) => token === undefined ? undefined : Redacted.value(token)

const found = (environment: Readonly<Record<string, string>>, input?: HubToken.Input, file?: string) =>
  HubToken.resolve(input).pipe(
    Effect.map(value),
    Effect.provideService(HubToken.TokenFile, Effect.succeed(file)),
    Effect.provide(World.env(environment))
  )

describe("HubToken.resolve", () => {
  it.effect("prefers the argument to everything", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* found({ HF_TOKEN: "hf_env" }, "hf_argument", "hf_file"), "hf_argument")
    }))

  it.effect("prefers HF_TOKEN to the old name and the file", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* found({ HF_TOKEN: "hf_new", HUGGING_FACE_HUB_TOKEN: "hf_old" }, undefined, "hf_file"),
        "hf_new"
      )
    }))

  it.effect("takes an empty or blank variable for none", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* found({ HF_TOKEN: " \n", HUGGING_FACE_HUB_TOKEN: "hf_old" }), "hf_old")
    }))

  it.effect("reads the file last", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* found({}, undefined, "hf_file\n"), "hf_file")
    }))

  it.effect("finds nothing where there is nothing", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* found({}))
    }))

  it.effect("looks nowhere when told that there is no credential", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* found({ HF_TOKEN: "hf_env" }, false))
    }))

  it.effect.each(["1", "on", "Yes", "TRUE"])(
    "looks nowhere when implicit tokens are switched off by %s",
    (flag) =>
      Effect.gen(function*() {
        assert.isUndefined(yield* found({ HF_TOKEN: "hf_env", HF_HUB_DISABLE_IMPLICIT_TOKEN: flag }))
      })
  )

  it.effect.each([`"hf_a"`, `'hf_a'`, ` "hf_a"\n`, `" hf_a "`])(
    "removes the quotes that readers of env files keep: %s",
    (quoted) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* found({ HF_TOKEN: quoted }), "hf_a")
        assert.strictEqual(yield* found({}, quoted), "hf_a")
        assert.strictEqual(yield* found({}, undefined, quoted), "hf_a")
      })
  )

  it.effect.each([`""`, `''`])("takes quotes around nothing for none: %s", (quoted) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* found({ HF_TOKEN: quoted }, undefined, "hf_file"), "hf_file")
    }))

  it.effect.each([`"hf_a`, `hf_a'`, `"hf_a'`])(
    "refuses a single quote, without showing the token: %s",
    (quoted) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(HubToken.make(quoted, "HF_TOKEN"))
        assert.include(error.message, "the token from HF_TOKEN cannot be used: it begins or ends with a quote")
        assert.notInclude(error.message, "hf_a")
      })
  )

  it.effect("removes line breaks and surrounding blanks", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* found({}, "  hf_a\r\nb\n"), "hf_ab")
    }))

  it.effect.each(["hf_a b", "hf_a\u0000b", "hf_ä", "", "x".repeat(9000)])(
    "refuses what cannot be a header value, without repeating it (%#)",
    (raw) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(found({}, raw))
        assert.strictEqual(error._tag, "InvalidToken")
        if (raw !== "") assert.notInclude(error.message, raw)
      })
  )

  it.effect("names the variable that holds a bad token", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(found({ HF_TOKEN: "hf a" }))
      assert.include(error.message, "HF_TOKEN")
    }))
})

describe("Secret.scrub", () => {
  it.prop("leaves no token in any text", [Schema.String, Schema.String], ([before, after]) => {
    const token = Redacted.make("hf_0123456789")
    return !Secret.scrub(`${before}hf_0123456789${after}hf_0123456789`, token).includes("hf_0123456789")
  })

  it("cuts long words of a server", () => {
    assert.isAtMost(Secret.scrub("x".repeat(10_000), undefined).length, 501)
  })
})
