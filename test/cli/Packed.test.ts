import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { SimulatorServer } from "../../src/node/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as Packed from "./Packed.ts"

let folder = ""
let bin = ""

beforeAll(() => {
  ;({ folder, bin } = Packed.unpack())
})
afterAll(() => Packed.remove(folder))

const served =
  (options: Parameters<typeof SimulatorServer.layer>[0] = {}) =>
  <A, E>(self: Effect.Effect<A, E, SimulatorServer.SimulatorServer | Simulator.Simulator>) =>
    Effect.provide(self, SimulatorServer.layer(options))

const script = () => ({ text: "one two three" })
const slow = { latency: { firstToken: 0, perToken: 300 } } as const
const endless = { ...slow, script: () => ({ text: "word ".repeat(2000) }) }

const url = Effect.map(SimulatorServer.SimulatorServer, ({ url }) => url)

const prompts = Effect.map(
  Effect.flatMap(Simulator.Simulator, ({ journal }) => journal.entries),
  (entries) =>
    entries.filter(({ request }) => request.path === "/v1/chat/completions").map(({ request }) =>
      JSON.parse(request.body).messages
    )
)

/** A stream of the port, as any client asks for it. */
const ask = (base: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${base}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: "Bearer the-key", "content-type": "application/json" },
      body: JSON.stringify({ model: "m", stream: true, messages: [{ role: "user", content: "hi" }] })
    })
    return [response.status, await response.text()] as const
  })

