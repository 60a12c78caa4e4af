/**
 * How much of the SDK and of Effect reaches a browser: the sources bundled, minified and gzipped. The bundler is the one
 * that vitest brings along.
 */
import { gzipSync } from "node:zlib"
import { rolldown } from "rolldown"

const core = new URL("../src/", import.meta.url).pathname

/** What a program takes, and from where. */
const programs: Readonly<Record<string, string>> = {
  "TgiClient": `export { layer } from "${core}transport/TgiClient.ts"`,
  "InferenceEndpointsLLM": `export { layer } from "${core}InferenceEndpointsLLM.ts"`,
  "one error class": `export { InferenceError } from "${core}InferenceError.ts"`,
  "nothing": `import "${core}index.ts"`
}

const entry = "virtual:entry"

const bundle = async (source: string, external: ReadonlyArray<RegExp>): Promise<number> => {
  const build = await rolldown({
    input: entry,
    platform: "browser",
    external: [...external],
    logLevel: "silent",
    plugins: [{
      name: "entry",
      resolveId: (id) => id === entry ? id : undefined,
      load: (id) => id === entry ? source : undefined
    }]
  })
  const { output } = await build.generate({ minify: true })
  await build.close()
  return gzipSync(output.map((part) => part.type === "chunk" ? part.code : "").join("\n")).length
}

/** Kilobytes after gzip of each program: with everything, and without the packages that it shares with its user. */
export const measure = async (): Promise<ReadonlyArray<readonly [program: string, all: number, own: number]>> => {
  const sizes: Array<readonly [string, number, number]> = []
  for (const [program, source] of Object.entries(programs)) {
    const own = await bundle(source, [/^effect(\/|$)/, /^@huggingface\/jinja$/])
    sizes.push([program, await bundle(source, []) / 1000, own / 1000])
  }
  return sizes
}
