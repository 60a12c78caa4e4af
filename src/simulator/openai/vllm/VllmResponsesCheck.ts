/**
 * What `/v1/responses` of vLLM refuses of a body: tools and their choice first, then the types of its fields.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import * as OpenAiFields from "../OpenAiFields.ts"
import { efforts } from "./VllmFields.ts"
import * as VllmJson from "./VllmJson.ts"
import { given } from "./VllmValidators.ts"

type Body = Pydantic.Body

/** A form of a union: its name, its `type`, and the other fields that it needs, in their order. */
type Form = readonly [name: string, types: ReadonlyArray<string>, needs: ReadonlyArray<string>]

/** A body in one of several forms. If none fits, each says why; `more` checks a body further. */
const forms = (
  list: ReadonlyArray<Form>,
  more: Readonly<Record<string, Readonly<Record<string, Pydantic.Reader<unknown>>>>>
) =>
  list.map(([name, types, needs]): Pydantic.Member<unknown> => [
    name,
    Pydantic.model((body, loc, problems) => {
      const own = more[name] ?? {}
      for (const field of [...new Set([...needs, ...Object.keys(own), "type"])].toSorted(byPlace)) {
        const reader = field === "type" ? Pydantic.literal(...types) : own[field] ?? Pydantic.anything
        const read = field === "type" || needs.includes(field) ? Pydantic.required : Pydantic.optional
        read<unknown>(body, field, reader, loc, problems)
      }
    })
  ])

/** Fields are declared in this order. */
const places = ["mode", "name", "parameters", "strict", "schema", "display_height", "tools", "type", "vector_store_ids"]
const place = (field: string): number => {
  const at = places.indexOf(field)
  return at === -1 ? places.indexOf("type") - 1 : at
}
const byPlace = (left: string, right: string): number => place(left) - place(right)

const toolForms = forms([
  ["FunctionTool", ["function"], ["name"]],
  ["FileSearchTool", ["file_search"], ["vector_store_ids"]],
  ["ComputerTool", ["computer"], []],
  ["ComputerUsePreviewTool", ["computer_use_preview"], ["display_height", "display_width", "environment"]],
  ["WebSearchTool", ["web_search", "web_search_2025_08_26"], []],
  ["Mcp", ["mcp"], ["server_label"]],
  ["CodeInterpreter", ["code_interpreter"], ["container"]],
  ["ProgrammaticToolCalling", ["programmatic_tool_calling"], []],
  ["ImageGeneration", ["image_generation"], []],
  ["LocalShell", ["local_shell"], []],
  ["FunctionShellTool", ["shell"], []],
  ["CustomTool", ["custom"], ["name"]],
  ["NamespaceTool", ["namespace"], ["description", "name", "tools"]],
  ["ToolSearchTool", ["tool_search"], []],
  ["WebSearchPreviewTool", ["web_search_preview", "web_search_preview_2025_03_11"], []],
  ["ApplyPatchTool", ["apply_patch"], []]
], {
  FunctionTool: {
    name: Pydantic.text,
    parameters: Pydantic.nullable(Pydantic.record),
    strict: Pydantic.nullable(Pydantic.flag)
  },
  CustomTool: { name: Pydantic.text },
  NamespaceTool: { name: Pydantic.text }
})

const hosted = [
  "file_search",
  "web_search_preview",
  "computer",
  "computer_use_preview",
  "computer_use",
  "web_search_preview_2025_03_11",
  "image_generation",
  "code_interpreter"
]

const choice = Pydantic.union<unknown>(
  ["literal['none','auto','required']", Pydantic.literal("none", "auto", "required")],
  ...forms([
    ["ToolChoiceAllowed", ["allowed_tools"], ["mode", "tools"]],
    ["ToolChoiceTypes", hosted, []],
    ["ToolChoiceFunction", ["function"], ["name"]],
    ["ToolChoiceMcp", ["mcp"], ["server_label"]],
    ["ToolChoiceCustom", ["custom"], ["name"]],
    ["ToolChoiceSpecificProgrammaticToolCallingParam", ["programmatic_tool_calling"], []],
    ["ToolChoiceApplyPatch", ["apply_patch"], []],
    ["ToolChoiceShell", ["shell"], []]
  ], {})
)

