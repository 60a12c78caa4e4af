import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { SimulatorServer } from "../../src/node/index.ts"
import * as Proof from "../../src/Proof.ts"
import { directory, run } from "./Command.ts"

const chatml =
  "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

const conversation = JSON.stringify([{ role: "user", content: "hi" }])

describe("doctor --prove", () => {
  it.live("passes where the endpoint does as documented, and saves what it measured", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const file = join(yield* directory, "proof.json")
      const { code, stderr, stdout } = yield* run(["doctor", "--prove", "--save", file, "-u", url])
      assert.strictEqual(code, 0, stdout + stderr)
      assert.match(stdout, /ok {4}seed +chat +honoured/)
      const proof = yield* Schema.decodeEffect(Proof.Json)(readFileSync(file, "utf8"))
      assert.strictEqual(proof.engine, "vllm")
    }).pipe(Effect.provide(SimulatorServer.layer({ engine: "vllm" }))))

  it.live("fails where it does not, and prints JSON on request", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const { code, stdout } = yield* run(["doctor", "--prove", "--json", "-u", url])
      assert.strictEqual(code, 1)
      const { findings, verdict, version } = JSON.parse(stdout)
      assert.deepStrictEqual({ verdict, version }, { verdict: "fail", version: 1 })
      assert.deepInclude(findings.find(({ name }: Proof.Finding) => name === "stopSequences"), { outcome: "dropped" })
    }).pipe(Effect.provide(SimulatorServer.layer({ engine: "vllm", lies: ["stop"] }))))
})

describe("template verify", () => {
  for (const engine of ["tgi", "vllm", "llamacpp"] as const) {
    it.live(`compares the prompt with the one that ${engine} makes`, () =>
      Effect.gen(function*() {
        const { url } = yield* SimulatorServer.SimulatorServer
        const file = join(yield* directory, "template.jinja")
        writeFileSync(file, chatml)
        const same = yield* run(["template", "verify", conversation, "--template", file, "-u", url])
        assert.strictEqual(same.code, 0, same.stdout + same.stderr)
        assert.match(same.stdout, /the same prompt here and on/)
        writeFileSync(file, chatml.replace("assistant", "model"))
        const other = yield* run(["template", "verify", conversation, "--template", file, "-u", url, "--json"])
        assert.strictEqual(other.code, 1)
        assert.deepInclude(JSON.parse(other.stdout), { version: 1, engine, asked: true })
      }).pipe(Effect.provide(SimulatorServer.layer({ engine }))))
  }

  it.live("says without a server what the template does in TGI's renderer", () =>
    Effect.gen(function*() {
      const file = join(yield* directory, "template.jinja")
      writeFileSync(
        file,
        "{% for m in messages %}\n{{ m.content }}{% endfor %}{%- generation -%}x{%- endgeneration -%}"
      )
      const { code, stdout } = yield* run(["template", "verify", conversation, "--template", file, "--offline"])
      assert.strictEqual(code, 4)
      assert.match(stdout, /line 2 keeps TGI from starting/)
      assert.match(stdout, /line 1 differs on TGI/)
    }))
})