describe("the packed bin without a terminal", () => {
  it.live("says its version, and its help has the verbs in groups", () =>
    Effect.gen(function*() {
      const { version } = JSON.parse(readFileSync(join(folder, "package/package.json"), "utf8"))
      assert.strictEqual((yield* Packed.run(bin, ["--version"])).stdout, `inference-endpoints v${version}\n`)
      const { code, stdout } = yield* Packed.run(bin, ["--help"])
      assert.strictEqual(code, 0)
      assert.match(stdout, /Ask a model\n {2}generate.*\n\nMany rows\n {2}batch/s)
    }))

  it.live("generates: the text on standard output alone, with a pipe behind the prompt", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* Packed.run(bin, ["generate", "Say", "it", "-u", yield* url, "--quiet"], {
        stdin: "in three words"
      })
      assert.deepStrictEqual([code, stdout, stderr], [0, "one two three\n", ""])
      assert.deepStrictEqual(yield* prompts, [[{ role: "user", content: "Say it\n\nin three words" }]])
    }).pipe(served({ script })))

  it.live("keeps warnings off standard output", () =>
    Effect.gen(function*() {
      const options = JSON.stringify({ unsupported: "warn", presencePenalty: 0.5 })
      const { stderr, stdout } = yield* Packed.run(bin, ["generate", "x", "-u", yield* url, "--options", options])
      assert.strictEqual(stdout, "one two three\n")
      assert.match(stderr, /^warn: presencePenalty is refused by TGI/m)
    }).pipe(served({ script })))

  it.live("does not wait for a pipe that is open and silent, and says so", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* Packed.run(bin, ["generate", "Say it", "-u", yield* url], {
        stdin: "open"
      })
      assert.deepStrictEqual([code, stdout], [0, "one two three\n"])
      assert.match(stderr, /standard input is open but silent, so it is not read/)
    }).pipe(served({ script })))

  it.live("waits for nothing in silence, unless it shall be quiet", () =>
    Effect.gen(function*() {
      const env = { HF_ENDPOINT: "http://127.0.0.1:9", HF_HUB_OFFLINE: "1" }
      for (const verb of [["generate", "x"], ["doctor", "--json"]]) {
        const said = yield* Packed.run(bin, [...verb, "-u", yield* url], { env })
        assert.match(said.stderr, /waiting for the response|working \(Ctrl-C stops it\)/)
        const quiet = yield* Packed.run(bin, [...verb, "-u", yield* url, "--quiet"], { env })
        assert.deepStrictEqual([quiet.stderr, quiet.stdout === ""], ["", false])
      }
    }).pipe(served({ script, latency: { firstToken: 1600, perToken: 0 } })))

  it.live("gives a value of a schema, a text of a regex, and calls of tools", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const schema = join(folder, "schema.json")
      const tools = join(folder, "tools.json")
      writeFileSync(schema, `{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}`)
      writeFileSync(tools, `[{"name":"look","parameters":{"type":"object","properties":{"at":{"type":"string"}}}}]`)
      yield* simulator.answer({ text: "{\"id\": 7}" })
      const value = yield* Packed.run(bin, ["generate", "x", "-u", yield* url, "--schema", schema])
      assert.deepStrictEqual([value.code, value.stdout], [0, "{\"id\":7}\n"])
      yield* simulator.answer({ text: "abc" })
      const text = yield* Packed.run(bin, ["generate", "x", "-u", yield* url, "--regex", "[a-c]+"])
      assert.deepStrictEqual([text.code, text.stdout], [0, "abc\n"])
      yield* simulator.answer({ toolCalls: [{ name: "look", arguments: { at: "sea" } }] })
      const called = yield* Packed.run(bin, ["generate", "x", "-u", yield* url, "--tools", tools])
      assert.strictEqual(called.code, 0, called.stderr)
      assert.deepInclude(JSON.parse(called.stdout), { tool: "look", arguments: "{\"at\":\"sea\"}" })
    }).pipe(served({ engine: "vllm" })))

  it.live("sends an image of a file as the engine takes it, and refuses what is none", () =>
    Effect.gen(function*() {
      const image = join(folder, "dot.gif")
      writeFileSync(image, Buffer.from("R0lGODlhAQABAAAAACw=", "base64"))
      const args = ["generate", "What is it?", "-u", yield* url, "--image"]
      assert.strictEqual((yield* Packed.run(bin, [...args, image])).code, 0)
      const [[{ content }]] = yield* prompts
      assert.deepStrictEqual(content[1], {
        type: "image_url",
        image_url: { url: "data:image/gif;base64,R0lGODlhAQABAAAAACw=" }
      })
      const none = yield* Packed.run(bin, [...args, join(folder, "package/package.json")])
      assert.deepStrictEqual([none.code, /is not a PNG, JPEG/.test(none.stderr)], [2, true])
    }).pipe(served({ multimodal: true })))

  it.live("ends with 1 where it failed, with 2 where it was used wrongly, and says in each case why", () =>
    Effect.gen(function*() {
      const at = yield* url
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]> = [
        [["generate", "x", "-u", at, "--options", "{"], 2, /--options is not a JSON object/],
        [["generate", "x", "-u", at, "--options", "{\"topQ\":1}"], 2, /--options: topQ is not an option/],
        [["generate", "x", "-u", at, "--options", "{\"topP\":7}"], 2, /--options: topP must be above 0/],
        [["generate", "x", "-u", at, "--token-file", "/none"], 2, /--token-file \/none: the file cannot be read/],
        [["generate", "x", "-u", at, "--tools", join(folder, "package/package.json")], 2, /--tools is not a list/],
        [["generate", "x", "-u", at, "--temperature", "hot"], 2, /temperature/],
        [["generate", "x", "-u", "http://127.0.0.1:9", "--wait", "0"], 1, /cannot be reached/],
        [["generate", "x", "--endpoint", "a", "--model", "b/c"], 1, /--model and --endpoint name two targets/],
        [["generate", "-u", at], 2, /standard input was empty/],
        [["proxy", "-u", at, "--host", "0.0.0.0", "--no-key"], 2, /--no-key would open 0\.0\.0\.0 to everyone/],
        [["simulate", "--port", new URL(at).port], 2, /cannot listen/],
        [["no-such-verb"], 2, /There is no command/]
      ]
      for (const [args, code, why] of cases) {
        const ran = yield* Packed.run(bin, args)
        assert.deepStrictEqual([args, ran.code], [args, code])
        assert.match(ran.stderr, why)
      }
    }).pipe(served()))

  it.live("ends with the code of the signal", () =>
    Effect.gen(function*() {
      for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
        const child = yield* Packed.start(bin, ["generate", "x", "-u", yield* url])
        yield* Effect.flatMap(Simulator.Simulator, ({ journal }) =>
          journal.wait(({ outcome, request }) => request.method === "POST" && outcome === "open"))
        yield* child.kill(signal)
        assert.strictEqual((yield* child.ended).code, code)
        yield* Effect.flatMap(Simulator.Simulator, ({ journal }) =>
          journal.clear)
      }
    }).pipe(Effect.scoped, served(endless)))

  it.live("ends quietly where its reader left", () =>
    Effect.gen(function*() {
      const child = yield* Packed.start(bin, ["generate", "x", "-u", yield* url])
      yield* child.hangUp
      const { code, stderr } = yield* child.ended
      assert.deepStrictEqual([code, stderr.replace(/^waiting.*\n/, "")], [0, ""])
    }).pipe(Effect.scoped, served({ ...endless, latency: { firstToken: 0, perToken: 20 } })))

  it.live("is a port whose requests are recorded, and replayed without a model", () =>
    Effect.gen(function*() {
      const tape = join(folder, "tape.jsonl")
      const proxy = yield* Packed.start(
        bin,
        ["proxy", "-u", yield* url, "--as", "m", "--port", "0", "--record", tape],
        {
          env: { INFERENCE_PROXY_KEY: "the-key" }
        }
      )
      const live = yield* ask(yield* proxy.line)
      yield* proxy.kill("SIGTERM")
      const { code, stderr } = yield* proxy.ended
      assert.deepStrictEqual([live[0], code], [200, 143])
      assert.match(stderr, /POST \/v1\/chat\/completions m 200 \d+ ms \d+\+4 tokens/)
      assert.notInclude(readFileSync(tape, "utf8"), "the-key")
      const replay = yield* Packed.start(bin, ["simulate", "--replay", tape, "--port", "0"])
      assert.deepStrictEqual(yield* ask(yield* replay.line), live)
      const fresh = yield* Packed.run(bin, ["simulate", "--replay", tape, "--against", yield* replay.line])
      assert.strictEqual(fresh.code, 0, fresh.stderr)
      yield* Effect.flatMap(Simulator.Simulator, ({ fail }) => fail(Fault.overloaded))
      const stale = yield* Packed.run(bin, ["simulate", "--replay", tape, "--against", yield* url])
      assert.deepStrictEqual([stale.code, /status: taped 200, now \d+/.test(stale.stdout)], [1, true])
    }).pipe(Effect.scoped, served({ script })))
})

