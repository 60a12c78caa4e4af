// The files of the package. What programs with Effect and the bundle without it both need (modules of ours that reach nothing
// of Effect) is there once; and what is always read together is one file, since a few files are read faster than many: each
// of the parts below with all that it imports, except what an earlier one has.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { rolldown } from "rolldown"
import { parseSync } from "rolldown/utils"
import * as Pure from "./pure.mjs"

/** From what is needed by all to what is needed by few. */
const parts = {
  client: ["dist/transport/TgiClient.js"],
  options: ["dist/GenerationOptions.js", "dist/Message.js", "dist/Settings.js"],
  grammar: ["dist/structured/Grammar.js"],
  service: ["dist/InferenceEndpointsLLM.js"],
  node: ["dist/node/NodeTransport.js"],
  template: ["dist/template/ChatTemplateLayers.js"],
  structured: ["dist/pipeline/object/Structure.js"],
  batch: ["dist/batch/index.js"],
  cluster: ["dist/cluster/index.js"]
}

/** What a compiled module imports, at once and late: paths for ours, the names of packages as they are. */
const importsOf = (path) => {
  const text = readFileSync(path, "utf8")
  const { dynamicImports, staticExports, staticImports } = parseSync(path, text).module
  const named = [...staticImports, ...staticExports.flatMap(({ entries }) => entries)]
    .flatMap(({ moduleRequest }) => moduleRequest == null ? [] : [moduleRequest.value])
  const called = dynamicImports.map(({ moduleRequest: { end, start } }) => text.slice(start + 1, end - 1))
  const found = (to) => to.startsWith(".") ? join(dirname(path), to) : to
  return { atOnce: named.map(found), late: called.map(found) }
}

/** As dist names its files. */
const here = (id) => relative(".", id)

/** Takes stock of dist; `isPublic` says which of its modules have a subpath of the package. */
export const make = (isPublic) => {
  const imports = new Map(globSync("dist/**/*.js").map((path) => [path, importsOf(path)]))
  const bound = new Set()
  for (let before = -1; before !== bound.size;) {
    before = bound.size
    for (const [path, { atOnce, late }] of imports) {
      if ([...atOnce, ...late].some((path) => !imports.has(path) || bound.has(path))) bound.add(path)
    }
  }
  const isFree = (path) => imports.has(path) && !bound.has(path)
  const shared = new Set()

  return {
    /** For the bundle: reads a source of ours that `isLate` from dist, where it reaches nothing of Effect. */
    plugin: (isLate) => ({
      name: "shared",
      resolveId: (id, importer) => {
        if (!id.startsWith(".") || importer === undefined) return undefined
        const path = here(resolve(dirname(importer), id)).replace(/^src\/(.*)\.ts$/, "dist/$1.js")
        if (!isFree(path) || !isLate(path)) return undefined
        shared.add(path)
        return { id: `../${path.slice("dist/".length)}`, external: true }
      }
    }),
    /** Writes dist anew: a file for each public module and for each one that the bundle reads, and what they are made of. */
    merge: async (minify) => {
      const entrances = [...imports.keys()].filter((path) => isPublic(path) || shared.has(path))
      const apart = new Set(entrances.filter(isFree))
      for (const path of apart) for (const to of imports.get(path).atOnce) apart.add(to)
      const build = await rolldown({
        input: Object.fromEntries(entrances.map((path) => [path.slice("dist/".length, -".js".length), path])),
        external: (id) => !/^[./]|^dist\//.test(id),
        platform: "neutral",
        logLevel: "warn",
        preserveEntrySignatures: "strict",
        plugins: [Pure.plugin]
      })
      const { output } = await build.generate({
        minify,
        minifyInternalExports: false,
        entryFileNames: "[name].js",
        chunkFileNames: ({ name }) => `shared/${name.replace(/~.*/, "")}-[hash].js`,
        codeSplitting: {
          groups: [
            { name: "common", test: (id) => apart.has(here(id)), entriesAware: true },
            ...Object.entries(parts).map(([name, paths]) => ({ name, test: (id) => paths.includes(here(id)) }))
          ].map((group, at, all) => ({ ...group, priority: all.length - at }))
        }
      })
      await build.close()
      for (const path of imports.keys()) rmSync(path)
      for (const { code, fileName } of output) {
        mkdirSync(dirname(join("dist", fileName)), { recursive: true })
        writeFileSync(join("dist", fileName), code)
      }
    }
  }
}
