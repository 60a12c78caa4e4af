import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { render } from "../.ci/api.mjs"
import * as Bundle from "../.ci/bundle.mjs"
import { entryPoints as folders, subpaths } from "../.ci/exports.mjs"

const root = new URL("..", import.meta.url).pathname
const manifest: {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
} = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8")
)
const entryPoints = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith(".json"))
  .map((path) => path === "." ? manifest.name : `${manifest.name}/${path.slice(2)}`)

const run = (command: string, args: ReadonlyArray<string>, cwd: string) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

it("the version stands in the user agent and in the changelog", () => {
  assert.include(readFileSync(join(root, "src/http/HeaderFields.ts"), "utf8"), `"${manifest.name}/${manifest.version}"`)
  assert.include(readFileSync(join(root, "CHANGELOG.md"), "utf8"), `\n## ${manifest.version}\n`)
})

describe("the entry points", () => {
  it("have a subpath for each public module", () => assert.deepStrictEqual(manifest.exports, subpaths(folders)))

  it("export no name twice, so that an editor knows which one is meant", () => {
    const names = folders.flatMap((folder) => {
      const text = readFileSync(join(root, "src", folder, "index.ts"), "utf8")
      return [...text.matchAll(/^export (?:type )?\* as (\w+) from/gm)].map(([, name]) => name)
    })
    assert.deepStrictEqual(names.filter((name, index) => names.indexOf(name) !== index), [])
  })
})

it("the public API is the one in docs/api.md, which `node .ci/api.mjs` prints from a build", () => {
  // line by line, so that a failure shows what changed
  assert.deepStrictEqual(readFileSync(join(root, "docs/api.md"), "utf8").split("\n"), render().split("\n"))
})

/** What a page loads of a program at once, beside Effect. */
const loaded = async (source: string) => Bundle.loaded(await Bundle.make(source, root, [/^effect/]))

describe("the built files", () => {
  it("are merged so that the service is read from few of them", async () => {
    const parts = await loaded(`export * from "${join(root, "dist/InferenceEndpointsLLM.js")}"`)
    const files = new Set(parts.flatMap(({ moduleIds }) => moduleIds).filter((id) => id.startsWith(join(root, "dist"))))
    assert.isAbove(files.size, 1)
    assert.isBelow(files.size, 20)
  })

  it("give a program that takes one value no more than it uses", async () => {
    for (
      const [source, most] of [
        [`export { InferenceError } from "${join(root, "dist/InferenceError.js")}"`, 20_000],
        [`export { user } from "${join(root, "dist/Message.js")}"`, 10_000]
      ] as const
    ) {
      const size = (await loaded(source)).reduce((sum, { code }) => sum + code.length, 0)
      assert.isBelow(size, most, source)
    }
  })
})

