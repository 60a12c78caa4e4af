// Compiles src to dist with declarations, from an empty folder, so that nothing stale is ever packed; and bundles what
// is used without Effect (the command line and the promise entry) to dist/bundle.
import { execFileSync } from "node:child_process"
import { globSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { rolldown } from "rolldown"
import { minifySync } from "rolldown/utils"

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

for (const path of globSync("dist/**/*.js")) {
  // top-level names stay, so that a stack says where it was
  const { code } = minifySync(path, readFileSync(path, "utf8"), { module: true, mangle: { toplevel: false } })
  writeFileSync(path, code)
}

// what npm installs with the package stays outside
const external = [/^node:/, ...Object.keys(manifest.dependencies)]

// The command line serves no web sockets. Their package is not an ECMAScript module: it would bring `createRequire`, and with
// it Node, into what all chunks share.
const withoutWebSockets = {
  name: "without-web-sockets",
  resolveId: (id) => id === "ws" ? "\0ws" : undefined,
  load: (id) =>
    id === "\0ws" ? "export const WebSocket = globalThis.WebSocket\nexport class WebSocketServer {}" : undefined
}

// chunks by what is loaded together: a command's own code is read when the command is run, and nothing of Node is in what
// the entry point over fetch reaches
const build = await rolldown({
  input: { cli: "src/cli/main.ts", "promise-node": "src/promise/node.ts", "promise-fetch": "src/promise/fetch.ts" },
  platform: "node",
  external,
  plugins: [withoutWebSockets],
  logLevel: "warn",
  onLog: (level, log, handler) => log.code === "CIRCULAR_DEPENDENCY" ? undefined : handler(level, log)
})
await build.write({
  dir: "dist/bundle",
  minify: true,
  entryFileNames: "[name].js",
  chunkFileNames: "[name]-[hash].js"
})
await build.close()
