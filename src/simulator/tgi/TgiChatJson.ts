/**
 * The parts of TGI's whole chat responses and of their chunks.
 *
 * @since 0.1.0
 */
import type { Finish, Token } from "../model/Answer.ts"
import * as Float from "../model/Float.ts"
import * as Options from "../model/Options.ts"
import type { Turn } from "../model/Turn.ts"
import type { ChatRequest } from "./ChatRequest.ts"
import type * as Sampler from "./Sampler.ts"

/** A finish reason in the terms of the chat route. @category encoding @since 0.1.0 */
export const finishText = (turn: Turn, finish: Finish): string =>
  finish === "eos_token" && Options.since(turn.settings, 2, 3) ? "stop" : finish

/** The keys with which responses and chunks begin. @category encoding @since 0.1.0 */
export const head = (turn: Turn, request: ChatRequest, kind: string): string => {
  const object = Options.since(turn.settings, 2, 1) ? kind : "text_completion"
  const model = request.model === undefined || request.model === "tgi" ? turn.settings.modelId : request.model
  return `{"object":"${object}","id":"","created":${Math.trunc(turn.now / 1000)},"model":${JSON.stringify(model)},` +
    `"system_fingerprint":"${turn.settings.version}-native"`
}

/** @category encoding @since 0.1.0 */
export const usage = (prompt: number, completion: number): string =>
  `{"prompt_tokens":${prompt},"completion_tokens":${completion},"total_tokens":${prompt + completion}}`

const logprob = (token: Token): string =>
  `"token":${JSON.stringify(token.text)},"logprob":${Float.print(token.logprob)}`

/** @category encoding @since 0.1.0 */
export const logprobs = (tokens: ReadonlyArray<Token>, top: ReadonlyArray<ReadonlyArray<Token>>): string =>
  `{"content":[${
    tokens.map((token, index) =>
      `{${logprob(token)},"top_logprobs":[${(top[index] ?? []).map((other) => `{${logprob(other)}}`).join(",")}]}`
    ).join(",")
  }]}`

/** The logprobs of a whole response, or null. @category encoding @since 0.1.0 */
export const runLogprobs = (request: ChatRequest, run: Sampler.Run): string =>
  request.logprobs ? logprobs(run.tokens, run.topTokens) : "null"
