// Writes who and where the package is: `node .ci/identity.mjs https://host/owner/name "Author <mail>"` fills `author`, `homepage`,
// `repository` and `bugs` of package.json, and links the repository where the pages name it. Run again, it replaces both.
import { readFileSync, writeFileSync } from "node:fs"

const [url = "", author = ""] = process.argv.slice(2)
const address = url.replace(/\/+$/, "").replace(/\.git$/, "")
const parsed = URL.canParse(address) ? new URL(address) : undefined

if (
  author.trim() === "" || parsed?.protocol !== "https:" || parsed.username !== "" || parsed.search !== "" ||
  parsed.hash !== "" || !/^(?:\/[\w.-]+){2,}$/.test(parsed.pathname)
) {
  console.error(
    "usage: node .ci/identity.mjs <https address of the repository, as in https://host/owner/name> <author>"
  )
  process.exit(2)
}

const manifest = JSON.parse(readFileSync("package.json", "utf8"))
const identity = {
  homepage: `${address}#readme`,
  bugs: { url: `${address}/issues` },
  repository: { type: "git", url: `git+${address}.git` },
  author
}
// next to the licence, where npm's own documentation has them; the other fields keep their order
const fields = Object.entries(manifest).filter(([name]) => !(name in identity))
const place = fields.findIndex(([name]) => name === "license")
writeFileSync(
  "package.json",
  JSON.stringify(Object.fromEntries(fields.toSpliced(place, 0, ...Object.entries(identity))), null, 2) + "\n"
)

/** Where a page names the repository, with or without a link, and what it says then. */
const mentions = [
  [
    "SECURITY.md",
    /\[?private advisories\b(?:\]\([^)]*\))? of the repository/,
    `[private advisories](${address}/security/advisories/new) of the repository`
  ],
  ["CONTRIBUTING.md", /Inside a (?:\[clone\]\([^)]*\)|clone)/, `Inside a [clone](${address})`]
]

for (const [file, pattern, text] of mentions) {
  const page = readFileSync(file, "utf8")
  if (!pattern.test(page)) {
    console.error(`${file} does not name the repository where this script expects it: ${pattern.source}`)
    process.exitCode = 1
    continue
  }
  writeFileSync(file, page.replace(pattern, text))
}