describe("the packed tarball", () => {
  let folder = ""
  let tarball = ""

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "packed-"))
    run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], root)
    tarball = join(folder, readdirSync(folder)[0] ?? "")
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it("pleases publint", async () => {
    const { messages, pkg } = await publint({
      pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer },
      strict: true
    })
    assert.deepStrictEqual(messages.map((message) => formatMessage(message, pkg)), [])
  })

  it("resolves, with its types, for every reader of ECMAScript modules", async () => {
    const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))))
    assert.isTrue(analysis.types !== false)
    // only CommonJS readers and the old resolution without `exports` cannot follow, as for effect itself
    const problems = analysis.types === false ?
      [] :
      analysis.problems.filter((problem) =>
        problem.kind !== "CJSResolvesToESM" && !("resolutionKind" in problem && problem.resolutionKind === "node10")
      )
    assert.deepStrictEqual(problems, [])
  })

  it("is smaller than 1.2 megabytes", () => assert.isBelow(statSync(tarball).size, 1_200_000))

  it("holds no test, no bench, no source and no map", () => {
    const files = run("tar", ["-tzf", tarball], folder).split("\n").filter((file) => file !== "")
    assert.isTrue(files.includes("package/dist/index.js"))
    assert.deepStrictEqual(
      files.filter((file) =>
        !/^package\/(dist\/.*\.(js|d\.ts)$|dist\/bundle\/LICENSES\.txt$|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$|AGENTS\.md$|llms\.txt$)/
          .test(file)
      ),
      []
    )
  })

  it("needs no Effect for its command line and its promises: npm fetches it, undici and a template engine", () => {
    const project = mkdtempSync(join(tmpdir(), "alone-"))
    try {
      writeFileSync(join(project, "package.json"), JSON.stringify({ name: "alone", private: true, type: "module" }))
      run("npm", ["install", "--silent", "--prefer-offline", "--no-audit", "--no-fund", tarball], project)
      const installed = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."))
      assert.deepStrictEqual(installed.toSorted(), ["@huggingface", manifest.name, "undici"])
      writeFileSync(
        join(project, "program.ts"),
        `import { BatchFailure, connect, InferenceEndpointsError, type FileBatchReport, type Generation } from "${manifest.name}/promise"
const llm = connect({ baseUrl: "http://127.0.0.1:9", apiKey: false, engine: "tgi", attempts: 1, waitTimeout: 0 })
const text = (generation: Generation): string => generation.text
const said = await llm.generate("Hello").then(text, (error: unknown) =>
  error instanceof InferenceEndpointsError ? error.reason._tag : String(error))
const done = (report: FileBatchReport): number => report.rows.done
const file = await llm.batchFile({ input: "nowhere.jsonl", output: "out.jsonl" }).then(done, (error: unknown) =>
  error instanceof BatchFailure ? error.reason._tag : String(error))
console.log(said, file)
await llm.close()
`
      )
      const options = ["--noEmit", "--strict", "--target", "es2022", "--types", "", "--lib", "esnext,dom"]
      for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]] as const) {
        const how = ["--module", module, "--moduleResolution", resolution]
        run(
          process.execPath,
          [join(root, "node_modules/typescript/bin/tsc"), ...options, ...how, "program.ts"],
          project
        )
      }
      for (const condition of ["node", "browser"]) {
        const said = run(process.execPath, ["--conditions", condition, "program.ts"], project).trim()
        assert.match(
          said,
          /^(?:NotDeployed|Unreachable|Transport) InvalidInput$/,
          `where the condition ${condition} holds`
        )
      }
      for (const name of ["effect-inference-endpoints", "inference-endpoints"]) {
        assert.match(run(process.execPath, [`node_modules/.bin/${name}`, "--help"], project), /inference-endpoints/)
      }
    } finally {
      rmSync(project, { recursive: true, force: true })
    }
  })

  it("installs into an empty folder, where every entry point can be imported", () => {
    const project = mkdtempSync(join(tmpdir(), "installed-"))
    try {
      writeFileSync(join(project, "package.json"), JSON.stringify({ name: "smoke", private: true, type: "module" }))
      const install = ["install", "--silent", "--prefer-offline", "--no-audit", "--no-fund", tarball]
      const peers = ["effect", "@effect/platform-node"].map((name) => {
        const { version } = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8"))
        return `${name}@${version}`
      })
      run("npm", [...install, ...peers], project)
      const program = `${
        entryPoints.map((name, index) => `import * as m${index} from ${JSON.stringify(name)}`).join("\n")
      }\nconsole.log(JSON.stringify([${entryPoints.map((_, index) => `Object.keys(m${index}).length`).join(",")}]))`
      writeFileSync(join(project, "smoke.js"), program)
      const counts: ReadonlyArray<number> = JSON.parse(run(process.execPath, ["smoke.js"], project))
      assert.strictEqual(counts.length, entryPoints.length)
      // a module of types alone has nothing at run time
      const empty = entryPoints.filter((_, index) => counts[index] === 0).map((name) =>
        name.slice(name.lastIndexOf("/") + 1)
      )
      assert.deepStrictEqual(empty.toSorted(), ["HuggingFaceOptions"])
      // a library that exports functions over this package can emit declarations: every type has a public name
      cpSync(join(root, "test/fixtures/consumer/library.ts"), join(project, "library.ts"))
      run("npm", ["install", "--silent", "--prefer-offline", "--no-audit", "--no-fund", "typescript@~5.9.0"], project)
      for (const compiler of [root, project]) {
        for (const [module, resolution] of [["nodenext", "nodenext"], ["esnext", "bundler"]] as const) {
          const options = ["--declaration", "--emitDeclarationOnly", "--outDir", "types", "--strict", "--skipLibCheck"]
          const how = ["--target", "es2022", "--module", module, "--moduleResolution", resolution]
          run(
            process.execPath,
            [join(compiler, "node_modules/typescript/bin/tsc"), ...options, ...how, "library.ts"],
            project
          )
        }
      }
    } finally {
      rmSync(project, { recursive: true, force: true })
    }
    // npm, and a compiler four times
  }, 300_000)
})
