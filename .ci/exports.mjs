// The subpaths of package.json from the entry points' own lists of modules: `export * as Name from "./path.ts"` in
// src/index.ts is the subpath `./Name`, and in src/batch/index.ts `./batch/Name`. Run it after a change of such a list;
// a test holds the two together.
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const root = new URL("..", import.meta.url).pathname
const built = (path) => ({ types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` })

/** Subpath → files, for the entry points that are there. */
export const subpaths = (folders) => {
  const all = { "./package.json": "./package.json" }
  for (const folder of folders) {
    const index = join("src", folder, "index.ts")
    all[folder === "" ? "." : `./${folder}`] = built(join(folder, "index"))
    for (
      const [, name, path] of readFileSync(join(root, index), "utf8").matchAll(
        /^export (?:type )?\* as (\w+) from "(.+)\.ts"/gm
      )
    ) {
      all[`./${join(folder, name)}`] = built(join(dirname(index), path).replace(/^src\//, ""))
    }
  }
  all["./promise"] = {
    types: "./dist/promise/node.d.ts",
    node: "./dist/bundle/promise-node.js",
    default: "./dist/bundle/promise-fetch.js"
  }
  return all
}

/** The entry points; a folder of src with an index.ts of modules. */
export const entryPoints = ["", "ai", "batch", "cluster", "dataset", "node", "proxy", "simulator"]

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const path = join(root, "package.json")
  const manifest = JSON.parse(readFileSync(path, "utf8"))
  writeFileSync(path, JSON.stringify({ ...manifest, exports: subpaths(entryPoints) }, null, 2) + "\n")
}
