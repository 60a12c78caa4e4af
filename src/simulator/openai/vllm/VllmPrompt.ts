/**
 * What vLLM checks of a prompt: its model, its messages, and whether it fits.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import type { Message } from "../OpenAiRequest.ts"
import * as VllmJson from "./VllmJson.ts"
import { checkParts } from "./VllmMessage.ts"
import { given, truthy } from "./VllmValidators.ts"

const { invalid } = VllmJson

type Body = Pydantic.Body

/** What is known about the server. @category models @since 0.2.0 */
export interface Server {
  readonly modelId: string
  readonly context: number
  readonly multimodal: boolean
}

/**
 * vLLM only serves the model that it was started with; no name, or an empty one, means that one.
 *
 * @category checks
 * @since 0.2.0
 */
export const served = (server: Server, model: string | undefined): void => {
  if (model === undefined || model === "" || model === server.modelId) return
  throw new VllmJson.Thrown(
    404,
    `The model \`${model}\` does not exist. Valid aliases: ${server.modelId}.`,
    "NotFoundError",
    "model"
  )
}

/** A prompt that leaves no room, or a limit above the context. @category checks @since 0.2.0 */
export const fits = (server: Server, input: number, name: string, wanted: number | undefined): void => {
  if (wanted !== undefined && wanted > server.context) {
    invalid(
      `${name}=${wanted} cannot be greater than max_model_len=${server.context}. Please request fewer output tokens.`,
      name,
      String(wanted)
    )
  }
  if (input >= server.context) {
    const least = server.context + 1
    invalid(
      `This model's maximum context length is ${server.context} tokens. However, your prompt contains at least ${least} ` +
        "input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input " +
        "prompt.",
      "input_tokens",
      String(least)
    )
  }
}

/** A prompt cut to a number of tokens; none, or more than the context has, is refused. @category checks @since 0.2.0 */
export const truncated = (server: Server, tokens: number | undefined): void => {
  if (tokens === 0) return invalid("The decoder prompt cannot be empty")
  if (tokens !== undefined && tokens > server.context) {
    invalid(
      `truncate_prompt_tokens=${tokens} cannot be greater than max_model_len = ${server.context}. Please request a smaller ` +
        "truncation size.",
      "truncate_prompt_tokens",
      String(tokens)
    )
  }
}

const media = new Set(["image_url", "input_audio", "audio_url", "video_url", "input_image"])

const hasImage = (body: Body): boolean =>
  Array.isArray(body["messages"]) &&
  body["messages"].some((item: unknown) =>
    Pydantic.isBody(item) && Array.isArray(item["content"]) && item["content"].some((part: unknown) =>
      Pydantic.isBody(part) && (media.has(String(part["type"])) || part["image_url"] !== undefined)
    )
  )

/** @category checks @since 0.2.0 */
export const checkPrompt = (
  body: Body,
  server: Server,
  messages: ReadonlyArray<Message>,
  kwargs: Body | undefined
): void => {
  if (given(body["chat_template"]) || kwargs?.["chat_template"] !== undefined) {
    invalid(
      "Chat template is passed with request, but --trust-request-chat-template is not set. Refused request with untrusted " +
        "chat template."
    )
  }
  for (const name of ["mm_processor_kwargs", "media_io_kwargs"]) {
    if (Pydantic.isBody(body[name]) && Object.keys(body[name]).length > 0) {
      const what = name === "mm_processor_kwargs" ? "preprocessing" : "media loading"
      invalid(
        `Per-request ${name} are disabled by default because they can change multimodal ${what} resource usage. Start the ` +
          "server with --trust-request-mm-kwargs only when clients are trusted.",
        name
      )
    }
  }
  checkParts(Array.isArray(body["messages"]) ? body["messages"] : [])
  if (!server.multimodal && hasImage(body)) invalid(`${server.modelId} is not a multimodal model`)
  if (messages.length === 0) {
    invalid("Cannot apply chat template to an empty conversation. Provide at least one message.")
  }
  if (truthy(body["continue_final_message"]) && body["add_generation_prompt"] !== false) {
    invalid(
      "continue_final_message and add_generation_prompt are not compatible. Use continue_final_message when you want the " +
        "model to continue the final message, and add_generation_prompt when you want to add a header that will prompt it " +
        "to start a new assistant message instead."
    )
  }
}
