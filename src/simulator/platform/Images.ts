/**
 * Which engine the image of an endpoint contains.
 *
 * @since 0.2.0
 */
import type * as Options from "../model/Options.ts"

/** @category models @since 0.2.0 */
export type Engine = Options.Engine

const images = {
  tgi: "tgi",
  tgiNeuron: "tgi",
  vLLM: "vllm",
  vLLMNeuron: "vllm",
  sGLang: "sglang",
  llamacpp: "llamacpp",
  hfServe: "hf-serve",
  tei: "tei",
  custom: "transformers"
} as const satisfies Readonly<Record<string, Engine>>

const isImage = (key: string): key is keyof typeof images => Object.hasOwn(images, key)

/**
 * The image of an engine, as an endpoint's definition names it.
 *
 * @category accessors
 * @since 0.2.0
 */
export const of = (engine: Engine): string => Object.entries(images).find(([, of]) => of === engine)?.[0] ?? "custom"

/**
 * The engine and the model of a definition; nothing if the image is one of the user's own.
 *
 * @category accessors
 * @since 0.2.0
 */
export const served = (
  definition: Readonly<Record<string, unknown>>
): { readonly engine: Engine; readonly modelId: string } | undefined => {
  const { model } = definition
  if (typeof model !== "object" || model === null) return undefined
  const image: unknown = Reflect.get(model, "image")
  const repository: unknown = Reflect.get(model, "repository")
  const key = typeof image === "object" && image !== null ? Object.keys(image)[0] : undefined
  return key === undefined || key === "custom" || !isImage(key) || typeof repository !== "string"
    ? undefined
    : { engine: images[key], modelId: repository }
}
