// The modules of ours that reach nothing of Effect: the same for programs with Effect and for the bundle, so that the package
// holds them once. What only they themselves import is merged into them, since a few files are read faster than many.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { rolldown } from "rolldown"
import { parseSync } from "rolldown/utils"

/** What a compiled module imports: paths for ours, the names of packages as they are. */
const importsOf = (path) => {
  const text = readFileSync(path, "utf8")
  const { dynamicImports, staticExports, staticImports } = parseSync(path, text).module
  const named = [...staticImports, ...staticExports.flatMap(({ entries }) => entries)]
    .flatMap(({ moduleRequest }) => moduleRequest == null ? [] : [moduleRequest.value])
  const called = dynamicImports.map(({ moduleRequest: { end, start } }) => text.slice(start + 1, end - 1))
  return [...named, ...called].map((to) => to.startsWith(".") ? join(dirname(path), to) : to)
}

/** Takes stock of dist; `isPublic` says which of its modules have a subpath of the package. */
export const make = (isPublic) => {
  const imports = new Map(globSync("dist/**/*.js").map((path) => [path, importsOf(path)]))
  const bound = new Set()
  for (let before = -1; before !== bound.size;) {
    before = bound.size
    for (const [path, to] of imports) if (to.some((path) => !imports.has(path) || bound.has(path))) bound.add(path)
  }
  const isShared = (path) => imports.has(path) && !bound.has(path)
  const entrances = new Set([
    ...[...imports.keys()].filter((path) => isShared(path) && isPublic(path)),
    ...[...bound].flatMap((path) => imports.get(path).filter(isShared))
  ])

  return {
    /** For the bundle: reads a source of ours that `isLate` from dist, where it is shared. */
    plugin: (isLate) => ({
      name: "shared",
      resolveId: (id, importer) => {
        if (!id.startsWith(".") || importer === undefined) return undefined
        const path = relative(".", resolve(dirname(importer), id)).replace(/^src\/(.*)\.ts$/, "dist/$1.js")
        if (!isShared(path) || !isLate(path)) return undefined
        entrances.add(path)
        return { id: `../${path.slice("dist/".length)}`, external: true }
      }
    }),
    /** Merges what only shared modules import. */
    merge: async (minify) => {
      const build = await rolldown({
        input: Object.fromEntries([...entrances].map((path) => [path.slice("dist/".length, -".js".length), path])),
        platform: "neutral",
        logLevel: "warn",
        preserveEntrySignatures: "strict"
      })
      const { output } = await build.generate({
        minify,
        minifyInternalExports: false,
        entryFileNames: "[name].js",
        chunkFileNames: "shared/[name]-[hash].js"
      })
      await build.close()
      for (const path of imports.keys()) if (isShared(path)) rmSync(path)
      mkdirSync("dist/shared", { recursive: true })
      for (const { code, fileName } of output) writeFileSync(join("dist", fileName), code)
    }
  }
}
