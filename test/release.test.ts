import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"

const root = new URL("..", import.meta.url).pathname
const pages = ["SECURITY.md", "CONTRIBUTING.md"]
const address = "https://git.example/acme/endpoints"
const author = "Ada Lovelace <ada@example.org>"

// whether this runs where provenance can be attested makes no difference
const { ACTIONS_ID_TOKEN_REQUEST_URL: _actions, SIGSTORE_ID_TOKEN: _gitlab, ...plain } = process.env
let attests: NodeJS.ProcessEnv = plain
let folder = ""
const inFolder = (command: string, ...args: ReadonlyArray<string>) =>
  spawnSync(command, args, {
    cwd: folder,
    encoding: "utf8",
    env: { ...attests, PATH: `${join(folder, "bin")}${delimiter}${process.env["PATH"] ?? ""}` }
  })
const script = (name: string, ...args: ReadonlyArray<string>) => inFolder(process.execPath, `.ci/${name}.mjs`, ...args)
const committer = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
const read = (file: string) => readFileSync(join(folder, file), "utf8")

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "release-"))
  const needed = ["package.json", "package-lock.json", "CHANGELOG.md", "src/http/HeaderFields.ts", ...pages]
  for (const file of [...needed, ".ci/identity.mjs", ".ci/release.mjs"]) cpSync(join(root, file), join(folder, file))
  // npm, which says what it was asked to do
  mkdirSync(join(folder, "bin"))
  writeFileSync(join(folder, "bin/npm"), "#!/bin/sh\necho \"npm $*\"\n")
  chmodSync(join(folder, "bin/npm"), 0o755)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("the identity of the package", () => {
  it.each([
    ["no author", [address]],
    ["no https address", ["git@git.example:acme/endpoints.git", author]],
    ["an address with a token", ["https://token@git.example/acme/endpoints", author]],
    ["an address without a repository", ["https://git.example/", author]]
  ])("is not written from %s", (_, args) => {
    const before = read("package.json")
    const refused = script("identity", ...args)
    assert.strictEqual(refused.status, 2)
    assert.include(refused.stderr, "usage: node .ci/identity.mjs")
    assert.strictEqual(read("package.json"), before)
  })

  it("is written into package.json, whose other fields stay as they are, and into the pages that name the repository", () => {
    const { author: _author, bugs: _bugs, homepage: _homepage, repository: _repository, ...before } = JSON.parse(
      read("package.json")
    )
    const written = script("identity", `${address}.git/`, author)
    assert.strictEqual(written.status, 0, written.stderr)
    const after = JSON.parse(read("package.json"))
    assert.deepStrictEqual(after, {
      ...before,
      author,
      homepage: `${address}#readme`,
      repository: { type: "git", url: `git+${address}.git` },
      bugs: { url: `${address}/issues` }
    })
    assert.deepStrictEqual(Object.keys(after).filter((name) => name in before), Object.keys(before))
    assert.include(read("SECURITY.md"), `[private advisories](${address}/security/advisories/new) of the repository`)
    assert.include(read("CONTRIBUTING.md"), `Inside a [clone](${address})`)
  })

  it("is replaced when it is written again", () => {
    const files = ["package.json", ...pages]
    const before = files.map(read)
    assert.strictEqual(script("identity", "https://elsewhere.example/a/b", "B").status, 0)
    for (const file of files) assert.notInclude(read(file), address)
    assert.strictEqual(script("identity", address, author).status, 0)
    assert.deepStrictEqual(files.map(read), before)
  })
})

describe("a release", () => {
  beforeAll(() => {
    script("identity", address, author)
  })

  it("is refused with everything that is missing", () => {
    inFolder("git", "init", "-q")
    inFolder("git", ...committer, "commit", "-q", "--allow-empty", "-m", "first")
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ ...JSON.parse(read("package.json")), version: "9.9.9" })
    )
    const refused = script("release")
    assert.strictEqual(refused.status, 1)
    for (
      const problem of [
        "CHANGELOG.md has no heading \"## 9.9.9\"",
        "src/http/HeaderFields.ts does not say 9.9.9",
        "package-lock.json does not say 9.9.9",
        "there are uncommitted changes",
        "HEAD is not tagged v9.9.9"
      ]
    ) assert.include(refused.stderr, problem)
    assert.notInclude(refused.stderr, "names no repository")
    assert.strictEqual(refused.stdout, "")
  })

  it("is built and shown when everything agrees, and published with provenance only where that can be attested", () => {
    const manifest: { readonly version: string } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ ...JSON.parse(read("package.json")), version: manifest.version })
    )
    inFolder("git", "add", "-A")
    inFolder("git", ...committer, "commit", "-qm", "release")
    inFolder("git", "tag", `v${manifest.version}`)
    const shown = script("release")
    assert.strictEqual(shown.status, 0, shown.stderr)
    assert.include(shown.stdout, "npm run build\nnpm publish --access public --dry-run\n")
    const unattested = script("release", "--publish")
    assert.strictEqual(unattested.status, 1)
    assert.include(unattested.stderr, "provenance needs")
    attests = { ...plain, SIGSTORE_ID_TOKEN: "attested" }
    const published = script("release", "--publish")
    assert.strictEqual(published.status, 0, published.stderr)
    assert.include(published.stdout, "npm run build\nnpm publish --access public --provenance\n")
  })
})
