// Compiles src to dist with declarations, from an empty folder, so that nothing stale is ever packed; and bundles what
// is used without Effect (the command line and the promise entry) to dist/bundle.
import { execFileSync } from "node:child_process"
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { rolldown } from "rolldown"
import { parseSync } from "rolldown/utils"
import * as Parts from "./parts.mjs"

rmSync("dist", { recursive: true, force: true })
const compile = (...options) =>
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", ...options], {
    stdio: "inherit"
  })
const manifest = JSON.parse(readFileSync("package.json", "utf8"))

// documentation belongs to the declarations, where editors look for it
compile("--emitDeclarationOnly")
compile("--declaration", "false", "--removeComments")
// the command line is bundled below; nothing else of it is public
rmSync("dist/cli", { recursive: true })
for (const path of globSync("dist/promise/*.js")) rmSync(path)
// the text that pages draw their plots with
const plot = "dist/batch/report/Plot.js"
const { script, style } = await import(join(process.cwd(), plot))
writeFileSync(plot, `export const script = ${JSON.stringify(script)}\nexport const style = ${JSON.stringify(style)}\n`)

// declarations that no public module leads to explain nothing to anybody; of those between, the types alone count
const isPublic = new Set(Object.values(manifest.exports).flatMap((files) => files.types?.slice(2) ?? []))
const reached = new Set(isPublic)
for (const path of reached) {
  for (const [, to] of readFileSync(path, "utf8").matchAll(/(?:from |import\()"(\.[^"]+)\.(?:ts|js)"/g)) {
    reached.add(join(dirname(path), `${to}.d.ts`))
  }
}
for (const path of globSync("dist/**/*.d.ts")) {
  if (!reached.has(path)) rmSync(path)
  else if (!isPublic.has(path)) {
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/^ *\/\*\*[^]*?\*\/\n/gm, ""))
  }
}

const parts = Parts.make((path) => isPublic.has(path.replace(/\.js$/, ".d.ts")))
// what every call needs stays in the bundle
const isLate = (path) =>
  /^dist\/(?:batch|cluster|dataset|decide|simulator|structured|template\/jinja\/(?!values\/Space\.))/.test(path)

// what npm installs with the package stays outside
const external = [/^node:/, ...Object.keys(manifest.dependencies)]

// The command line serves no web sockets. Their package is not an ECMAScript module: it would bring `createRequire`, and with
// it Node, into what all chunks share. Nor does it serve forms or files, or make a Schema of a JSON Schema: what Effect has for
// those is out, however it is imported.
const unused = /effect\/dist\/(?:http\/(?:Multipart|internal\/mimeTypes)|internal\/schema\/fromJsonSchemaDocument)\.js$/
const leftOut = {
  name: "left-out",
  resolveId: (id) => id === "ws" ? "\0ws" : undefined,
  load: (id) => {
    if (id === "\0ws") return "export const WebSocket = globalThis.WebSocket\nexport class WebSocketServer {}"
    if (!unused.test(id)) return undefined
    const { staticExports } = parseSync(id, readFileSync(id, "utf8")).module
    const names = staticExports.flatMap(({ entries }) => entries.map(({ exportName }) => exportName.name ?? "default"))
    return `const absent = () => { throw new Error("left out of this bundle") }\nexport { ${
      names.map((name) => `absent as ${name}`).join(", ")
    } }`
  }
}

// chunks by what is loaded together: a command's own code is read when the command is run, and nothing of Node is in what
// the entry point over fetch reaches
const build = await rolldown({
  input: { cli: "src/cli/main.ts", "promise-node": "src/promise/node.ts", "promise-fetch": "src/promise/fetch.ts" },
  platform: "node",
  external,
  plugins: [leftOut, parts.plugin(isLate)],
  logLevel: "warn",
  onLog: (level, log, handler) => log.code === "CIRCULAR_DEPENDENCY" ? undefined : handler(level, log)
})
const { output } = await build.write({
  dir: "dist/bundle",
  minify: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js"
})

// who wrote what is bundled, as their licences ask
const bundled = new Set(["uplot"].concat(
  output.flatMap((part) => part.type === "chunk" ? part.moduleIds : [])
    .flatMap((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? [])
))
writeFileSync(
  "dist/bundle/LICENSES.txt",
  [...bundled].toSorted().map((name) => {
    const folder = join("node_modules", name)
    const { license, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"))
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`
  }).join("\n----\n\n")
)
await build.close()
// top-level names stay, so that a stack says where it was
await parts.merge({ mangle: { toplevel: false } })
