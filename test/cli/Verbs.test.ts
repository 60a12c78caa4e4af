import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Verbs from "../../src/cli/Verbs.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { directory, run, start } from "./Command.ts"

const served = Effect.provide(SimulatorServer.layer())

describe("generate", () => {
  it.live("takes its prompt from a pipe, and joins a pipe to a prompt where - says so", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const simulator = yield* Simulator.Simulator
      const prompts: Array<unknown> = []
      for (const args of [[], ["-"], ["Summarise:", "-"]]) {
        yield* simulator.journal.clear
        const { code, stderr } = yield* run(["generate", ...args, "-u", url, "--max-new-tokens", "2"], {
          stdin: "a text"
        })
        assert.strictEqual(code, 0, stderr)
        const sent = (yield* simulator.journal.entries).find(({ request }) => request.path === "/v1/chat/completions")
        prompts.push(JSON.parse(sent?.request.body ?? "{}").messages[0].content)
      }
      assert.deepStrictEqual(prompts, ["a text", "a text", "Summarise:\n\na text"])
    }).pipe(served))

  it.live("takes limits of a call, other addresses and a saved proof by flags", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const simulator = yield* Simulator.Simulator
      yield* simulator.fail(Fault.status(503, ""), {
        times: Infinity,
        when: ({ path }) => path === "/v1/chat/completions"
      })
      yield* simulator.journal.clear
      const failed = yield* run(["generate", "x", "-u", url, "--request-attempts", "2", "--timeout", "20"])
      assert.strictEqual(failed.code, 1)
      const asked = (yield* simulator.journal.entries).filter(({ request }) => request.path === "/v1/chat/completions")
      assert.lengthOf(asked, 2)
      const routed = yield* run(["generate", "x", "-m", "org/model", "--router-url", `${url}/nowhere`, "--wait", "0"])
      assert.notInclude(routed.stderr, "router.huggingface.co")
      const limited = ["generate", "x", "-u", url, "--engine-limits"]
      const unknown = yield* run([...limited, "{\"tokens\":5}"])
      assert.deepStrictEqual([unknown.code, /--engine-limits: .*tokens/s.test(unknown.stderr)], [2, true])
      const over = yield* run([...limited, "{\"maxTotalTokens\":5}", "--engine", "tgi", "--max-new-tokens", "50"])
      assert.deepStrictEqual([over.code, /5/.test(over.stderr)], [1, true])
      const place = yield* directory
      const proof = join(place, "proof.json")
      writeFileSync(proof, "{}")
      const refused = yield* run(["generate", "x", "-u", url, "--proof", proof])
      assert.deepStrictEqual([refused.code, /doctor --prove --save/.test(refused.stderr)], [2, true])
    }).pipe(Effect.scoped, served))

  it.live("refuses what is not UTF-8 and names the byte", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* run(["generate", "-", "-u", "http://127.0.0.1:9"], {
        stdin: Uint8Array.of(0x61, 0x62, 0xe9, 0x20)
      })
      assert.strictEqual(code, 2)
      assert.match(stderr, /not UTF-8: byte 2/)
    }))

  it.live("says on standard error that the token limit cut the response", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const { stderr } = yield* run(["generate", "hello", "-u", url, "--max-new-tokens", "2"])
      assert.match(stderr, /cut by the token limit/)
    }).pipe(served))

  it.live("takes the target from the environment, and a flag before it", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const env = { INFERENCE_BASE_URL: "http://127.0.0.1:9" }
      const args = ["generate", "hello", "--max-new-tokens", "2"]
      assert.strictEqual((yield* run([...args, "-u", url], { env })).code, 0)
      assert.strictEqual((yield* run(args, { env: { INFERENCE_BASE_URL: url } })).code, 0)
    }).pipe(served))

  it.live("takes how prompts are made from the environment as from flags", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const simulator = yield* Simulator.Simulator
      const template = join(yield* directory, "template.jinja")
      writeFileSync(template, "<{{ messages[0].content }}>")
      const args = ["generate", "hello", "-u", url, "--max-new-tokens", "2"]
      yield* run([...args, "--chat-template", template])
      yield* run(args, { env: { INFERENCE_CHAT_TEMPLATE: template } })
      const prompts = (yield* simulator.journal.entries).filter(({ request }) => request.path === "/generate_stream")
        .map(({ request }) => JSON.parse(request.body).inputs)
      assert.deepStrictEqual(prompts, ["<hello>", "<hello>"])
      const none = yield* run(args, { env: { INFERENCE_CHAT_TEMPLATE: "/none" } })
      assert.deepStrictEqual([none.code, /INFERENCE_CHAT_TEMPLATE \/none/.test(none.stderr)], [2, true])
    }).pipe(Effect.scoped, served))

  it.live("without a target is a usage error that says how to name one", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* run(["generate", "hello"], {
        env: { INFERENCE_BASE_URL: "", INFERENCE_MODEL_ID: "", INFERENCE_ENDPOINT_NAME: "" }
      })
      assert.strictEqual(code, 2)
      assert.match(stderr, /--model, --endpoint or --base-url/)
    }))

  it.live("reads the token from a file, so that no other user sees it", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const simulator = yield* Simulator.Simulator
      const file = join(yield* directory, "token")
      writeFileSync(file, "hf_abcdefghijklmnop\n")
      yield* run(["generate", "hello", "-u", url, "--token-file", file, "--max-new-tokens", "2"])
      const sent = (yield* simulator.journal.entries).find(({ request }) => request.method === "POST")
      assert.strictEqual(sent?.request.headers.authorization, "Bearer hf_abcdefghijklmnop")
    }).pipe(served))
})

