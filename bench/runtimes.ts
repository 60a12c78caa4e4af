/**
 * The packed package in each runtime: generate, stream, cancel and object against the simulator on a port. `node runtimes.ts
 * [name …]`, after `npm run build` in the folder above. Each runtime is installed from npm into a folder of its own, Chromium
 * is looked for on the PATH; one that is not there is said to be missing, and nothing is claimed of it.
 */
import { execFileSync, spawn } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { rolldown } from "rolldown"

const root = new URL("..", import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), "runtimes-"))
const wanted = process.argv.slice(2)

type Report = Readonly<Record<string, string>>

const run = (command: string, args: ReadonlyArray<string>, cwd = folder, timeout = 60_000): string =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout })

const install = (prefix: string, ...packages: ReadonlyArray<string>): string => {
  const cwd = join(folder, prefix)
  mkdirSync(cwd, { recursive: true })
  writeFileSync(join(cwd, "package.json"), "{\"private\":true,\"type\":\"module\"}")
  // in the folder itself: `--prefix` would take a folder of the package's name for the package
  run("npm", ["install", "--silent", "--no-audit", "--no-fund", ...packages], cwd, 300_000)
  return cwd
}

/** What every runtime runs; it prints one line of JSON, the last. */
const cases = readFileSync(join(import.meta.dirname, "runtimes", "cases.js"), "utf8")

const lastLine = (printed: string): Report => JSON.parse(printed.trim().split("\n").at(-1) ?? "{}")

const startSimulator = () => {
  const child = spawn(process.execPath, [join(root, "dist/bundle/cli.js"), "simulate", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  return new Promise<{ readonly url: string; readonly stop: () => void }>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the simulator ended with ${code}`)))
    let printed = ""
    child.stdout.on("data", (data: Buffer) => {
      printed += data.toString()
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0]
      if (url !== undefined) resolve({ url, stop: () => child.kill() })
    })
  })
}

const simulator = await startSimulator()

// the package as a user installs it
const app = join(folder, "app")
run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder], root)
const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "")
install("app", tarball)
writeFileSync(join(app, "cases.js"), cases)
writeFileSync(
  join(app, "main.mjs"),
  `import { run } from "./cases.js"\nconsole.log(JSON.stringify(await run("${simulator.url}")))\n`
)

/** One file for where nothing resolves packages, by the conditions that its bundlers use. */
const bundled = async (name: string, source: string): Promise<string> => {
  const input = join(app, `${name}.in.js`)
  writeFileSync(input, source)
  const build = await rolldown({ input, platform: "browser", logLevel: "silent", external: [/^node:/] })
  const { output } = await build.generate({ format: "esm", codeSplitting: false })
  await build.close()
  const file = join(app, `${name}.js`)
  writeFileSync(file, output[0].code)
  return file
}

const node = (version: string) => () => {
  const prefix = install(`node-${version}`, `node@${version}`)
  return lastLine(run(join(prefix, "node_modules/node/bin/node"), ["main.mjs"], app))
}

const bun = () => {
  const prefix = install("bun", "bun")
  return lastLine(run(join(prefix, "node_modules/.bin/bun"), ["main.mjs"], app))
}

const deno = () => {
  const prefix = install("deno", "deno")
  return lastLine(
    run(join(prefix, "node_modules/.bin/deno"), ["run", "-A", "--node-modules-dir=manual", "main.mjs"], app)
  )
}

const workerd = async (): Promise<Report> => {
  const prefix = install("workerd", "workerd")
  const file = await bundled(
    "worker",
    `import { run } from "./cases.js"\nexport default { fetch: async () => Response.json(await run("${simulator.url}")) }\n`
  )
  const cwd = join(folder, "worker")
  cpSync(file, join(cwd, "worker.js"), { recursive: true })
  writeFileSync(
    join(cwd, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (modules = [(name = "worker", esModule = embed "worker.js")],
      compatibilityDate = "2026-01-01", globalOutbound = "net")),
    (name = "net", network = (allow = ["private"]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`
  )
  const child = spawn(join(prefix, "node_modules/.bin/workerd"), ["serve", "config.capnp", "--control-fd=1"], {
    cwd,
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const port = await new Promise<string>((resolve, reject) => {
      child.once("error", reject)
      child.once("exit", (code) => reject(new Error(`workerd ended with ${code}`)))
      child.stdout.on("data", (data: Buffer) => {
        const found = /"port":(\d+)/.exec(data.toString())?.[1]
        if (found !== undefined) resolve(found)
      })
    })
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(60_000) })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return JSON.parse(text)
  } finally {
    child.kill()
  }
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const parts: Array<Buffer> = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts).toString()
}

