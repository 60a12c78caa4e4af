/**
 * What vLLM checks of a body before its types.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import * as VllmJson from "./VllmJson.ts"
import * as VllmOutputs from "./VllmOutputs.ts"

const { invalid } = VllmJson

type Body = Pydantic.Body

const isText = (value: unknown): value is string => typeof value === "string"

/** @category checks @since 0.2.0 */
export const given = (value: unknown): boolean => value !== undefined && value !== null

/** Truthiness, as in Python. @category checks @since 0.2.0 */
export const truthy = (value: unknown): boolean =>
  given(value) && value !== false && value !== 0 && value !== "" && !(Array.isArray(value) && value.length === 0)

/** @category checks @since 0.2.0 */
export const checkProbabilities = (body: Body, name: "top_logprobs" | "logprobs"): void => {
  if (truthy(body["logprob_token_ids"]) && !given(body["logprobs"])) {
    invalid(
      `when using \`logprob_token_ids\`, \`logprobs\` must be set${name === "top_logprobs" ? " to true" : ""}.`,
      "logprob_token_ids"
    )
  }
  for (const field of ["prompt_logprobs", name]) {
    const value = body[field]
    if (given(value) && typeof value !== "number" && typeof value !== "boolean") {
      invalid(`\`${field}\` must be an integer.`, field, isText(value) ? value : Pydantic.repr(value))
    }
  }
  const prompt = Number(body["prompt_logprobs"] ?? 0)
  if (truthy(body["stream"]) && (prompt > 0 || prompt === -1)) {
    invalid("`prompt_logprobs` are not available when `stream=True`.", "prompt_logprobs")
  }
  if (prompt < 0 && prompt !== -1) {
    invalid("`prompt_logprobs` must be a positive value or -1.", "prompt_logprobs", String(prompt))
  }
  const top = Number(body[name] ?? 0)
  if (top < 0 && top !== -1) invalid(`\`${name}\` must be a positive value or -1.`, name, String(top))
  if (name === "top_logprobs" && (top === -1 || top > 0) && !truthy(body["logprobs"])) {
    invalid("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs")
  }
}

/** @category checks @since 0.2.0 */
export const checkStreamOptions = (body: Body): void => {
  if (truthy(body["stream_options"]) && !truthy(body["stream"])) {
    invalid("Stream options can only be defined when `stream=True`.", "stream_options")
  }
}

/** @category checks @since 0.2.0 */
export const checkFormat = (body: Body): void => {
  const format = body["response_format"]
  if (!Pydantic.isBody(format)) return
  if (format["type"] === "json_schema" && !given(format["json_schema"])) {
    invalid(
      "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
      "response_format"
    )
  }
  if (format["type"] === "structural_tag" && !given(format["structures"]) && !given(format["format"])) {
    invalid("Invalid response_format structural_tag specification.", "response_format")
  }
}

const usage = "Correct usage: `{\"type\": \"function\", \"function\": {\"name\": \"my_function\"}}`"

const checkNamed = (choice: Body, tools: unknown): void => {
  const inner = choice["function"]
  if (!Pydantic.isBody(inner)) {
    return invalid(
      `Invalid value for \`function\`: \`${Pydantic.repr(inner)}\` in \`tool_choice\`! ${usage}`,
      "tool_choice.function"
    )
  }
  const { name } = inner
  if (name === undefined) {
    return invalid(`Expected field \`name\` in \`function\` in \`tool_choice\`! ${usage}`, "tool_choice.function.name")
  }
  if (!isText(name) || name === "") {
    return invalid(
      `Invalid \`name\` in \`function\`: \`${isText(name) ? name : Pydantic.repr(name)}\` in \`tool_choice\`! ${usage}`,
      "tool_choice.function.name"
    )
  }
  const known = Array.isArray(tools) &&
    tools.some((tool: unknown) =>
      Pydantic.isBody(tool) && Pydantic.isBody(tool["function"]) && tool["function"]["name"] === name
    )
  if (!known) {
    invalid("The tool specified in `tool_choice` does not match any of the specified `tools`", "tool_choice")
  }
}

/** The checks of tools, and the resulting choice if none is named. */
const checkTools = (body: Body): unknown => {
  const { tools } = body
  if (Array.isArray(tools) && tools.length === 0) {
    return invalid(
      "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.",
      "tools"
    )
  }
  const choice = body["tool_choice"] === undefined && truthy(tools) ? "auto" : body["tool_choice"]
  if (choice === "none" || !given(choice)) return choice
  if (!given(tools)) return invalid("When using `tool_choice`, `tools` must be set.", "tool_choice")
  if (Pydantic.isBody(choice)) checkNamed(choice, tools)
  else if (choice !== "auto" && choice !== "required") {
    const shown = isText(choice) ? choice : Pydantic.repr(choice)
    invalid(
      `Invalid value for \`tool_choice\`: ${shown}! Only named tools, "none", "auto" or "required" are supported.`,
      "tool_choice"
    )
  }
  return choice
}

/** @category checks @since 0.2.0 */
export const checkSalt = (body: Body): void => {
  const salt = body["cache_salt"]
  if (!given(salt)) return
  if (!isText(salt) || salt === "") {
    return invalid("Parameter 'cache_salt' must be a non-empty string if provided.", "cache_salt")
  }
  if (salt.length > 128 || /[@/\\\0]/.test(salt)) {
    invalid(
      "Parameter 'cache_salt' must be at most 128 characters and must not contain '@', '/', '\\\\', or NUL.",
      "cache_salt"
    )
  }
}

/** What is checked of a chat before its types. @category checks @since 0.2.0 */
export const checkChat = (body: Body): unknown => {
  const { messages } = body
  if (messages === null || typeof messages === "number" || typeof messages === "boolean") {
    const type = messages === null ? "NoneType" : typeof messages === "number" ? "int" : "bool"
    return invalid(`'${type}' object is not iterable`)
  }
  if (truthy(body["continue_final_message"]) && truthy(body["add_generation_prompt"])) {
    return invalid("Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
  }
  const choice = checkTools(body)
  VllmOutputs.check(body, choice, true)
  checkProbabilities(body, "top_logprobs")
  checkStreamOptions(body)
  checkFormat(body)
  checkSalt(body)
  return choice
}
