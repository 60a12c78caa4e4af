import { assert, describe, it } from "@effect/vitest"
import { rolldown } from "rolldown"

const entryPoint = new URL("../src/index.ts", import.meta.url).pathname
const entry = "virtual:entry"

/**
 * Our own modules that reach the bundle of a program which imports from the entry point; `atOnce` leaves out what is loaded
 * when it is first used.
 */
const modulesOf = async (source: string, atOnce = false): Promise<ReadonlyArray<string>> => {
  const build = await rolldown({
    input: entry,
    platform: "browser",
    external: [/^effect(\/|$)/, /^@huggingface\/jinja$/],
    logLevel: "silent",
    plugins: [{
      name: "entry",
      resolveId: (id) => id === entry ? id : undefined,
      load: (id) => id === entry ? source : undefined
    }]
  })
  const { output } = await build.generate({})
  await build.close()
  return output.flatMap((part) =>
    part.type === "chunk" && (part.isEntry || !atOnce)
      ? Object.entries(part.modules).filter(([, { code }]) => code !== null && code.trim() !== "").map(([id]) => id)
      : []
  ).filter((id) => id.includes("/src/")).map((id) => id.slice(id.lastIndexOf("/src/") + 5))
}

describe("a program that imports from the entry point", () => {
  it("and uses nothing of it carries nothing of it", async () =>
    assert.deepStrictEqual(await modulesOf(`import "${entryPoint}"`), []))

  it("carries no template engine, no Hub and no grammar where it only talks to a server", async () => {
    const modules = await modulesOf(`import { TgiClient } from "${entryPoint}"\nexport const layer = TgiClient.layer`)
    assert.include(modules, "transport/TgiClient.ts")
    assert.deepStrictEqual(modules.filter((id) => /^(template|hub|endpoint|structured|dialect)\//.test(id)), [])
  })

  it("carries no server client where it only renders templates", async () => {
    const modules = await modulesOf(
      `import { ChatTemplate } from "${entryPoint}"\nexport const { compile, apply } = ChatTemplate`
    )
    assert.include(modules, "template/ChatTemplate.ts")
    assert.deepStrictEqual(modules.filter((id) => /^(transport|dialect|structured)\//.test(id)), [])
  })

  it("carries no template engine of ours where it chose another one", async () => {
    const modules = await modulesOf(
      `import { ChatTemplate, HuggingFaceJinja } from "${entryPoint}"\nimport * as Layer from "effect/Layer"\n` +
        "export const layer = (template) => Layer.provide(ChatTemplate.layerTextWith({ template }), HuggingFaceJinja.layer)"
    )
    assert.includeMembers([...modules], ["template/engine/HuggingFaceJinja.ts", "template/prompt/Conversation.ts"])
    assert.deepStrictEqual(
      modules.filter((id) => /^template\/(PythonJinja|jinja\/(?!values\/Space\.ts$))/.test(id)),
      []
    )
  })

  it("carries only our template engine where it did not choose", async () => {
    const modules = await modulesOf(
      `import { ChatTemplate } from "${entryPoint}"\nexport const layer = ChatTemplate.layerText`
    )
    assert.include(modules, "template/jinja/Template.ts")
    assert.notInclude(modules, "template/engine/HuggingFaceJinja.ts")
  })

  it("loads our template engine with the first template that the service renders", async () => {
    const modules = await modulesOf(
      `import { InferenceEndpointsLLM } from "${entryPoint}"\nexport const layer = InferenceEndpointsLLM.layer`,
      true
    )
    assert.include(modules, "InferenceEndpointsLLM.ts")
    assert.deepStrictEqual(modules.filter((id) => /^template\/jinja\/(?:run|filters|syntax)\//.test(id)), [])
  })
})

describe("a page of a browser that imports the promise entry", () => {
  it("bundles to files that import nothing of Node", async () => {
    const build = await rolldown({
      input: new URL("../dist/bundle/promise-fetch.js", import.meta.url).pathname,
      platform: "browser",
      logLevel: "silent"
    })
    const { output } = await build.generate({})
    await build.close()
    const chunks = new Set(output.map(({ fileName }) => fileName))
    const outside = output.flatMap((part) =>
      part.type === "chunk" ? [...part.imports, ...part.dynamicImports].filter((name) => !chunks.has(name)) : []
    )
    assert.deepStrictEqual(outside, [])
  })
})
