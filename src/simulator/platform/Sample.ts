/**
 * A small Hugging Face to try a client on: one chat model, one embedder, one data set, two providers, and endpoints that
 * run, sleep and are paused. Any token belongs to the user `simulator`.
 *
 * @since 0.2.0
 */
import type * as EndpointsApi from "./EndpointsApi.ts"
import type * as Hub from "./Hub.ts"
import * as Images from "./Images.ts"
import type * as Lifecycle from "./Lifecycle.ts"
import type * as Router from "./Router.ts"

/** The user, and the namespace of everything. @category constants @since 0.2.0 */
export const namespace = "simulator"

/** The chat model. @category constants @since 0.2.0 */
export const model = `${namespace}/chat`

const commit = "5e".repeat(20)

const template =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

const card = (license: string, task: string): string =>
  `---\nlicense: ${license}\npipeline_tag: ${task}\n---\n\n# Simulated\n\nThere are no weights here.\n`

const repo = (
  task: string,
  files: Readonly<Record<string, unknown>>,
  info: Readonly<Record<string, unknown>> = {}
): Hub.Repo => ({
  commit,
  files: {
    "README.md": card("apache-2.0", task),
    ...Object.fromEntries(
      Object.entries(files).map(([path, content]) => [path, `${JSON.stringify(content, null, 2)}\n`])
    ),
    "model.safetensors": "simulated weights"
  },
  large: ["model.safetensors"],
  info: {
    pipeline_tag: task,
    tags: ["simulated", task],
    library_name: "transformers",
    inference: "warm",
    config: { tokenizer_config: { eos_token: "<|im_end|>" } },
    ...info
  }
})

/** The content of the Hub. @category constants @since 0.2.0 */
export const hub: Hub.Options = {
  everyone: { name: namespace },
  repos: {
    [model]: repo("text-generation", {
      "config.json": { model_type: "llama", architectures: ["LlamaForCausalLM"], vocab_size: 64 },
      "generation_config.json": { do_sample: true, temperature: 0.7 },
      "tokenizer_config.json": { chat_template: template, eos_token: "<|im_end|>", bos_token: null }
    }, {
      inferenceProviderMapping: {
        together: { status: "live", providerId: "together/chat", task: "conversational" },
        novita: { status: "live", providerId: "novita/chat", task: "conversational" }
      }
    }),
    [`${namespace}/embedder`]: repo("feature-extraction", { "config.json": { model_type: "bert" } })
  },
  datasets: {
    [`${namespace}/prompts`]: {
      files: {
        "README.md": card("apache-2.0", "text-generation"),
        "data/train.jsonl": Array.from(
          { length: 20 },
          (_, n) => `${JSON.stringify({ id: n, prompt: `What is ${n} and ${n + 1}?` })}\n`
        ).join("")
      }
    }
  }
}

const offer = (provider: string, price: number) => ({
  provider,
  context_length: 4096,
  pricing: { input: price, output: 2 * price },
  supports_tools: true,
  supports_structured_output: true
})

/** Who serves the chat model without an endpoint. @category constants @since 0.2.0 */
export const router: Router.Options = { models: { [model]: [offer("together", 0.2), offer("novita", 0.1)] } }

/**
 * Endpoints that run, sleep and are paused, on an engine. A start takes the given time, in milliseconds.
 *
 * @category constructors
 * @since 0.2.0
 */
export const endpoints = (engine: Images.Engine, start: number): EndpointsApi.Options => {
  const timing: Lifecycle.Options = { pending: start / 4, initializing: start * 3 / 4 }
  const definition = {
    model: { repository: model, framework: "pytorch", task: "text-generation", image: { [Images.of(engine)]: {} } }
  }
  return {
    created: () => timing,
    endpoints: {
      [`${namespace}/awake`]: { ...timing, definition },
      [`${namespace}/asleep`]: { ...timing, definition, state: "scaledToZero" },
      [`${namespace}/paused`]: { ...timing, definition, state: "paused" }
    }
  }
}
