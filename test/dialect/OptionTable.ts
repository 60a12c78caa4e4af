import type * as GenerationOptions from "../../src/GenerationOptions.ts"

/** What goes over the wire for an option, or what becomes of it instead. */
export type Fate = Readonly<Record<string, unknown>> | "ignored" | "refused"

/** A value, and its fate on each engine and route. */
export interface Row {
  readonly option: GenerationOptions.Name
  readonly value: unknown
  readonly fates: readonly [
    tgiGenerate: Fate,
    tgiChat: Fate,
    vllmChat: Fate,
    vllmCompletion: Fate,
    sglangChat: Fate,
    sglangCompletion: Fate,
    llamacppChat: Fate,
    llamacppCompletion: Fate,
    hfServeChat: Fate,
    transformersChat: Fate,
    transformersCompletion: Fate,
    openaiChat: Fate,
    openaiCompletion: Fate
  ]
}

export const columns = [
  ["tgi", "generate"],
  ["tgi", "chat"],
  ["vllm", "chat"],
  ["vllm", "completion"],
  ["sglang", "chat"],
  ["sglang", "completion"],
  ["llamacpp", "chat"],
  ["llamacpp", "completion"],
  ["hf-serve", "chat"],
  ["transformers", "chat"],
  ["transformers", "completion"],
  ["openai", "chat"],
  ["openai", "completion"]
] as const

const on = (fate: Fate): Row["fates"] => [fate, fate, fate, fate, fate, fate, fate, fate, fate, fate, fate, fate, fate]
const nothing = {}
const tool = { name: "f", description: "d", parameters: { type: "object", properties: {} } }
const wireTools = { tools: [{ type: "function", function: tool }] }
const tokens: Fate = { max_tokens: 9 }
const greedy: Fate = { temperature: 0 }
const listed: Fate = { logprobs: true, top_logprobs: 3 }

const topThree: Row["fates"] = [
  { "top_n_tokens": 3 },
  listed,
  listed,
  { "logprobs": 3 },
  listed,
  { "logprobs": 3 },
  listed,
  { "logprobs": 3 },
  "ignored",
  "ignored",
  "ignored",
  listed,
  { "logprobs": 3 }
]

