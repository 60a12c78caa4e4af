import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { publint } from "publint"
import { formatMessage } from "publint/utils"

const root = new URL("..", import.meta.url).pathname
const manifest: { readonly name: string; readonly exports: Readonly<Record<string, unknown>> } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8")
)
const entryPoints = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith(".json"))
  .map((path) => path === "." ? manifest.name : `${manifest.name}/${path.slice(2)}`)

const run = (command: string, args: ReadonlyArray<string>, cwd: string) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

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

  it("holds no test, no bench, no map of a machine", () => {
    const files = run("tar", ["-tzf", tarball], folder).split("\n").filter((file) => file !== "")
    assert.isTrue(files.includes("package/dist/index.js"))
    assert.deepStrictEqual(
      files.filter((file) => !/^package\/(dist\/|src\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(file)),
      []
    )
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
      assert.isTrue(counts.every((count) => count > 0))
      assert.match(
        run(process.execPath, ["node_modules/.bin/inference-endpoints", "--help"], project),
        /inference-endpoints/
      )
    } finally {
      rmSync(project, { recursive: true, force: true })
    }
  })
})
