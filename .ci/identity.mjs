// Writes who and where the package is into package.json: `node .ci/identity.mjs https://host/owner/name "Author <mail>"`.
import { readFileSync, writeFileSync } from "node:fs"

const [url, author] = process.argv.slice(2)
if (url === undefined || author === undefined || !URL.canParse(url)) {
  console.error("usage: node .ci/identity.mjs <url of the repository> <author>")
  process.exit(2)
}
const address = url.replace(/\/$/, "")
const manifest = JSON.parse(readFileSync("package.json", "utf8"))
writeFileSync(
  "package.json",
  JSON.stringify(
    {
      ...manifest,
      author,
      homepage: `${address}#readme`,
      repository: { type: "git", url: `git+${address}.git` },
      bugs: { url: `${address}/issues` }
    },
    null,
    2
  ) + "\n"
)
