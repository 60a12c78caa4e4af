// The public API as one page, so that a change of it is seen in a diff: the declarations of every public module, without
// their comments. `node .ci/api.mjs` writes docs/api.md from what the last build put into dist.
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const root = new URL("..", import.meta.url).pathname
const page = join(root, "docs", "api.md")

const elsewhere = /^export (?:type )?\{([^}]*)\} from "(\.[^"]+)\.ts";$/

/** What a module declares: no comments, no imports, nothing that it does not export. */
const declarations = (file) => {
  const text = readFileSync(file, "utf8")
  const statements = text
    .replaceAll(/\/\*\*?[^]*?\*\//g, "")
    .split(/^(?=export |declare |import |type |interface |const )/m)
    .map((statement) => statement.trim())
  return statements
    .filter((statement) => statement.startsWith("export ") && statement !== "export {};")
    // what a module exports from another one is declared there
    .flatMap((statement) => {
      const [, names, from] = elsewhere.exec(statement) ?? []
      if (from === undefined) return [statement]
      const wanted = new Set(names.split(",").map((name) => name.trim().replace(/^type /, "")))
      return declarations(join(dirname(file), `${from}.d.ts`)).split(/^(?=export )/m)
        .map((declared) => declared.trim())
        .filter((declared) =>
          wanted.has(/^export (?:declare )?(?:const|function|type|interface|class) (\w+)/.exec(declared)?.[1])
        )
    })
    .map((statement) => statement.replaceAll(/^\s*\n/gm, "").replaceAll(/\.ts"/g, "\""))
    .join("\n")
}

/** The page, from the declarations in dist. */
export const render = () => {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const modules = Object.entries(manifest.exports)
    .filter(([, files]) => typeof files === "object" && existsSync(join(root, files.types)))
    .map(([path, files]) => {
      const name = join(manifest.name, path)
      return `## ${name}\n\n\`\`\`typescript\n${declarations(join(root, files.types))}\n\`\`\`\n`
    })
  return [
    "# The public API\n",
    "What each entry point and each module declares, printed from the build by `node .ci/api.mjs`. The reference with",
    "explanations is made from the same declarations' comments; this page is here so that a change of the API shows in a diff.\n",
    ...modules
  ].join("\n")
}

if (process.argv[1] === new URL(import.meta.url).pathname) writeFileSync(page, render())
