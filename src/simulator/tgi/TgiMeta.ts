/**
 * The routes of TGI that describe it or measure it, and those that only tokenise.
 *
 * @since 0.1.0
 */
import * as Options from "../model/Options.ts"
import * as Tokenizer from "../model/Tokenizer.ts"
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import type { ChatRequest } from "./ChatRequest.ts"
import * as TgiChatJob from "./TgiChatJob.ts"
import * as TgiReply from "./TgiReply.ts"

/**
 * `/info`. Versions before 2.1 call the input limit `max_input_length`, and before 2.3 more of the launch settings show.
 *
 * @category routes
 * @since 0.1.0
 */
export const info = ({ settings }: Turn): Reply.Reply => {
  const older = !Options.since(settings, 2, 3)
  return Reply.json(
    200,
    JSON.stringify({
      model_id: settings.modelId,
      model_sha: null,
      ...(older && { model_dtype: "torch.float16", model_device_type: "simulated" }),
      model_pipeline_tag: settings.pipelineTag,
      max_concurrent_requests: settings.maxConcurrentRequests,
      max_best_of: settings.maxBestOf,
      max_stop_sequences: settings.maxStopSequences,
      [Options.since(settings, 2, 1) ? "max_input_tokens" : "max_input_length"]: settings.maxInputTokens,
      max_total_tokens: settings.maxTotalTokens,
      ...(older && {
        waiting_served_ratio: 1.2,
        max_batch_total_tokens: settings.maxTotalTokens * 4,
        max_waiting_tokens: 20,
        max_batch_size: null
      }),
      validation_workers: settings.validationWorkers,
      max_client_batch_size: settings.maxClientBatchSize,
      ...(!older && { router: "text-generation-router" }),
      version: settings.version,
      sha: null,
      docker_label: "simulator"
    })
  )
}

/** `/v1/models`. @category routes @since 0.1.0 */
export const models = ({ settings }: Turn): Reply.Reply =>
  Reply.json(
    200,
    JSON.stringify({
      object: "list",
      data: [{ id: settings.modelId, object: "model", created: 0, owned_by: settings.modelId }]
    })
  )

/** `/metrics`, in Prometheus' text format. @category routes @since 0.1.0 */
export const metrics = ({ counters }: Turn): Reply.Reply => {
  const lines = [
    "# TYPE tgi_request_count counter",
    `tgi_request_count ${counters.requests}`,
    "# TYPE tgi_request_success counter",
    `tgi_request_success ${counters.succeeded}`,
    "# TYPE tgi_request_failure counter",
    ...[...counters.failures].map(([kind, count]) => `tgi_request_failure{err="${kind}"} ${count}`),
    "# TYPE tgi_queue_size gauge",
    "tgi_queue_size 0",
    "# TYPE tgi_request_generated_tokens histogram",
    `tgi_request_generated_tokens_bucket{le="+Inf"} ${counters.succeeded}`,
    `tgi_request_generated_tokens_sum ${counters.tokens}`,
    `tgi_request_generated_tokens_count ${counters.succeeded}`
  ]
  return Reply.text(200, `${lines.join("\n")}\n`)
}

const pieces = (text: string, special: boolean): string => JSON.stringify(Tokenizer.encode(text, special))

/** `/tokenize`, with special tokens and offsets in UTF-8 bytes. @category routes @since 0.1.0 */
export const tokenize = (inputs: string): Reply.Reply => Reply.json(200, pieces(inputs, true))

/** `/chat_tokenize`: the rendered prompt and its tokens. @category routes @since 0.1.0 */
export const chatTokenize = (turn: Turn, request: ChatRequest): Reply.Reply => {
  const prepared = TgiChatJob.prepare(turn, request)
  if ("_tag" in prepared) return TgiReply.failed(prepared)
  const { prompt } = prepared
  return Reply.json(
    200,
    `{"tokenize_response":${pieces(prompt, false)},"templated_text":${JSON.stringify(prompt)}}`
  )
}
