/**
 * What SGLang reports about its options and its scheduler.
 *
 * @since 0.2.0
 */
import type { Turn } from "../../../model/Turn.ts"
import type * as Reply from "../../../wire/Reply.ts"
import * as SglangJson from "../SglangJson.ts"

/** The options of a server that its clients read, in its order; it has some five hundred more. */
const options = {
  model_path: "",
  tokenizer_path: "",
  tokenizer_mode: "auto",
  tokenizer_worker_num: 1,
  skip_tokenizer_init: false,
  load_format: "auto",
  trust_remote_code: false,
  context_length: 0,
  is_embedding: false,
  revision: null,
  model_impl: "auto",
  dtype: "auto",
  quantization: null,
  kv_cache_dtype: "auto",
  mem_fraction_static: 0.9,
  max_running_requests: null,
  max_queued_requests: null,
  max_total_tokens: null,
  chunked_prefill_size: 4096,
  max_prefill_tokens: 16384,
  schedule_policy: "fcfs",
  schedule_conservativeness: 1.0,
  page_size: 1,
  disable_radix_cache: false,
  tp_size: 1,
  pp_size: 1,
  dp_size: 1,
  device: "cpu",
  random_seed: 0,
  watchdog_timeout: 300,
  host: "0.0.0.0",
  port: 30000,
  api_key: null,
  served_model_name: "",
  weight_version: "default",
  chat_template: null,
  enable_cache_report: false,
  reasoning_parser: null,
  tool_call_parser: null,
  sampling_defaults: "model",
  preferred_sampling_params: null,
  allow_auto_truncate: false,
  stream_interval: 1,
  log_level: "info",
  log_requests: false,
  enable_metrics: false,
  decode_log_interval: 40,
  attention_backend: "torch_native",
  sampling_backend: "pytorch",
  grammar_backend: "xgrammar",
  speculative_algorithm: null,
  ep_size: 1,
  enable_lora: null,
  max_lora_rank: null,
  lora_paths: null,
  max_loras_per_batch: 8,
  disaggregation_mode: "null",
  enable_memory_saver: false,
  enable_custom_logit_processor: false,
  enable_return_hidden_states: false,
  enable_response_store: false
}

const graphs = {
  prefill: 0,
  decode: 0,
  target_verify: 0,
  draft_prefill: 0,
  draft_decode: 0,
  draft_extend: 0
}

const startup = { load_weight: 0.06, kv_cache_allocation: 0.73, scheduler_e2e: 2.77, cuda_graph: graphs }

const capacity = ({ settings }: Turn) => ({
  weight: 0,
  kvcache: 0,
  startup_available: 17.7,
  token_capacity: settings.maxTotalTokens,
  token_capacity_swa: null,
  graph: graphs
})

/** `GET /server_info`. @category answering @since 0.2.0 */
export const answer = (turn: Turn): Reply.Unary => {
  const { embeddings, maxTotalTokens, metrics, modelId, version } = turn.settings
  const started = {
    ...options,
    model_path: modelId,
    tokenizer_path: modelId,
    context_length: maxTotalTokens,
    max_total_tokens: maxTotalTokens,
    is_embedding: embeddings,
    served_model_name: modelId,
    enable_metrics: metrics
  }
  return SglangJson.ok({
    ...started,
    launch_command: `--model-path ${modelId}`,
    status: "ready",
    max_total_num_tokens: maxTotalTokens,
    max_req_input_len: maxTotalTokens - 6,
    startup_time: { ...startup, tokenizer_e2e: 43.5 },
    hicache_object_layout: {
      enabled: false,
      backend: null,
      page_size: 1,
      hicache_object_layout: { pools: [] },
      reason: "Hierarchical cache is disabled"
    },
    kv_events: null,
    internal_states: [{
      ...started,
      world_size: 1,
      startup_time: startup,
      effective_max_running_requests_per_dp: 2048,
      last_gen_throughput: 0,
      memory_usage: capacity(turn),
      decode_cuda_graph_bs: [],
      decode_cuda_graph_memory_gb: 0
    }],
    version,
    frontend: "python"
  })
}
