/**
 * The prompt that a server makes from a conversation, as the server itself reports it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"
import type { ServiceRequest } from "./ChatTemplateService.ts"

const Answered = Schema.Struct({ prompt_text: Schema.String })

/**
 * The prompt as vLLM renders it: one greedy token of `/v1/chat/completions` with `return_prompt_text`, for which the server
 * needs no flag (seen on 0.32). An oracle for `ChatTemplate.verify`. Fails if the status is not 200 or the response does not
 * contain the prompt, as in older versions.
 *
 * @category verification
 * @since 0.2.0
 */
export const vllm = (
  { baseUrl, model }: {
    /** The address before `/v1`: `http://host:8000`. */
    readonly baseUrl: string
    /** The name under which the server serves the model. */
    readonly model: string
  }
) =>
  Effect.fn("ServerPrompt.vllm")(function*(request: ServiceRequest) {
    const continues = request.continueFinalMessage !== undefined && request.continueFinalMessage !== false
    const body = {
      model,
      messages: request.messages,
      ...(request.tools !== undefined && request.tools !== null && { tools: request.tools }),
      ...(request.documents !== undefined && request.documents !== null && { documents: request.documents }),
      add_generation_prompt: request.addGenerationPrompt ?? false,
      ...(continues && { continue_final_message: true }),
      ...(request.kwargs !== undefined && { chat_template_kwargs: request.kwargs }),
      max_tokens: 1,
      temperature: 0,
      return_prompt_text: true
    }
    const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
    const url = `${baseUrl.replace(/\/+$/, "")}/v1/chat/completions`
    const response = yield* client.execute(HttpClientRequest.bodyJsonUnsafe(HttpClientRequest.post(url), body))
    const { prompt_text } = yield* HttpClientResponse.schemaBodyJson(Answered)(response)
    return prompt_text
  })
