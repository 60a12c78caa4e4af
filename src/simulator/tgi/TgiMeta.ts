/**
 * The routes of TGI that describe or measure it, and those that only tokenize.
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
      sha: "0000000000000000000000000000000000000000",
      docker_label: "simulator"
    })
  )
}

/** `/docs`, a page, with a redirect from the bare path. @category routes @since 0.2.0 */
export const docs = (): Reply.Reply => ({
  ...Reply.text(200, "<!DOCTYPE html><title>Swagger UI</title>"),
  headers: { "content-type": "text/html" }
})

/** The redirect from `/docs`. @category routes @since 0.2.0 */
export const toDocs = (): Reply.Reply => Reply.empty(303, { location: "/docs/" })

/** `/api-doc/openapi.json`: the head of the document. @category routes @since 0.2.0 */
export const openApi = ({ settings }: Turn): Reply.Reply =>
  Reply.json(
    200,
    JSON.stringify({
      openapi: "3.0.3",
      info: { title: "Text Generation Inference", description: "", version: settings.version },
      paths: {}
    })
  )

/** `/v1/models`. @category routes @since 0.1.0 */
export const models = ({ settings }: Turn): Reply.Reply =>
  Reply.json(
    200,
    JSON.stringify({
      object: "list",
      data: [{ id: settings.modelId, object: "model", created: 0, owned_by: settings.modelId }]
    })
  )

/** The families of a router that generated: those per phase of a batch, and those per request. */
const batchFamilies = ["filter_duration", "forward_duration", "inference_duration", "decode_duration"]
const requestFamilies = [
  "duration",
  "inference_duration",
  "queue_duration",
  "validation_duration",
  "mean_time_per_token_duration",
  "input_length",
  "max_new_tokens"
]

const histogram = (name: string, labels: string, count: number, sum: number): ReadonlyArray<string> => {
  const set = labels === "" ? "" : `{${labels}}`
  return [
    `${name}_bucket{${labels === "" ? "" : `${labels},`}le="+Inf"} ${count}`,
    `${name}_sum${set} ${sum}`,
    `${name}_count${set} ${count}`
  ]
}

const family = (name: string, kind: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [`# TYPE ${name} ${kind}`, ...lines, ""]

/**
 * `/metrics`, in the Prometheus text format: empty before the first request. Durations are 0, since nothing takes time
 * here.
 *
 * @category routes
 * @since 0.1.0
 */
export const metrics = ({ counters: { failures, requests, succeeded, tokens }, running }: Turn): Reply.Reply => {
  if (requests === 0) return Reply.text(200, "")
  const methods = [["prefill", succeeded], ["decode", Math.max(0, tokens - succeeded)]] as const
  const perMethod = (name: string) => methods.map(([method, count]) => `${name}{method="${method}"} ${count}`)
  const lines = [
    ...family(
      "tgi_request_failure",
      "counter",
      [...failures].map(([kind, count]) => `tgi_request_failure{err="${kind}"} ${count}`)
    ),
    ...family("tgi_request_count", "counter", [`tgi_request_count ${requests}`]),
    ...family("tgi_request_success", "counter", [`tgi_request_success ${succeeded}`]),
    ...["count", "success"].flatMap((what) =>
      family(`tgi_batch_inference_${what}`, "counter", perMethod(`tgi_batch_inference_${what}`))
    ),
    ...family("tgi_batch_current_size", "gauge", [`tgi_batch_current_size ${running()}`]),
    ...["tgi_queue_size", "tgi_batch_current_max_tokens"].flatMap((name) => family(name, "gauge", [`${name} 0`])),
    ...batchFamilies.flatMap((name) =>
      family(
        `tgi_batch_${name}`,
        "histogram",
        methods.flatMap(([method, count]) => histogram(`tgi_batch_${name}`, `method="${method}"`, count, 0))
      )
    ),
    ...family("tgi_batch_next_size", "histogram", histogram("tgi_batch_next_size", "", succeeded, succeeded)),
    ...requestFamilies.flatMap((name) =>
      family(`tgi_request_${name}`, "histogram", histogram(`tgi_request_${name}`, "", succeeded, 0))
    ),
    ...family("tgi_request_skipped_tokens", "summary", [
      "tgi_request_skipped_tokens_sum 0",
      `tgi_request_skipped_tokens_count ${tokens}`
    ]),
    ...family(
      "tgi_request_generated_tokens",
      "histogram",
      histogram("tgi_request_generated_tokens", "", succeeded, tokens)
    )
  ]
  return Reply.text(200, lines.join("\n"))
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
