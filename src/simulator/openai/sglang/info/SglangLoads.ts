/**
 * `/v1/loads` of SGLang: the load of its scheduler, for balancers, as JSON or as Prometheus metrics.
 *
 * @since 0.2.0
 */
import type { Turn } from "../../../model/Turn.ts"
import * as Reply from "../../../wire/Reply.ts"
import * as SglangJson from "../SglangJson.ts"

const coreOf = ({ now, running, settings }: Turn): object => ({
  timestamp: now / 1000,
  dp_rank: 0,
  num_running_reqs: running(),
  num_waiting_reqs: 0,
  num_waiting_uncached_tokens: 0,
  num_used_tokens: 0,
  num_total_tokens: 0,
  num_active_tokens: 0,
  num_prealloc_ready_tokens: 0,
  max_total_num_tokens: settings.maxTotalTokens,
  max_running_requests: settings.maxConcurrentRequests,
  token_usage: 0,
  gen_throughput: 0,
  cache_hit_rate: 0,
  utilization: 0,
  total_prefill_uncached_tokens: 0,
  total_prefill_busy_us: 0
})

/** Sections of a load by the names that a query includes them with; their own names are the keys inside. */
const sectionsOf = ({ settings }: Turn): ReadonlyArray<readonly [include: string, name: string, section: object]> => [
  ["memory", "memory", { weight_gb: 0, kv_cache_gb: 0, graph_gb: 0, token_capacity: settings.maxTotalTokens }],
  ["disagg", "disaggregation", {
    mode: "null",
    prefill_bootstrap_queue_reqs: 0,
    prefill_inflight_queue_reqs: 0,
    decode_prealloc_queue_reqs: 0,
    decode_transfer_queue_reqs: 0,
    decode_retracted_queue_reqs: 0,
    kv_transfer_speed_gb_s: 0,
    kv_transfer_latency_ms: 0
  }],
  ["queues", "queues", { waiting: 0, grammar: 0, paused: 0, retracted: 0, prealloc_ready: 0 }]
]

const metric = (name: string, value: unknown): string =>
  typeof value === "number" ? `# TYPE sglang_${name} gauge\nsglang_${name}{dp_rank="0"} ${value}\n` : ""

const metrics = (core: object, sections: ReturnType<typeof sectionsOf>): string =>
  [
    ...Object.entries(core).filter(([name]) => name !== "dp_rank").map(([name, value]) => metric(name, value)),
    ...sections.flatMap(([include, , section]) =>
      Object.entries(section).map(([name, value]) => metric(`${include}_${name}`, value))
    )
  ].join("")

const known = new Set(["all", "core", "disagg", "lora", "memory", "queues", "spec"])

/** `GET /v1/loads`. @category answering @since 0.2.0 */
export const answer = (turn: Turn): Reply.Reply => {
  const query = new URLSearchParams(turn.request.path.split("?", 2)[1] ?? "")
  const include = query.get("include")?.split(",").map((name) => name.trim())
  const sections = sectionsOf(turn).filter(([name]) =>
    include === undefined || include.includes("all") || include.includes(name)
  )
  if (include?.every((name) => known.has(name)) === false) {
    return Reply.unary(
      500,
      { ...SglangJson.headers, "content-type": "text/plain; charset=utf-8" },
      "Internal Server Error"
    )
  }
  const core = coreOf(turn)
  if (query.get("format") === "prometheus") {
    return Reply.unary(
      200,
      { ...SglangJson.headers, "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      metrics(core, sections)
    )
  }
  return SglangJson.ok({
    timestamp: new Date(turn.now).toISOString().replace("Z", "000+00:00"),
    version: turn.settings.version,
    accelerator: null,
    num_accelerators: 1,
    loads: Number(query.get("dp_rank") ?? 0) !== 0 ? [] : [{
      ...core,
      // nothing is known about decoding before something was decoded
      decode_moments: turn.counters.tokens === 0 ? null : [1, 1, 1, 1, 1, 1],
      ...Object.fromEntries(sections.map(([, name, section]) => [name, section]))
    }]
  })
}