describe("simulate", () => {
  it.live("prints its address and nothing else, answers, and ends with the code of the signal", () =>
    Effect.gen(function*() {
      const { child, ended } = yield* start(["simulate", "--port", "0", "--engine", "vllm"])
      const url = yield* Effect.callback<string>((resume) => {
        child.stdout?.once("data", (text) => resume(Effect.succeed(String(text).trim())))
      })
      const { code, stdout } = yield* run(["generate", "hello", "-u", url, "--max-new-tokens", "2", "--json"])
      assert.strictEqual(code, 0)
      assert.strictEqual(JSON.parse(stdout).version, 1)
      child.kill("SIGTERM")
      const end = yield* ended
      assert.deepStrictEqual([end.code, end.stdout], [143, `${url}\n`])
    }).pipe(Effect.scoped))

  it.live("is a load balancer in front of two engines with --balancer", () =>
    Effect.gen(function*() {
      const { child } = yield* start(["simulate", "--balancer", "sglang-router", "--port", "0", "--model", "org/m"])
      const url = yield* Effect.callback<string>((resume) => {
        child.stdout?.once("data", (text) => resume(Effect.succeed(String(text).trim())))
      })
      const { code, stderr } = yield* run([
        "generate",
        "hello",
        "-u",
        url,
        "--options",
        JSON.stringify({ extra: { stop_regex: "x" } })
      ])
      assert.notStrictEqual(code, 0)
      assert.include(stderr, "dropped by sglang-router")
    }).pipe(Effect.scoped))

  it.live("is the whole platform with --platform, and says which variables point there", () =>
    Effect.gen(function*() {
      const { child, ended } = yield* start(["simulate", "--platform", "--port", "0", "--start-time", "0"])
      const url = yield* Effect.callback<string>((resume) => {
        child.stdout?.once("data", (text) => resume(Effect.succeed(String(text).trim())))
      })
      const env = {
        HF_ENDPOINT: url,
        INFERENCE_ROUTER_URL: url,
        INFERENCE_MANAGEMENT_URL: `${url}/v2`,
        HF_TOKEN: "hf_abcdefghijklmnop"
      }
      const { code, stdout } = yield* run(["generate", "hello", "--endpoint", "asleep", "--max-new-tokens", "2"], {
        env
      })
      assert.strictEqual(code, 0)
      assert.isNotEmpty(stdout)
      child.kill("SIGTERM")
      const { stderr } = yield* ended
      assert.include(stderr, "not a model")
      for (const name of Object.keys(env).slice(0, 3)) assert.include(stderr, `export ${name}=${url}`)
    }).pipe(Effect.scoped))
})

