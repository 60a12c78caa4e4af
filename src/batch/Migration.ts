/**
 * A pipeline of distilabel → a configuration and the batch command for each of its steps that uses
 * `InferenceEndpointsLLM`, with what the original actually sent for each option.
 *
 * The original is distilabel 1.5: an LLM with a tokenizer uses TGI's completion route, one without uses the chat route,
 * and each route silently leaves out some options.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import * as LLMConfig from "../LLMConfig.ts"
import * as BatchError from "./BatchError.ts"
import { isRecord } from "./rows/Row.ts"

/**
 * What happened to an option in the original: it was sent, silently dropped, cut, or made the original yield nothing.
 *
 * @category models
 * @since 0.2.0
 */
export interface Note {
  readonly option: string
  readonly fate: "sent" | "dropped" | "cut" | "broken"
  readonly message: string
}

/**
 * A step of the pipeline as a batch.
 *
 * @category models
 * @since 0.2.0
 */
export interface Migrated {
  readonly step: string
  readonly config: LLMConfig.LLMConfig
  /**
   * The arguments of the `inference-endpoints` command; `<input>` stands for what the pipeline reads, if it does not
   * say.
   */
  readonly command: ReadonlyArray<string>
  readonly notes: ReadonlyArray<Note>
}

type Json = Readonly<Record<string, unknown>>

const recordOf = (value: unknown): Json => isRecord(value) ? value : {}

const textOf = (value: unknown): string | undefined => typeof value === "string" && value !== "" ? value : undefined

const classOf = (value: unknown): string | undefined => textOf(recordOf(recordOf(value).type_info).name)

const CLASS = "InferenceEndpointsLLM"

interface Step {
  readonly name: string
  readonly kind: string
  readonly fields: Json
}

/** The steps of a pipeline, in its order. */
const stepsOf = (dump: unknown): ReadonlyArray<Step> => {
  const { steps } = recordOf(recordOf(dump).pipeline)
  return (Array.isArray(steps) ? steps : []).flatMap((entry) => {
    const fields = recordOf(recordOf(entry).step)
    return [{
      name: textOf(recordOf(entry).name) ?? textOf(fields.name) ?? "step",
      kind: classOf(fields) ?? "",
      fields
    }]
  })
}

/** What each route of the original leaves out. */
const chatDrops = new Set([
  "repetition_penalty",
  "top_k",
  "typical_p",
  "do_sample",
  "return_full_text",
  "watermark",
  "top_n_tokens"
])
const completionDrops = new Set([
  "logit_bias",
  "logprobs",
  "presence_penalty",
  "tools",
  "tool_choice",
  "tool_prompt",
  "top_logprobs",
  "top_n_tokens"
])

const MOST_STOPS = 4

/** Python's default for an option, which expresses no intent. */
const isDefault = (value: unknown): boolean => value === null || value === false

const optionNotes = (llm: Json): ReadonlyArray<Note> => {
  const options = recordOf(llm.generation_kwargs)
  const spec = isRecord(llm.structured_output)
  const asksCompletion = textOf(llm.tokenizer_id) !== undefined || (spec && textOf(llm.model_id) !== undefined)
  const route = asksCompletion ? "the completion route" : "the chat route"
  const drops = asksCompletion ? completionDrops : chatDrops
  return Object.entries(options).flatMap(([option, value]): ReadonlyArray<Note> => {
    if (isDefault(value)) return []
    if (drops.has(option)) {
      return [{ option, fate: "dropped", message: `${route} of the original does not send it; here it is sent` }]
    }
    if (option === "stop_sequences" && Array.isArray(value) && value.length > MOST_STOPS) {
      return [{
        option,
        fate: "cut",
        message: `the original sends the first ${MOST_STOPS} of ${value.length}; so does this configuration`
      }]
    }
    if (option === "temperature" && value === 1 && asksCompletion && options.do_sample !== true) {
      return [{
        option,
        fate: "sent",
        message: "at exactly 1 without do_sample, TGI is greedy; the configuration says doSample: false"
      }]
    }
    return [{ option, fate: "sent", message: option === "seed" ? "to every generation alike" : `on ${route}` }]
  })
}

