// Checks that a release is one: the version, the changelog and the tag agree, and nothing is uncommitted. Prints what would be
// published; `--publish` publishes it with provenance.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const run = (command, ...args) => execFileSync(command, args, { encoding: "utf8" }).trim()
const { name, repository, version } = JSON.parse(readFileSync("package.json", "utf8"))

const problems = [
  !readFileSync("CHANGELOG.md", "utf8").includes(`\n## ${version}\n`) && `CHANGELOG.md has no heading "## ${version}"`,
  !readFileSync("src/http/HeaderFields.ts", "utf8").includes(`/${version}"`) &&
  `src/http/HeaderFields.ts does not say ${version}`,
  run("git", "status", "--porcelain") !== "" && "there are uncommitted changes",
  !run("git", "tag", "--points-at", "HEAD").split("\n").includes(`v${version}`) && `HEAD is not tagged v${version}`,
  repository === undefined && "package.json names no repository: node .ci/identity.mjs <url> <author> writes it"
].filter((problem) => problem !== false)

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)

console.log(`${name} ${version}`)
execFileSync("npm", [
  "publish",
  "--provenance",
  "--access",
  "public",
  ...(process.argv.includes("--publish") ? [] : ["--dry-run"])
], {
  stdio: "inherit"
})
