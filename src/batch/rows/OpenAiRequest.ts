/**
 * Lines of OpenAI's Batch API → requests: `{ custom_id, method, url, body }` with the body of a chat or a completion.
 *
 * `stream` and the fields that only bill or route are left out, and so is `model`, which is reported once: the service knows
 * its model. Known fields become options; every other field of the body goes to the engine as it is (`extra`).
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as GenerationOptions from "../../GenerationOptions.ts"
import * as Message from "../../Message.ts"
import type { Request } from "./Request.ts"
import * as RowError from "./RowError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Line {
  readonly custom_id: unknown
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * Whether the row is such a line.
 *
 * @category predicates
 * @since 0.1.0
 */
export const is = (row: object): row is Line =>
  "custom_id" in row && "body" in row && typeof row.body === "object" && row.body !== null && !Array.isArray(row.body)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isJsonSchema = Schema.is(Schema.Record(Schema.String, Schema.Json))

/** Where the value goes, and what it becomes. */
type Field = readonly [name: string, convert: (value: unknown) => unknown]

const same = (value: unknown): unknown => value

const list = (value: unknown): unknown => typeof value === "string" ? [value] : value

const functionOf = (value: unknown): unknown => isObject(value) && "function" in value ? value.function : value

/**
 * Tools in OpenAI's form, or as their functions alone → tools of a call. `strict` stays: vLLM constrains arguments only
 * if it is set.
 *
 * @category conversions
 * @since 0.2.0
 */
export const tools = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map((tool) => {
      const named = functionOf(tool)
      return isObject(named) ? { parameters: { type: "object", properties: {} }, ...withoutNull(named) } : named
    })
    : value

const withoutNull = (value: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== undefined))

const choice = (value: unknown): unknown => {
  const named = functionOf(value)
  return isObject(named) ? { name: named.name } : value
}

const fields: { readonly [name: string]: Field } = {
  max_tokens: ["maxNewTokens", same],
  max_completion_tokens: ["maxNewTokens", same],
  temperature: ["temperature", same],
  top_p: ["topP", same],
  top_k: ["topK", same],
  min_p: ["minP", same],
  repetition_penalty: ["repetitionPenalty", same],
  frequency_penalty: ["frequencyPenalty", same],
  presence_penalty: ["presencePenalty", same],
  logit_bias: ["logitBias", same],
  seed: ["seed", same],
  stop: ["stopSequences", list],
  logprobs: ["logprobs", same],
  top_logprobs: ["topLogprobs", same],
  n: ["numGenerations", same],
  tools: ["tools", tools],
  tool_choice: ["toolChoice", choice],
  parallel_tool_calls: ["parallelToolCalls", same],
  reasoning_effort: ["reasoningEffort", same],
  thinking_token_budget: ["thinkingBudget", same]
}

const dropped: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "prompt",
  "stream",
  "stream_options",
  "user",
  "store",
  "metadata",
  "service_tier"
])

/** The schema that `response_format` requires. */
const schemaOf = (format: unknown): unknown => {
  const named = isObject(format) && format.type === "json_schema" ? format.json_schema : undefined
  return isObject(named) ? named.schema : undefined
}

const isMessages = Schema.is(Message.Messages)

const wrong = (column: string, problem: string) =>
  Result.fail(RowError.make(new RowError.WrongColumn({ column, problem })))

const inputOf = ({ messages, prompt }: Readonly<Record<string, unknown>>): Message.Input | undefined =>
  isMessages(messages) && messages.length > 0 ? messages : typeof prompt === "string" ? { raw: prompt } : undefined

/**
 * @category conversions
 * @since 0.1.0
 */
export const toRequest = ({ body }: Line): Result.Result<Request, RowError.RowError> => {
  const input = inputOf(body)
  if (input === undefined) return wrong("body", "must have messages, or a prompt as a string")
  const schema = schemaOf(body.response_format)
  if (schema !== undefined && !isJsonSchema(schema)) return wrong("body", "response_format must hold a JSON Schema")
  const options: Record<string, unknown> = {}
  const extra: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(body)) {
    if (value === null || dropped.has(name) || (name === "response_format" && schema !== undefined)) continue
    const field = fields[name]
    if (field === undefined) extra[name] = value
    else options[field[0]] = field[1](value)
  }
  const { numGenerations = 1, ...rest } = options
  if (typeof numGenerations !== "number" || !Number.isSafeInteger(numGenerations) || numGenerations < 1) {
    return wrong("body", "n must be an integer of at least 1")
  }
  const given = Object.keys(extra).length === 0 ? rest : { ...rest, extra }
  const [issue] = GenerationOptions.check(given)
  return issue === undefined
    ? Result.succeed({
      input,
      options: {
        ...given,
        ...(numGenerations > 1 && { numGenerations }),
        ...(isJsonSchema(schema) && { structuredOutput: { format: "json", schema } })
      },
      ...(typeof body.model === "string" && {
        notes: [
          `rows name the model ${JSON.stringify(body.model)}, which is not sent: the endpoint's own model generates`
        ]
      })
    })
    : wrong("body", issue.message)
}