const LOST =
  "huggingface_hub 2 has no `stop_sequences` in `text_generation`, so that the original yields None for every row"

const llmNotes = (llm: Json): ReadonlyArray<Note> => {
  const spec = recordOf(llm.structured_output)
  const hasSpec = isRecord(llm.structured_output)
  const hasModel = textOf(llm.model_id) !== undefined
  const hasTokenizer = textOf(llm.tokenizer_id) !== undefined
  return [
    ...(hasModel
      ? [
        {
          option: "model_id",
          fate: "broken",
          message:
            "huggingface_hub 2 has no `get_model_status`, so that the original does not load; here the router serves it"
        } as const
      ]
      : []),
    ...(hasSpec && !hasModel && !hasTokenizer
      ? [
        {
          option: "structured_output",
          fate: "dropped",
          message:
            "without a tokenizer the original uses the chat route, to which it sends no grammar; here the grammar is enforced"
        } as const
      ]
      : hasSpec
      ? [
        {
          option: "structured_output",
          fate: "broken",
          message: `${LOST}; here it is sent as the engine reads it`
        } as const
      ]
      : []),
    ...(hasSpec && spec.whitespace_pattern !== undefined && spec.whitespace_pattern !== null
      ? [
        {
          option: "whitespace_pattern",
          fate: "dropped",
          message: "no engine lets a client choose the whitespace"
        } as const
      ]
      : []),
    ...(llm.use_magpie_template === true
      ? [{ option: "use_magpie_template", fate: "broken", message: `${LOST}; here it generates` } as const]
      : hasTokenizer && !hasSpec
      ? [{ option: "tokenizer_id", fate: "broken", message: `${LOST}; here prompts are rendered and sent` } as const]
      : []),
    ...optionNotes(llm)
  ]
}

/** The loader of the pipeline that reads a data set of the Hub. */
const loaderOf = (steps: ReadonlyArray<Step>) => {
  const loader = steps.find(({ kind }) => kind === "LoadDataFromHub")
  const repo = textOf(loader?.fields.repo_id)
  return repo === undefined ? undefined : { repo, split: textOf(loader?.fields.split) ?? "train" }
}

/** How the step makes a prompt from a row, as flags. */
const rowFlags = ({ fields, kind }: Step): ReadonlyArray<string> => {
  const mapped = recordOf(fields.input_mappings)
  const column = (name: string): string => textOf(mapped[name]) ?? name
  if (kind === "ChatGeneration" || kind.startsWith("Magpie")) return ["--messages", column("messages")]
  const template = textOf(fields.template)
  const simple = template === undefined || /^\{\{\s*instruction\s*\}\}$/.test(template)
  return simple ? ["--prompt", column("instruction")] : ["--template", template]
}

const options = (config: LLMConfig.LLMConfig): Json => {
  const { generationOptions = {}, numGenerations } = config
  return JSON.parse(
    JSON.stringify(
      { ...generationOptions, ...(numGenerations !== undefined && { numGenerations }) },
      (_key, value: unknown) => typeof value === "bigint" ? value.toString() : value
    )
  )
}