// the page and the simulator share an origin, as a page and its own server do
const forward = async (request: IncomingMessage, response: ServerResponse) => {
  const left = new AbortController()
  response.once("close", () => left.abort())
  const body = request.method === "POST" ? await bodyOf(request) : null
  const upstream = await fetch(`${simulator.url}${request.url}`, {
    method: request.method ?? "GET",
    headers: { "content-type": "application/json" },
    body,
    signal: left.signal
  })
  response.writeHead(upstream.status, { "content-type": upstream.headers.get("content-type") ?? "text/plain" })
  for await (const part of upstream.body ?? []) response.write(part)
  response.end()
}

const chromium = async (): Promise<Report> => {
  const program = ["chromium", "chromium-browser", "google-chrome"].find((name) => {
    try {
      run(name, ["--version"])
      return true
    } catch {
      return false
    }
  })
  if (program === undefined) throw new Error("no Chromium on the PATH")
  const file = await bundled(
    "page",
    `import { run } from "./cases.js"
run(location.origin).catch((error) => ({ failed: String(error?.stack ?? error) }))
  .then((report) => fetch("/report", { method: "POST", body: JSON.stringify(report) }))\n`
  )
  let child: ReturnType<typeof spawn> | undefined
  try {
    return await new Promise<Report>((resolve, reject) => {
      const server = createServer((request, response) => {
        if (request.url === "/") {
          response.writeHead(200, { "content-type": "text/html" }).end(
            "<script>onerror = (what) => fetch(\"/report\", { method: \"POST\", body: JSON.stringify({ failed: String(what) }) })</script><script type=module src=/page.js></script>"
          )
        } else if (request.url === "/page.js") {
          response.writeHead(200, { "content-type": "text/javascript" }).end(readFileSync(file))
        } else if (request.url === "/report") {
          bodyOf(request).then((body) => {
            response.end()
            server.close()
            resolve(JSON.parse(body))
          }, reject)
        } else forward(request, response).catch(() => response.destroy())
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        child = spawn(program, ["--headless=new", "--no-sandbox", "--disable-gpu", `http://127.0.0.1:${port}/`], {
          stdio: "ignore"
        })
        setTimeout(() => reject(new Error("the page told nothing within a minute")), 60_000).unref()
        child.once("exit", (code) => reject(new Error(`${program} ended with ${code}`)))
      })
    })
  } finally {
    child?.kill("SIGKILL")
  }
}

const runtimes: Readonly<Record<string, () => Report | Promise<Report>>> = {
  "node-22": node("22"),
  "node-24": node("24"),
  bun,
  deno,
  workerd,
  chromium
}

const rows: Array<string> = []
for (const [name, ask] of Object.entries(runtimes).filter(([name]) => wanted.length === 0 || wanted.includes(name))) {
  try {
    const { version, ...done } = await ask()
    rows.push(`| ${name} ${version ?? ""} | ${Object.values(done).join(" | ")} |`)
  } catch (error) {
    rows.push(
      `| ${name} | not run here: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)} |`
    )
  }
  process.stderr.write(`${rows.at(-1)}\n`)
}
console.log(
  ["| runtime | generate | stream | cancel | object |", "| --- | --- | --- | --- | --- |", ...rows].join("\n")
)

simulator.stop()
rmSync(folder, { recursive: true, force: true })
