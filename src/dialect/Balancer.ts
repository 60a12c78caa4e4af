/**
 * What a load balancer in front of an engine silently drops from a body. Seen with sglang-router 0.3.2 and vllm-router
 * 0.1.17 in front of workers that recorded what reached them.
 *
 * @since 0.2.0
 */
import type { Balancer } from "../endpoint/address/Engine.ts"
import type { GenerationOptions, Issue } from "../GenerationOptions.ts"
import type { Call } from "./Dialect.ts"

/** The fields of a chat that sglang-router passes on; it drops every other. */
const sglangChat = new Set([
  "chat_template_kwargs",
  "continue_final_message",
  "ebnf",
  "frequency_penalty",
  "ignore_eos",
  "logit_bias",
  "logprobs",
  "lora_path",
  "max_completion_tokens",
  "max_tokens",
  "messages",
  "metadata",
  "min_p",
  "min_tokens",
  "model",
  "n",
  "no_stop_trim",
  "parallel_tool_calls",
  "presence_penalty",
  "reasoning_effort",
  "regex",
  "repetition_penalty",
  "response_format",
  "return_hidden_states",
  "seed",
  "separate_reasoning",
  "service_tier",
  "session_params",
  "skip_special_tokens",
  "stop",
  "stop_token_ids",
  "stream",
  "stream_options",
  "stream_reasoning",
  "temperature",
  "tool_choice",
  "tools",
  "top_k",
  "top_logprobs",
  "top_p"
])

/** The options by the dropped field that they become. */
const optionOf: Readonly<Record<string, string>> = {
  truncate_prompt_tokens: "truncate",
  add_generation_prompt: "continueFinalMessage",
  structured_outputs: "structuredOutput"
}

const dropping = (balancer: Balancer, field: string): Issue => ({
  path: [optionOf[field] ?? "extra", ...(optionOf[field] === undefined ? [field] : [])],
  message: `${field} is dropped by ${balancer} on /v1/chat/completions and does not reach the engine: ` +
    "give the address of the engine itself, or send a rendered prompt"
})

const thoughts = (balancer: Balancer, name: string): Issue => ({
  path: ["messages", name],
  message: `\`${name}\` of messages is dropped by ${balancer}: the model does not see its earlier thoughts`
})

const isForced = ({ toolChoice }: GenerationOptions) => toolChoice === "required" || typeof toolChoice === "object"

/**
 * The parts of a body that do not reach the engine.
 *
 * @category validation
 * @since 0.2.0
 */
export const dropped = (
  balancer: Balancer,
  call: Call,
  options: GenerationOptions
): ReadonlyArray<Issue> => {
  if (call.route !== "chat") return []
  const { messages } = call.body
  const holds = (name: string) => messages.some((message) => Object.hasOwn(message, name))
  if (balancer === "vllm-router") {
    return [
      ...(isForced(options) && (options.tools?.length ?? 0) > 0
        ? [{
          path: ["toolChoice"],
          message:
            "`strict` of a tool is dropped by vllm-router, so that the arguments of a forced call may be any JSON: " +
            "give the address of the engine itself, or ask for the arguments as structured output"
        }]
        : []),
      ...(holds("reasoning_content") ? [thoughts(balancer, "reasoning_content")] : [])
    ]
  }
  return [
    ...Object.keys(call.body).filter((field) => !sglangChat.has(field)).map((field) => dropping(balancer, field)),
    ...(holds("reasoning") ? [thoughts(balancer, "reasoning")] : [])
  ]
}
