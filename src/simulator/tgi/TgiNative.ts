/**
 * TGI's own routes: `/generate`, `/generate_stream`, `/`, and the native kind of `/invocations`.
 *
 * @since 0.1.0
 */
import * as Options from "../model/Options.ts"
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import type { NativeRequest } from "./NativeRequest.ts"
import * as Sampler from "./Sampler.ts"
import * as TgiReply from "./TgiReply.ts"
import * as Validation from "./Validation.ts"

/**
 * Which native route was called.
 *
 * @category models
 * @since 0.1.0
 */
export type Route = "generate" | "generate_stream" | "compat"

const fullText = (turn: Turn, request: NativeRequest, route: Route): boolean =>
  request.parameters.returnFullText ??
    (route === "compat" && (turn.settings.pipelineTag === null || turn.settings.pipelineTag === "text-generation"))

const sequence = (run: Sampler.Run): string =>
  `"finish_reason":"${run.finish}","generated_tokens":${run.tokens.length},"seed":${TgiReply.seedJson(run.seed)},` +
  `"prefill":[${run.prefill.map((token) => `{${TgiReply.tokenFields(token)}}`).join(",")}],` +
  `"tokens":${TgiReply.tokensJson(run.tokens)}`

const topTokens = (run: Sampler.Run): string =>
  run.topTokens.length === 0 ? "" : `,"top_tokens":[${run.topTokens.map(TgiReply.tokensJson).join(",")}]`

const details = (run: Sampler.Run, prefix: string): string => {
  const others = run.others.map((other) =>
    `{"generated_text":${JSON.stringify(prefix + other.text)},${sequence(other)}${topTokens(other)}}`
  )
  const best = others.length === 0 ? "" : `,"best_of_sequences":[${others.join(",")}]`
  return `,"details":{${sequence(run)}${best}${topTokens(run)}}`
}

const bestOfLimit = (settings: Options.Settings, bestOf: number): string | undefined =>
  bestOf <= 1 || bestOf <= settings.maxBestOf
    ? undefined
    : settings.maxBestOf === 1
    ? "`best_of` != 1 is not allowed for this endpoint"
    : `\`best_of\` must be > 0 and <= ${settings.maxBestOf}. Given: ${bestOf}`

const unary = (turn: Turn, request: NativeRequest, route: Route): Reply.Reply => {
  const { parameters } = request
  const limit = bestOfLimit(turn.settings, parameters.bestOf ?? 1)
  if (limit !== undefined) return TgiReply.failed(Validation.invalid(limit))
  const run = Sampler.generate(turn, { prompt: request.inputs, parameters, special: true, answer: turn.answer })
  if (run._tag === "Failure") return TgiReply.failed(run)
  const prefix = fullText(turn, request, route) ? request.inputs : ""
  const detail = parameters.details || parameters.decoderInputDetails ? details(run, prefix) : ""
  const body = `{"generated_text":${JSON.stringify(prefix + run.text)}${detail}}`
  return Reply.unary(
    200,
    { "content-type": "application/json", ...TgiReply.timings(turn, [run], true) },
    route === "compat" ? `[${body}]` : body,
    { tokens: run.tokens.length, failed: (crash) => TgiReply.failed(TgiReply.crashed(crash, false)) }
  )
}

const streamChecks = (request: NativeRequest): string | undefined => {
  const { bestOf, decoderInputDetails } = request.parameters
  if (bestOf !== undefined && bestOf !== 1) return "`best_of` != 1 is not supported when streaming tokens"
  return decoderInputDetails ? "`decoder_input_details` == true is not supported when streaming tokens" : undefined
}

const lastEvent = (turn: Turn, run: Sampler.Run, prefix: string, detailed: boolean): string => {
  const length = Options.since(turn.settings, 2, 3) ? `,"input_length":${run.inputLength}` : ""
  const detail = detailed
    ? `{"finish_reason":"${run.finish}","generated_tokens":${run.tokens.length},"seed":${
      TgiReply.seedJson(run.seed)
    }${length}}`
    : "null"
  return `"generated_text":${JSON.stringify(prefix + run.text)},"details":${detail}}`
}

const frames = (turn: Turn, request: NativeRequest, run: Sampler.Run, prefix: string): ReadonlyArray<Reply.Frame> => {
  const indexed = Options.since(turn.settings, 1, 4)
  return run.tokens.map((token, at) => {
    const index = indexed ? `"index":${at + 1},` : ""
    const alternatives = run.topTokens[at]
    const top = alternatives === undefined ? "" : `"top_tokens":${TgiReply.tokensJson(alternatives)},`
    const end = at + 1 === run.tokens.length
      ? lastEvent(turn, run, prefix, request.parameters.details)
      : `"generated_text":null,"details":null}`
    return { payload: `{${index}"token":${TgiReply.tokenJson(token)},${top}${end}`, tokens: 1 }
  })
}

const streaming = (turn: Turn, request: NativeRequest, route: Route): Reply.Reply => {
  const check = streamChecks(request)
  const run = check === undefined
    ? Sampler.generate(turn, {
      prompt: request.inputs,
      parameters: request.parameters,
      special: true,
      answer: turn.answer
    })
    : Validation.invalid(check)
  const prefix = fullText(turn, request, route) ? request.inputs : ""
  const events = run._tag === "Failure" ? [TgiReply.nativeFrame(run)] : frames(turn, request, run, prefix)
  return TgiReply.stream(
    turn,
    [request.inputs],
    events,
    (crash) => [TgiReply.nativeFrame(TgiReply.crashed(crash, true))]
  )
}

/**
 * Responds to a native request. A stream has status 200, whatever is wrong with its parameters.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (turn: Turn, request: NativeRequest, route: Route): Reply.Reply =>
  route === "generate_stream" || (route === "compat" && request.stream)
    ? streaming(turn, request, route)
    : unary(turn, request, route)