describe("doctor", () => {
  it.live("ends with 1 where a request fails, and with 4 where it only warns", () =>
    Effect.gen(function*() {
      const { url } = yield* SimulatorServer.SimulatorServer
      const env = { HF_ENDPOINT: "http://127.0.0.1:9", HF_HUB_OFFLINE: "1" }
      const well = yield* run(["doctor", "-u", url, "--json"], { env })
      const report = JSON.parse(well.stdout)
      assert.deepStrictEqual([well.code, report.verdict], [4, "warn"])
      assert.deepStrictEqual(
        report.checks.map(({ name, verdict }: { readonly name: string; readonly verdict: string }) =>
          `${name} ${verdict}`
        ),
        ["token warn", "target pass", "engine pass", "limits pass", "structured output pass", "request pass"]
      )
      const ill = yield* run(["doctor", "-u", "http://127.0.0.1:9", "--wait", "0"], { env })
      assert.strictEqual(ill.code, 1)
      assert.match(ill.stdout, /FAIL {2}target/)
    }).pipe(served))
})

describe("endpoints", () => {
  it.live("pause and delete are not done without a terminal, unless --yes says so", () =>
    Effect.gen(function*() {
      for (const verb of ["pause", "delete"]) {
        const { code, stderr } = yield* run(["endpoints", verb, "mine", "--namespace", "org"], {
          env: { HF_TOKEN: "hf_abcdefghijklmnop", INFERENCE_MANAGEMENT_URL: "http://127.0.0.1:9/v2" }
        })
        assert.strictEqual(code, 2)
        assert.match(stderr, /Nothing was done.*--yes/)
      }
    }))
})

describe("grammar check", () => {
  it.live("says what the engine enforces, and refuses a schema that is none with 1", () =>
    Effect.gen(function*() {
      const schema = JSON.stringify({
        type: "object",
        properties: { id: { type: "array", items: { type: "integer" }, uniqueItems: true } },
        required: ["id"]
      })
      const { code, stdout } = yield* run(["grammar", "check", "-", "--engine", "vllm", "--json"], { stdin: schema })
      assert.strictEqual(code, 0)
      const { compiler, unenforced, version } = JSON.parse(stdout)
      assert.deepStrictEqual([version !== undefined, compiler], [true, "xgrammar"])
      assert.include(unenforced.map(({ keyword }: { readonly keyword: string }) => keyword), "uniqueItems")
      const wrong = yield* run(["grammar", "check", "-"], { stdin: JSON.stringify({ type: "nothing" }) })
      assert.strictEqual(wrong.code, 1)
      assert.include(wrong.stderr, "nothing")
      assert.strictEqual((yield* run(["grammar", "check", "-"], { stdin: "[" })).code, 2)
    }))
})

describe("completions", () => {
  it.live("name every verb, in every shell", () =>
    Effect.gen(function*() {
      for (const shell of ["bash", "zsh", "fish"]) {
        const { stdout } = yield* run(["completions", shell])
        for (const { name } of Verbs.all) assert.include(stdout, name)
      }
    }))
})

describe("every verb", () => {
  for (const { name, load } of Verbs.all) {
    it.live(`${name} has a help of its own that ends with 0`, () =>
      Effect.gen(function*() {
        assert.isFunction((yield* Effect.promise(load)).main)
        const { code, stdout } = yield* run([name, "--help"])
        assert.strictEqual(code, 0)
        assert.match(stdout, /DESCRIPTION/)
      }))
  }
})