const named = (flag: string, value: string | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : [flag, value]

const commandOf = (step: Step, input: string, config: LLMConfig.LLMConfig): ReadonlyArray<string> => {
  const rest = options(config)
  const spec = config.structuredOutput
  const written = spec === undefined
    ? []
    : spec.format === "regex"
    ? ["--regex", spec.schema]
    : ["--schema", `${step.name}.schema.json`]
  return [
    "batch",
    "run",
    input,
    "-o",
    `${step.name}.jsonl`,
    ...named("--model", config.modelId),
    ...named("--endpoint", config.endpointName),
    ...named("--namespace", config.endpointNamespace),
    ...named("--base-url", config.baseUrl),
    ...named("--tokenizer", config.tokenizerId),
    ...(config.useMagpieTemplate === true ? named("--magpie", config.magpiePreQueryTemplate) : []),
    ...rowFlags(step),
    ...(Object.keys(rest).length === 0 ? [] : ["--options", JSON.stringify(rest)]),
    ...written,
    "--rows",
    "distilabel",
    "--keep-all",
    ...(step.fields.group_generations === true ? [] : ["--per-generation"])
  ]
}

const stepNotes = (step: Step, input: string): ReadonlyArray<Note> => {
  const { fields, kind } = step
  return [
    ...(textOf(fields.system_prompt) === undefined ? [] : [
      {
        option: "system_prompt",
        fate: "sent",
        message: "the same for every row; here it is a column: add it to the rows and name it with --system"
      } as const
    ]),
    ...(kind.startsWith("Magpie")
      ? [
        {
          option: kind,
          fate: "broken",
          message:
            "there, rows come from nothing; here, each row of the input makes one, with the messages that it begins with (maybe none)"
        } as const
      ]
      : []),
    ...(input === "<input>"
      ? [
        {
          option: "input",
          fate: "dropped",
          message: "the pipeline does not say what it reads: put a file for <input>"
        } as const
      ]
      : [])
  ]
}

const refused = (problem: string) => BatchError.make(new BatchError.InvalidOptions({ problems: [problem] }))

/**
 * Reads a dump of a pipeline (`pipeline.yaml`), or of one LLM. Fails when the text is not one, when nothing in it uses
 * `InferenceEndpointsLLM`, or when an option is not known, since dropping it would change what is generated.
 *
 * @category running
 * @since 0.2.0
 */
export const migrate = Effect.fnUntraced(function*(
  text: string
): Effect.fn.Return<ReadonlyArray<Migrated>, BatchError.BatchError | EndpointError> {
  const dump: unknown = yield* Effect.try({
    try: () => Yaml.parse(text),
    catch: (error) => refused(`the pipeline is not valid YAML: ${String(error)}`)
  })
  const steps = stepsOf(dump)
  const asking = steps.length === 0
    ? [{ name: "responses", kind: "", fields: { llm: dump } satisfies Json }]
    : steps.filter(({ fields }) => classOf(fields.llm) === CLASS)
  if (asking.length === 0) {
    return yield* refused(
      `no step of the pipeline uses ${CLASS}: its steps are ${steps.map(({ kind }) => kind).join(", ")}`
    )
  }
  const loader = loaderOf(steps)
  const input = loader === undefined ? "<input>" : `hf://datasets/${loader.repo}`
  const migrated: Array<Migrated> = []
  for (const [at, step] of asking.entries()) {
    const llm = recordOf(step.fields.llm)
    const several = step.fields.num_generations
    const config = yield* LLMConfig.decodePython({
      ...llm,
      generation_kwargs: {
        ...recordOf(llm.generation_kwargs),
        ...(typeof several === "number" && several > 1 && { num_generations: several })
      }
    })
    const reads = at === 0 ? input : `${asking[at - 1]?.name ?? ""}.jsonl.distilabel.jsonl`
    migrated.push({
      step: step.name,
      config,
      command: commandOf(step, reads, config),
      notes: [
        ...(at === 0 && loader !== undefined && loader.split !== "train"
          ? [
            {
              option: "split",
              fate: "sent",
              message: `a batch reads the split train; name the files of ${loader.split} below ${input} instead`
            } as const
          ]
          : []),
        ...stepNotes(step, reads),
        ...llmNotes(llm)
      ]
    })
  }
  return migrated
})

const quoted = (word: string): string => /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`

/**
 * A command as a line for a shell.
 *
 * @category conversions
 * @since 0.2.0
 */
export const line = ({ command }: Pick<Migrated, "command">, program = "inference-endpoints"): string =>
  [program, ...command.map(quoted)].join(" ")