describe("the packed bin in a terminal", () => {
  it.live("shows a response as it comes, with control characters made visible", () =>
    Effect.gen(function*() {
      const screen = yield* Packed.terminal(bin, ["generate", "x", "-u", yield* url])
      assert.strictEqual(yield* screen.ended, 0)
      assert.include(screen.text(), "a␛]52;c;x␇b")
    }).pipe(Effect.scoped, served({ script: () => ({ text: "a\u001b]52;c;x\u0007b" }) })))

  it.live("chats: an interrupt stops the response and not the program, and the history goes on", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const screen = yield* Packed.terminal(bin, ["chat", "-u", yield* url])
      yield* screen.shows("> ")
      yield* screen.type("first\r")
      yield* screen.shows("word")
      yield* screen.type("\u0003")
      yield* simulator.journal.wait(({ outcome, request }) => request.method === "POST" && outcome === "cancelled")
      yield* simulator.answer({ text: "done" })
      yield* screen.shows(/> [^>]*> $/)
      yield* screen.type("second\r")
      yield* screen.shows("done")
      yield* screen.shows(/> $/)
      yield* screen.type("/exit\r")
      assert.strictEqual(yield* screen.ended, 0)
      const roles = (yield* prompts).at(-1).map(({ role }: { readonly role: string }) => role)
      assert.deepStrictEqual(roles, ["user", "assistant", "user"])
    }).pipe(Effect.scoped, served(endless)))

  it.live("colours what is good and bad, and not where NO_COLOR is set", () =>
    Effect.gen(function*() {
      const env = { HF_ENDPOINT: "http://127.0.0.1:9", HF_HUB_OFFLINE: "1", TERM: "xterm-256color" }
      for (const [more, coloured] of [[{}, true], [{ NO_COLOR: "1" }, false]] as const) {
        const screen = yield* Packed.terminal(bin, ["doctor", "-u", yield* url], { ...env, ...more })
        assert.strictEqual(yield* screen.ended, 4)
        assert.strictEqual(screen.text().includes("\u001b[32mok  \u001b[39m"), coloured)
      }
    }).pipe(Effect.scoped, served({ script })))

  it.live("asks before it destroys, and does nothing where the answer is no", () =>
    Effect.gen(function*() {
      const screen = yield* Packed.terminal(bin, ["endpoints", "delete", "mine", "--namespace", "org"], {
        HF_TOKEN: "hf_abcdefghijklmnop",
        INFERENCE_MANAGEMENT_URL: "http://127.0.0.1:9/v2"
      })
      yield* screen.shows("Delete mine? This cannot be undone.")
      yield* screen.type("n")
      yield* screen.type("\r")
      assert.strictEqual(yield* screen.ended, 1)
      assert.include(screen.text(), "Nothing was done.")
    }).pipe(Effect.scoped))
})
