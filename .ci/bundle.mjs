// A program as a page would load it, and what of it is loaded at once.
import { join } from "node:path"
import { rolldown } from "rolldown"

/** The chunks of a program that is given as text, by their names; packages are those of `folder`, and `external` is what stays outside. */
export const make = async (source, folder, external) => {
  const entry = join(folder, "program.js")
  const build = await rolldown({
    input: entry,
    platform: "browser",
    external,
    logLevel: "silent",
    plugins: [{
      name: "program",
      resolveId: (id) => id === entry ? id : undefined,
      load: (id) => id === entry ? source : undefined
    }]
  })
  const { output } = await build.generate({ minify: true })
  await build.close()
  return new Map(output.flatMap((part) => part.type === "chunk" ? [[part.fileName, part]] : []))
}

/** The chunks that are loaded with the entry, and with those that `also` names. */
export const loaded = (chunks, also = () => false) => {
  const names = new Set(
    [...chunks.values()].filter((chunk) => chunk.isEntry || also(chunk)).map(({ fileName }) => fileName)
  )
  for (const name of names) for (const next of chunks.get(name).imports) if (chunks.has(next)) names.add(next)
  return [...names].map((name) => chunks.get(name))
}
