/**
 * Fields that vLLM and SGLang read in the same way.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../wire/Pydantic.ts"

/** A single text as a list. @category readers @since 0.2.0 */
export const single: Pydantic.Reader<ReadonlyArray<string>> = (value, loc, problems) => {
  const read = Pydantic.text(value, loc, problems)
  return read === undefined ? undefined : [read]
}

/** Stop strings, one or several, up to a maximum. @category readers @since 0.2.0 */
export const stop = (most = Infinity): Pydantic.Reader<ReadonlyArray<string>> =>
  Pydantic.union<ReadonlyArray<string>>(["str", single], ["list[str]", Pydantic.list(Pydantic.text, most)])

/** Numbers by token id. @category readers @since 0.2.0 */
export const biases: Pydantic.Reader<Pydantic.Body> = (value, loc, problems) => {
  const map = Pydantic.record(value, loc, problems)
  for (const [key, bias] of Object.entries(map ?? {})) Pydantic.float(bias, [...loc, key], problems)
  return map
}

/** The input of `/v1/responses`. @category readers @since 0.2.0 */
export const responsesInput = Pydantic.union<unknown>(
  ["str", Pydantic.text],
  ["list[union]", Pydantic.list(Pydantic.anything)]
)

/** What `/v1/responses` can be requested to include. @category readers @since 0.2.0 */
export const includes = Pydantic.list(Pydantic.literal(
  "code_interpreter_call.outputs",
  "computer_call_output.output.image_url",
  "file_search_call.results",
  "message.input_image.image_url",
  "message.output_text.logprobs",
  "reasoning.encrypted_content"
))
