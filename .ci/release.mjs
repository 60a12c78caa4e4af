// Checks that a release is one: the version, the changelog, the lock file and the tag agree, and nothing is uncommitted. Then
// builds, and prints what would be published; `--publish` publishes it, with provenance, which only continuous integration
// that identifies itself to npm can attest.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const run = (command, ...args) => execFileSync(command, args, { encoding: "utf8" }).trim()
const { author, name, repository, version } = JSON.parse(readFileSync("package.json", "utf8"))
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"))
const publishes = process.argv.includes("--publish")

const problems = [
  !readFileSync("CHANGELOG.md", "utf8").includes(`\n## ${version}\n`) && `CHANGELOG.md has no heading "## ${version}"`,
  !readFileSync("src/http/HeaderFields.ts", "utf8").includes(`/${version}"`) &&
  `src/http/HeaderFields.ts does not say ${version}`,
  (lock.version !== version || lock.packages[""].version !== version) &&
  `package-lock.json does not say ${version}: npm install --package-lock-only writes it`,
  run("git", "status", "--porcelain") !== "" && "there are uncommitted changes",
  !run("git", "tag", "--points-at", "HEAD").split("\n").includes(`v${version}`) && `HEAD is not tagged v${version}`,
  (repository === undefined || author === undefined) &&
  "package.json names no repository or no author: node .ci/identity.mjs <url> <author> writes both",
  publishes && process.env.ACTIONS_ID_TOKEN_REQUEST_URL === undefined && process.env.SIGSTORE_ID_TOKEN === undefined &&
  "provenance needs a run of GitHub Actions with the permission id-token: write, or of GitLab with SIGSTORE_ID_TOKEN"
].filter((problem) => problem !== false)

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)

console.log(`${name} ${version}`)
execFileSync("npm", ["run", "build"], { stdio: "inherit" })
execFileSync("npm", ["publish", "--access", "public", ...(publishes ? ["--provenance"] : ["--dry-run"])], {
  stdio: "inherit"
})
