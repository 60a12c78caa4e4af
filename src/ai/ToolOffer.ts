/**
 * The tools of a `Toolkit` as a model sees them, and the model's text as the parameters that a `Toolkit` takes.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as GenerationOptions from "../GenerationOptions.ts"
import * as Definition from "../Tool.ts"

/**
 * The tools offered to the model in one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolOffer {
  readonly options: Pick<GenerationOptions.GenerationOptions, "tools" | "toolChoice">
  /**
   * The parameters of a call. Those that do not fit stay as they are: the `Toolkit` reports what is wrong with them, to the
   * program or to the model. Fails when the text is not JSON that can be trusted.
   */
  readonly params: (name: string, text: string) => Result.Result<unknown, AiError.ToolParameterValidationError>
}

type Encoded = (value: unknown) => Option.Option<unknown>

/**
 * Offers tools. Fails for tools that a provider would have to run itself: no engine has any.
 *
 * The choice `oneOf` limits the tools that are offered; its mode says whether one of them must be called.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  tools: ReadonlyArray<Tool.Any>,
  choice: LanguageModel.ToolChoice<string>
): Result.Result<ToolOffer, AiError.ToolConfigurationError> => {
  const offered: Array<GenerationOptions.Tool> = []
  const encoders = new Map<string, Encoded>()
  for (const tool of tools) {
    if (Tool.isProviderDefined(tool)) {
      const description = "it is run by another provider, and engines have no tools of their own: give it a handler"
      return Result.fail(new AiError.ToolConfigurationError({ toolName: tool.name, description }))
    }
    offered.push(definitionOf(tool))
    if (Schema.isSchema(tool.parametersSchema)) encoders.set(tool.name, encodedSide(tool.parametersSchema))
  }
  return Result.succeed({
    options: offered.length === 0 ? {} : { tools: offered, toolChoice: choiceOf(choice) },
    params: (name, text) => paramsOf(encoders.get(name), name, text)
  })
}

/** TGI reads `properties` of every tool, even of one without parameters. */
const definitionOf = (tool: Tool.Any): GenerationOptions.Tool => {
  const description = Tool.getDescription(tool)
  const parameters = Tool.isDynamic(tool) && tool.jsonSchema !== undefined
    ? tool.jsonSchema
    : Definition.make(tool.name, { parameters: tool.parametersSchema }).parameters
  return {
    name: tool.name,
    ...(description !== undefined && { description }),
    parameters: typeof parameters === "object" && parameters !== null && !("properties" in parameters)
      ? { ...parameters, properties: {} }
      : parameters
  }
}

const choiceOf = (choice: LanguageModel.ToolChoice<string>): GenerationOptions.GenerationOptions["toolChoice"] =>
  typeof choice === "string" ? choice : "tool" in choice ? { name: choice.tool } : choice.mode ?? "auto"

/**
 * A model writes the JSON form of parameters, where an absent optional field may be null and a date is text; a `Toolkit`
 * decodes the encoded form, where they are not.
 */
const encodedSide = (schema: Schema.Constraint): Encoded =>
  Schema.decodeUnknownOption(Schema.toCodecJson(Schema.toEncoded(schema)))

const paramsOf = (
  encoded: Encoded | undefined,
  toolName: string,
  text: string
): Result.Result<unknown, AiError.ToolParameterValidationError> => {
  let value: unknown
  try {
    value = Tool.unsafeSecureJsonParse(text)
  } catch {
    const description =
      "the model wrote arguments that are not valid JSON, or that would change a prototype: try again, or set toolChoice"
    return Result.fail(new AiError.ToolParameterValidationError({ toolName, description }))
  }
  return Result.succeed(encoded === undefined ? value : Option.getOrElse(encoded(value), () => value))
}