/** The table of the engines, row by row; a value that means "off" must be possible everywhere. */
export const rows: ReadonlyArray<Row> = [
  {
    option: "maxNewTokens",
    value: 9,
    fates: [
      { "max_new_tokens": 9 },
      tokens,
      tokens,
      tokens,
      tokens,
      tokens,
      tokens,
      tokens,
      tokens,
      tokens,
      tokens,
      tokens,
      tokens
    ]
  },
  {
    option: "temperature",
    value: 0.5,
    fates: [
      { "temperature": 0.5, "do_sample": true },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 },
      { "temperature": 0.5 }
    ]
  },
  {
    option: "temperature",
    value: 0,
    fates: [
      { "do_sample": false },
      greedy,
      greedy,
      greedy,
      greedy,
      greedy,
      greedy,
      greedy,
      nothing,
      greedy,
      greedy,
      greedy,
      greedy
    ]
  },
  { option: "topP", value: 0.9, fates: on({ "top_p": 0.9 }) },
  {
    option: "topP",
    value: 1,
    fates: [
      nothing,
      nothing,
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 },
      { "top_p": 1 }
    ]
  },
  {
    option: "topK",
    value: 40,
    fates: [
      { "top_k": 40 },
      "ignored",
      { "top_k": 40 },
      { "top_k": 40 },
      { "top_k": 40 },
      { "top_k": 40 },
      { "top_k": 40 },
      { "top_k": 40 },
      "ignored",
      "refused",
      "refused",
      "ignored",
      "ignored"
    ]
  },
  {
    option: "topK",
    value: 0,
    fates: [
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      { "top_k": 0 },
      { "top_k": 0 },
      nothing,
      nothing,
      nothing,
      nothing,
      nothing
    ]
  },
  {
    option: "minP",
    value: 0.1,
    fates: [
      "ignored",
      "ignored",
      { "min_p": 0.1 },
      { "min_p": 0.1 },
      { "min_p": 0.1 },
      { "min_p": 0.1 },
      { "min_p": 0.1 },
      { "min_p": 0.1 },
      "ignored",
      "refused",
      "refused",
      "ignored",
      "ignored"
    ]
  },
  {
    option: "minP",
    value: 0,
    fates: [
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      { "min_p": 0 },
      { "min_p": 0 },
      nothing,
      nothing,
      nothing,
      nothing,
      nothing
    ]
  },
  {
    option: "typicalP",
    value: 0.9,
    fates: [
      { "typical_p": 0.9 },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      { "typical_p": 0.9 },
      { "typical_p": 0.9 },
      "ignored",
      "refused",
      "refused",
      "ignored",
      "ignored"
    ]
  },
  { option: "typicalP", value: 1, fates: on(nothing) },
  {
    option: "repetitionPenalty",
    value: 1.25,
    fates: [
      { "repetition_penalty": 1.25 },
      { "presence_penalty": -0.75 },
      { "repetition_penalty": 1.25 },
      { "repetition_penalty": 1.25 },
      { "repetition_penalty": 1.25 },
      { "repetition_penalty": 1.25 },
      { "repeat_penalty": 1.25 },
      { "repeat_penalty": 1.25 },
      "ignored",
      "refused",
      "refused",
      "ignored",
      "ignored"
    ]
  },
  { option: "repetitionPenalty", value: 1, fates: on(nothing) },
  {
    option: "frequencyPenalty",
    value: 0.5,
    fates: [
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      "ignored",
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 },
      { "frequency_penalty": 0.5 }
    ]
  },
  { option: "frequencyPenalty", value: 0, fates: on(nothing) },
  {
    option: "presencePenalty",
    value: 0.5,
    fates: [
      "ignored",
      "refused",
      { "presence_penalty": 0.5 },
      { "presence_penalty": 0.5 },
      { "presence_penalty": 0.5 },
      { "presence_penalty": 0.5 },
      { "presence_penalty": 0.5 },
      { "presence_penalty": 0.5 },
      "ignored",
      "ignored",
      "ignored",
      { "presence_penalty": 0.5 },
      { "presence_penalty": 0.5 }
    ]
  },
  { option: "presencePenalty", value: 0, fates: on(nothing) },
  {
    option: "logitBias",
    value: { "5": 1 },
    fates: [
      "ignored",
      "refused",
      { "logit_bias": { "5": 1 } },
      { "logit_bias": { "5": 1 } },
      { "logit_bias": { "5": 1 } },
      { "logit_bias": { "5": 1 } },
      { "logit_bias": { "5": 1 } },
      { "logit_bias": { "5": 1 } },
      "ignored",
      "refused",
      "refused",
      { "logit_bias": { "5": 1 } },
      { "logit_bias": { "5": 1 } }
    ]
  },
  { option: "seed", value: 7, fates: on({ "seed": 7 }) },
  {
    option: "stopSequences",
    value: ["\n"],
    fates: [
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      "ignored",
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] },
      { "stop": ["\n"] }
    ]
  },
  { option: "stopSequences", value: [], fates: on(nothing) },
  {
    option: "doSample",
    value: false,
    fates: [
      { "do_sample": false },
      greedy,
      greedy,
      greedy,
      greedy,
      greedy,
      greedy,
      greedy,
      nothing,
      greedy,
      greedy,
      greedy,
      greedy
    ]
  },
  {
    option: "doSample",
    value: true,
    fates: [
      { "do_sample": true },
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      { "temperature": 1.0001 },
      nothing,
      nothing,
      nothing,
      nothing
    ]
  },
  {
    option: "returnFullText",
    value: true,
    fates: [
      { "return_full_text": true },
      "ignored",
      "ignored",
      { "echo": true },
      "ignored",
      { "echo": true },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      { "echo": true }
    ]
  },
  {
    option: "returnFullText",
    value: false,
    fates: [
      { "return_full_text": false },
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing,
      nothing
    ]
  },
  {
    option: "watermark",
    value: true,
    fates: [
      { "watermark": true },
      "ignored",
      "ignored",
      "ignored",
      "refused",
      "refused",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored"
    ]
  },
  {
    option: "truncate",
    value: 100,
    fates: [
      { "truncate": 100 },
      "ignored",
      { "truncate_prompt_tokens": 100 },
      { "truncate_prompt_tokens": 100 },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "refused",
      "refused",
      "ignored",
      "ignored"
    ]
  },
  {
    option: "bestOf",
    value: 2,
    fates: [
      { "best_of": 2 },
      "ignored",
      "ignored",
      "refused",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored"
    ]
  },
  { option: "bestOf", value: 1, fates: on(nothing) },
  {
    option: "topNTokens",
    value: 3,
    fates: topThree
  },
  { option: "topNTokens", value: 0, fates: on(nothing) },
  {
    option: "decoderInputDetails",
    value: true,
    fates: [
      { "decoder_input_details": true },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored"
    ]
  },
  {
    option: "adapterId",
    value: "lora",
    fates: [
      { "adapter_id": "lora" },
      { "model": "lora" },
      { "model": "lora" },
      { "model": "lora" },
      { "model": "served:lora" },
      { "model": "served:lora" },
      "ignored",
      "ignored",
      "ignored",
      { "model": "lora" },
      { "model": "lora" },
      { "model": "lora" },
      { "model": "lora" }
    ]
  },
  {
    option: "logprobs",
    value: true,
    fates: [
      nothing,
      { "logprobs": true },
      { "logprobs": true },
      { "logprobs": 1 },
      { "logprobs": true },
      { "logprobs": 1 },
      { "logprobs": true },
      { "logprobs": 1 },
      "ignored",
      "ignored",
      "ignored",
      { "logprobs": true },
      { "logprobs": 1 }
    ]
  },
  { option: "logprobs", value: false, fates: on(nothing) },
  {
    option: "topLogprobs",
    value: 3,
    fates: topThree
  },
  {
    option: "tools",
    value: [tool],
    fates: [
      "ignored",
      wireTools,
      wireTools,
      "ignored",
      wireTools,
      "ignored",
      wireTools,
      "ignored",
      wireTools,
      wireTools,
      "ignored",
      wireTools,
      "ignored"
    ]
  },
  {
    option: "toolChoice",
    value: "required",
    fates: [
      "ignored",
      { "tool_choice": "required" },
      { "tool_choice": "required" },
      "ignored",
      { "tool_choice": "required" },
      "ignored",
      { "tool_choice": "required" },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      { "tool_choice": "required" },
      "ignored"
    ]
  },
  {
    option: "toolChoice",
    value: { "name": "f" },
    fates: [
      "ignored",
      { "tool_choice": { "type": "function", "function": { "name": "f" } } },
      { "tool_choice": { "type": "function", "function": { "name": "f" } } },
      "ignored",
      { "tool_choice": { "type": "function", "function": { "name": "f" } } },
      "ignored",
      { "tool_choice": "required" },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      { "tool_choice": { "type": "function", "function": { "name": "f" } } },
      "ignored"
    ]
  },
  {
    option: "toolPrompt",
    value: "p",
    fates: [
      "ignored",
      { "tool_prompt": "p" },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      "ignored"
    ]
  },
  {
    option: "parallelToolCalls",
    value: true,
    fates: [
      "ignored",
      "ignored",
      { "parallel_tool_calls": true },
      "ignored",
      { "parallel_tool_calls": true },
      "ignored",
      { "parallel_tool_calls": true },
      "ignored",
      nothing,
      nothing,
      "ignored",
      { "parallel_tool_calls": true },
      "ignored"
    ]
  },
  {
    option: "continueFinalMessage",
    value: true, // rendered here the prompt ends in the message; TGI and llama.cpp go on with a last assistant message by themselves
    fates: [
      nothing,
      nothing,
      { "continue_final_message": true, "add_generation_prompt": false },
      nothing,
      { "continue_final_message": true },
      nothing,
      nothing,
      nothing,
      "refused",
      "ignored",
      nothing,
      "ignored",
      nothing
    ]
  },
  { option: "continueFinalMessage", value: false, fates: on(nothing) },
  {
    option: "templateVariables",
    value: { "enable_thinking": false },
    fates: [
      nothing,
      "ignored",
      { "chat_template_kwargs": { "enable_thinking": false } },
      nothing,
      { "chat_template_kwargs": { "enable_thinking": false } },
      nothing,
      { "chat_template_kwargs": { "enable_thinking": false } },
      nothing,
      "ignored",
      { "chat_template_kwargs": { "enable_thinking": false } },
      nothing,
      "ignored",
      nothing
    ]
  },
  {
    option: "reasoningEffort",
    value: "low",
    fates: [
      "ignored",
      "ignored",
      { "reasoning_effort": "low" },
      "ignored",
      { "reasoning_effort": "low" },
      "ignored",
      { "reasoning_effort": "low" },
      "ignored",
      "ignored",
      "ignored",
      "ignored",
      { "reasoning_effort": "low" },
      "ignored"
    ]
  },
  {
    option: "thinkingBudget",
    value: 5,
    fates: [
      nothing,
      "refused",
      { "thinking_token_budget": 5 },
      nothing,
      "refused",
      nothing,
      { "thinking_budget_tokens": 5 },
      nothing,
      "refused",
      "refused",
      nothing,
      "refused",
      nothing
    ]
  },
  { option: "extra", value: { "own": 1 }, fates: on({ "own": 1 }) }
]