const format = Pydantic.union<unknown>(...forms([
  ["ResponseFormatText", ["text"], []],
  ["ResponseFormatTextJSONSchemaConfig", ["json_schema"], ["name", "schema"]],
  ["ResponseFormatJSONObject", ["json_object"], []]
], { ResponseFormatTextJSONSchemaConfig: { name: Pydantic.text, schema: Pydantic.record } }))

const text = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "format", Pydantic.nullable(format), loc, problems)
  Pydantic.optional(body, "verbosity", Pydantic.nullable(Pydantic.literal("low", "medium", "high")), loc, problems)
})

const reasoning = Pydantic.model((body, loc, problems) =>
  Pydantic.optional(body, "effort", Pydantic.nullable(efforts), loc, problems)
)

const shown = (bound: unknown): unknown => Pydantic.verbatim(`${String(bound)}.0`)

/** A penalty, whose bounds are floats. */
const penalty: Pydantic.Reader<number> = (value, loc, problems) => {
  const own: Array<Pydantic.Problem> = []
  const read = Pydantic.within(Pydantic.float, -2, 2)(value, loc, own)
  problems.push(...own.map((problem) => ({
    ...problem,
    ctx: problem.ctx && Object.fromEntries(Object.entries(problem.ctx).map(([key, bound]) => [key, shown(bound)]))
  })))
  return read
}

const checkChoice = ({ tool_choice: choice, tools }: Body): void => {
  const isNamed = Pydantic.isBody(choice) && (choice["type"] === "function" || choice["type"] === "custom")
  const list: ReadonlyArray<unknown> = Array.isArray(tools) ? tools : []
  if (list.length === 0 && choice === "required") {
    VllmJson.invalid("Tool choice 'required' must be specified with 'tools' parameter.", "tool_choice")
  }
  if (!isNamed) return
  const { name } = choice
  if (typeof name !== "string" || !list.some((tool) => Pydantic.isBody(tool) && tool["name"] === name)) {
    VllmJson.invalid("Tool choice 'function' not found in 'tools' parameter.", "tool_choice")
  }
}

/** The checks of a body up to its prompt. @category checks @since 0.2.0 */
export const check = (body: Body): void => {
  checkChoice(body)
  if (given(body["prompt"])) VllmJson.invalid("prompt template is not supported", "prompt")
  if (body["background"] === true && body["store"] === false) {
    VllmJson.invalid("background can only be used when `store` is true", "background")
  }
  const problems: Array<Pydantic.Problem> = []
  const maybe = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.optional(body, name, Pydantic.nullable(reader), ["body"], problems)
  maybe("include", OpenAiFields.includes)
  // the server puts a name of its own into the body before it is read
  Pydantic.required({ request_id: "", ...body }, "input", OpenAiFields.responsesInput, ["body"], problems)
  maybe("instructions", Pydantic.text)
  maybe("max_output_tokens", Pydantic.integer)
  maybe("metadata", Pydantic.record)
  maybe("model", Pydantic.text)
  maybe("parallel_tool_calls", Pydantic.flag)
  maybe("previous_response_id", Pydantic.text)
  maybe("reasoning", reasoning)
  maybe("service_tier", Pydantic.literal("auto", "default", "flex", "scale", "priority"))
  maybe("store", Pydantic.flag)
  maybe("stream", Pydantic.flag)
  maybe("temperature", Pydantic.float)
  maybe("text", text)
  maybe("tool_choice", choice)
  Pydantic.optional(body, "tools", Pydantic.list(Pydantic.union(...toolForms)), ["body"], problems)
  maybe("top_logprobs", Pydantic.integer)
  maybe("top_p", Pydantic.float)
  maybe("truncation", Pydantic.literal("auto", "disabled"))
  maybe("user", Pydantic.text)
  maybe("presence_penalty", penalty)
  maybe("frequency_penalty", penalty)
  if (problems.length > 0) VllmJson.misfit(problems)
}
