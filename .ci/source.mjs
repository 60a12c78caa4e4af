// Lets a program in this repository import the package by its name without a build: `node --import ./.ci/source.mjs`.
// A subpath of package.json's exports is answered by the source that its built file comes from.
import { readFileSync } from "node:fs"
import { registerHooks } from "node:module"

const root = new URL("..", import.meta.url)
const { exports, name } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"))

const built = (entry) => entry.node ?? entry.default ?? entry
const sourceOf = (file) =>
  file.replace("./dist/bundle/promise-node.js", "./src/promise/node.ts").replace(/^\.\/dist\/(.*)\.js$/, "./src/$1.ts")

registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier !== name && !specifier.startsWith(`${name}/`)) return next(specifier, context)
    const entry = exports[`.${specifier.slice(name.length)}`]
    return entry === undefined ? next(specifier, context) : next(new URL(sourceOf(built(entry)), root).href, context)
  }
})
