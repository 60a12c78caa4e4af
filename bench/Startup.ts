/**
 * The cost of starting: the time of a whole process that imports a client, gets one response and ends. The SDK is measured
 * as published, so it has to be built first.
 */
import { existsSync } from "node:fs"

const programs = ["empty", "undici", "sdk", "llm", "huggingface", "openai", "ai", "langchain"]

/** Milliseconds of each program, one per round; an extra round comes first, to warm the disk cache. */
export const measure = (
  rounds: number,
  run: (program: string) => unknown
): Readonly<Record<string, ReadonlyArray<number>>> => {
  if (!existsSync(new URL("../dist/transport/TgiClient.js", import.meta.url))) {
    throw new Error("S6 measures the built package: run `npm run build` first, or leave S6 out")
  }
  const times: Record<string, Array<number>> = Object.fromEntries(programs.map((program) => [program, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [program, taken] of Object.entries(times)) {
      const from = performance.now()
      run(`startup/${program}.mjs`)
      if (round > 0) taken.push(performance.now() - from)
    }
  }
  return times
}
