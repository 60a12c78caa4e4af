// Compiles src to dist with declarations, from an empty folder, so that nothing stale is ever packed; and bundles what
// is used without Effect (the command line and the promise entry) to dist/bundle.
import { execFileSync } from "node:child_process"
import { readFileSync, rmSync } from "node:fs"
import { rolldown } from "rolldown"

rmSync("dist", { recursive: true, force: true })
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" })

// what npm installs with the package stays outside
const external = [/^node:/, ...Object.keys(JSON.parse(readFileSync("package.json", "utf8")).dependencies)]

/** Chunks by what is loaded together: a command's own code is read when the command is run. */
const bundle = async (input, platform) => {
  const build = await rolldown({
    input,
    platform,
    external,
    logLevel: "warn",
    onLog: (level, log, handler) => log.code === "CIRCULAR_DEPENDENCY" ? undefined : handler(level, log)
  })
  const { output } = await build.write({
    dir: "dist/bundle",
    minify: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js"
  })
  await build.close()
  return output
}

await bundle({ cli: "src/cli/main.ts", "promise-node": "src/promise/node.ts" }, "node")
await bundle({ "promise-fetch": "src/promise/fetch.ts" }, "browser")
