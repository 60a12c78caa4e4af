/**
 * The simulated catalogue of Inference Endpoints: models with recipes, and what deploying one creates.
 *
 * @since 0.2.0
 */

/**
 * A tested way of running a model, written as on the wire.
 *
 * @category models
 * @since 0.2.0
 */
export interface Recipe {
  readonly publicId: string
  readonly accelerator: string
  readonly engineType: string
  readonly ggufFile?: string | null
  readonly revision?: string | null
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Model {
  readonly repoId: string
  readonly modelName: string
  readonly authorName: string
  readonly license: string
  readonly task: string
  readonly createdAt: string
  readonly recipes: ReadonlyArray<Recipe>
}

const model = (repoId: string, recipes: ReadonlyArray<Recipe>, task = "text-generation"): Model => ({
  repoId,
  modelName: repoId.slice(repoId.indexOf("/") + 1),
  authorName: repoId.slice(0, repoId.indexOf("/")),
  license: "Apache 2.0",
  task,
  createdAt: "2026-01-01T00:00:00.000Z",
  recipes: recipes.map((recipe) => ({ ggufFile: null, revision: null, ...recipe }))
})

/** The default content. @category constants @since 0.2.0 */
export const models: ReadonlyArray<Model> = [
  model("org/model", [
    { publicId: "simulated-soup-1", accelerator: "gpu", engineType: "vllm" },
    { publicId: "simulated-soup-2", accelerator: "gpu", engineType: "sglang" },
    { publicId: "simulated-soup-3", accelerator: "cpu", engineType: "llamacpp", ggufFile: "model-Q4_K_M.gguf" }
  ]),
  model("org/embedder", [
    { publicId: "simulated-stew-1", accelerator: "cpu", engineType: "tei" }
  ], "sentence-embeddings")
]

/** Images by the engine of a recipe. */
const images: Readonly<Record<string, string>> = { vllm: "vLLM", sglang: "sGLang", tei: "tei", llamacpp: "llamacpp" }

/**
 * The models that match a query.
 *
 * @category routes
 * @since 0.2.0
 */
export const list = (models: ReadonlyArray<Model>, query: URLSearchParams): ReadonlyArray<Model> => {
  const asked = (name: string, value: string): boolean => (query.get(name) ?? value) === value
  return models.filter((model) =>
    asked("license", model.license) && asked("task", model.task) &&
    model.repoId.toLowerCase().includes((query.get("search") ?? "").toLowerCase()) &&
    model.recipes.some(({ accelerator, engineType }) =>
      asked("accelerator", accelerator) && asked("engine", engineType)
    )
  ).slice(0, Number(query.get("limit") ?? models.length))
}

/**
 * The definition of the endpoint that a recipe makes, `undefined` if there is none.
 *
 * @category routes
 * @since 0.2.0
 */
export const definition = (
  models: ReadonlyArray<Model>,
  path: string,
  body: Readonly<Record<string, unknown>>
): Readonly<Record<string, unknown>> | undefined => {
  const [, kind, id = ""] = /^\/(model|recipe)\/(.+)\/deploy$/.exec(path) ?? []
  for (const { recipes, repoId, task } of models) {
    const recipe = recipes.find((recipe) =>
      kind === "recipe"
        ? recipe.publicId === id
        : repoId === id && (body.accelerator ?? recipe.accelerator) === recipe.accelerator &&
          (body.ggufFile ?? recipe.ggufFile ?? undefined) === (recipe.ggufFile ?? undefined)
    )
    if (recipe === undefined) continue
    const gpu = recipe.accelerator === "gpu"
    return {
      type: "private",
      provider: { vendor: "aws", region: "us-east-1" },
      compute: {
        accelerator: recipe.accelerator,
        instanceType: gpu ? "nvidia-l4" : "intel-spr",
        instanceSize: "x1",
        scaling: { minReplica: 0, maxReplica: 1, scaleToZeroTimeout: 15 }
      },
      model: {
        repository: repoId,
        framework: recipe.engineType === "llamacpp" ? "llamacpp" : "pytorch",
        task,
        image: { [images[recipe.engineType] ?? "custom"]: {} },
        fromCatalog: true
      }
    }
  }
  return undefined
}
