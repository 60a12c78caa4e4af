import { afterAll, assert, beforeAll, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { execFile, execFileSync } from "node:child_process"
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import * as SimulatorServer from "../src/simulator/SimulatorServer.ts"

const root = new URL("..", import.meta.url).pathname
const pages = [...globSync("*.md", { cwd: root }), ...globSync("docs/*.md", { cwd: root })].toSorted()

/** A fenced block: its language, what stands behind the language, its text, and the block after it. */
interface Block {
  readonly page: string
  readonly line: number
  readonly language: string
  readonly info: string
  readonly code: string
}

const blocksOf = (page: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let open: { readonly line: number; readonly fence: string; readonly code: Array<string> } | undefined
  for (const [index, text] of readFileSync(join(root, page), "utf8").split("\n").entries()) {
    if (open === undefined) {
      if (text.startsWith("```")) open = { line: index + 1, fence: text.slice(3), code: [] }
    } else if (text === "```") {
      const [language = "", ...info] = open.fence.split(" ")
      blocks.push({ page, line: open.line, language, info: info.join(" "), code: `${open.code.join("\n")}\n` })
      open = undefined
    } else open.code.push(text)
  }
  return blocks
}

const blocks = pages.flatMap(blocksOf)

/** The examples in docstrings: `@example`, then a fenced block. */
const examples = globSync("src/**/*.ts", { cwd: root }).flatMap((page): ReadonlyArray<Block> => {
  const text = readFileSync(join(root, page), "utf8")
  return [...text.matchAll(/^ \* @example\n \* ```ts\n([^]*?)^ \* ```\n/gm)].map(({ 1: code = "", index }) => ({
    page,
    line: text.slice(0, index).split("\n").length,
    language: "ts",
    info: "",
    code: code.replaceAll(/^ \* ?/gm, "")
  }))
})
const programs = [...blocks.filter(({ language }) => language === "ts"), ...examples]

// beside the sources, where the compiler and Node find the package by its own name
const folder = join(root, ".docs-programs")
const fileOf = ({ line, page }: Block) => `${page.replaceAll(/\W/g, "-")}-${line}.ts`

beforeAll(() => {
  mkdirSync(folder, { recursive: true })
  for (const block of programs) writeFileSync(join(folder, fileOf(block)), block.code)
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ["*.ts"]
    })
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("every program in README and documentation", () => {
  it("compiles", () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    const problems = (() => {
      try {
        return execFileSync(process.execPath, [tsc, "-p", folder], { cwd: folder, encoding: "utf8" })
      } catch (error) {
        return error instanceof Error && "stdout" in error ? String(error.stdout) : String(error)
      }
    })()
    assert.strictEqual(problems, "")
  })

  layer(SimulatorServer.layer(), { excludeTestServices: true })("that is marked as one to run", (it) => {
    for (const block of programs.filter(({ info }) => info.includes("run"))) {
      it.effect(`prints what the page says: ${block.page}, line ${block.line}`, () =>
        Effect.gen(function*() {
          const { url } = yield* SimulatorServer.SimulatorServer
          const file = join(folder, `run-${fileOf(block)}`)
          writeFileSync(file, block.code.replaceAll("http://localhost:8080", url))
          const { stdout } = yield* Effect.promise(() =>
            promisify(execFile)(process.execPath, ["--import", join(root, ".ci/source.mjs"), file], {
              cwd: folder,
              encoding: "utf8"
            })
          )
          const expected = blocks[blocks.indexOf(block) + 1]
          assert.strictEqual(
            stdout,
            expected?.language === "text" ? expected.code : "the page does not say what is printed"
          )
        }))
    }
  })
})

it("the main exports have an example each", () => {
  const main = [
    "InferenceEndpointsLLM",
    "LLMConfig",
    "ai/HuggingFaceLanguageModel",
    "batch/Batch",
    "cluster/Worker",
    "decide/Decision",
    "endpoint/dedicated/EndpointsApi",
    "node/NodeInferenceEndpoints",
    "promise/node",
    "simulator/Platform",
    "simulator/Simulator",
    "structured/Grammar",
    "template/ChatTemplate",
    "template/Magpie",
    "transport/TgiClient"
  ]
  const shown = new Set(examples.map(({ page }) => page))
  assert.deepStrictEqual(main.filter((name) => !shown.has(`src/${name}.ts`)), [])
})

it("every page is in the site's sidebar", () => {
  const config = readFileSync(join(root, "docs/.vitepress/config.ts"), "utf8")
  const missing = globSync("docs/*.md", { cwd: root })
    .map((page) => page.slice("docs/".length, -".md".length))
    .filter((name) => name !== "index" && !config.includes(`page("${name}"`))
  assert.deepStrictEqual(missing, [])
})

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string) =>
  heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(/\s/g, "-")

const anchors = (page: string) =>
  [...readFileSync(page, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading))

describe("every link in README and documentation", () => {
  it("that leads to a file of ours leads to one that is there, and to a heading in it", () => {
    const broken = pages.flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].flatMap(
        ([, link = ""]) => {
          const [path = "", anchor] = link.split("#")
          const file = path === "" ? join(root, page) : join(root, dirname(page), path)
          const isThere = existsSync(file) && (anchor === undefined || anchors(file).includes(anchor))
          return isThere ? [] : [`${page}: ${link}`]
        }
      )
    )
    assert.deepStrictEqual(broken, [])
  })
})
