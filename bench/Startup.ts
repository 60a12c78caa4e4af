/**
 * The cost of starting: the time of a whole process that imports a client, gets one response and ends. The SDK is measured
 * as published, so it has to be built first; and beside it with its own modules in one file (`flat`), which shows what its
 * files cost, and in one file with all that it imports (`bundled`).
 */
import { existsSync, rmSync } from "node:fs"
import { rolldown } from "rolldown"

const here = import.meta.dirname
const root = new URL("..", import.meta.url).pathname
const programs = ["empty", "undici", "sdk", "llm", "huggingface", "openai", "ai", "langchain"]

const ways: Readonly<Record<string, (id: string) => boolean>> = {
  flat: (id) => !/^[./]/.test(id) || id.startsWith(`${root}node_modules/`),
  bundled: (id) => id.startsWith("node:")
}

/** Writes the program again, and gives the path of it. */
const merged = async (program: string, way: string): Promise<string> => {
  const path = `startup/merged/${program}-${way}/main.mjs`
  const build = await rolldown({
    input: `${here}/startup/${program}.mjs`,
    platform: "node",
    external: ways[way] ?? [],
    logLevel: "silent"
  })
  await build.write({ dir: `${here}/startup/merged/${program}-${way}`, entryFileNames: "main.mjs", minify: true })
  await build.close()
  return path
}

/** Milliseconds of each program, one per round; an extra round comes first, to warm the disk cache. */
export const measure = async (
  rounds: number,
  run: (program: string) => unknown
): Promise<Readonly<Record<string, ReadonlyArray<number>>>> => {
  if (!existsSync(`${root}dist/transport/TgiClient.js`)) {
    throw new Error("S6 measures the built package: run `npm run build` first, or leave S6 out")
  }
  const paths = new Map(programs.map((program) => [program, `startup/${program}.mjs`]))
  for (const program of ["sdk", "llm"]) {
    for (const way of Object.keys(ways)) paths.set(`${program}, ${way}`, await merged(program, way))
  }
  try {
    const times: Record<string, Array<number>> = Object.fromEntries([...paths.keys()].map((name) => [name, []]))
    for (let round = 0; round <= rounds; round++) {
      for (const [name, path] of paths) {
        const from = performance.now()
        run(path)
        if (round > 0) times[name]?.push(performance.now() - from)
      }
    }
    return times
  } finally {
    rmSync(`${here}/startup/merged`, { recursive: true, force: true })
  }
}
