/**
 * Tools from Schemas: the definition that a model sees, and the calls that it makes as values.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Generation from "./Generation.ts"
import type * as GenerationOptions from "./GenerationOptions.ts"
import * as StructuredOutput from "./structured/StructuredOutput.ts"
import * as StructuredOutputError from "./structured/StructuredOutputError.ts"

/**
 * A tool with the Schema of its arguments. It is a `GenerationOptions.Tool`, so it goes into `tools` as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tool<Name extends string, S extends Schema.Constraint> extends GenerationOptions.Tool {
  readonly name: Name
  readonly decode: (
    call: Generation.ToolCall
  ) => Effect.Effect<S["Type"], StructuredOutputError.StructuredOutputError, S["DecodingServices"]>
}

/**
 * Makes a tool. Its JSON Schema is written without references unless it is recursive, since TGI resolves references
 * from the root of its own wrapper and fails.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Name extends string, S extends Schema.Constraint>(
  name: Name,
  options: { readonly description?: string | undefined; readonly parameters: S }
): Tool<Name, S> => {
  const { definitions, schema } = Schema.toJsonSchemaDocument(options.parameters, {
    onExcessProperty: "error",
    referencePolicy: () => undefined
  })
  const output = StructuredOutput.make(options.parameters)
  const tool = {
    name,
    ...(options.description !== undefined && { description: options.description }),
    parameters: Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions },
    decode: (call: Generation.ToolCall) => Effect.map(output.decode({ text: call.arguments }), ({ value }) => value)
  }
  // not part of the definition, so that it is never sent
  return Object.defineProperty(tool, "decode", { enumerable: false })
}

/** A decoded call of one of the given tools. */
type CallOf<T> = T extends Tool<infer Name, infer S>
  ? { readonly id: string; readonly name: Name; readonly arguments: S["Type"] }
  : never

type ServicesOf<T> = T extends Tool<string, infer S> ? S["DecodingServices"] : never

/**
 * The calls of a generation as values. Fails when the model called an unknown tool, or with arguments that do not decode;
 * the error holds the model's own text.
 *
 * @category decoding
 * @since 0.1.0
 */
export const calls = <const Tools extends ReadonlyArray<Tool<string, Schema.Constraint>>>(
  tools: Tools,
  generation: Generation.Generation
): Effect.Effect<
  ReadonlyArray<CallOf<Tools[number]>>,
  StructuredOutputError.StructuredOutputError,
  ServicesOf<Tools[number]>
> =>
  Effect.forEach(generation.toolCalls, (call) => {
    const tool = tools.find(({ name }) => name === call.name)
    const decoded = tool === undefined ? Effect.fail(unknown(call)) : tool.decode(call)
    // the value comes from the decoder of the tool of that name, and needs what that one needs
    return Effect.map(decoded, (value) => ({ id: call.id, name: call.name, arguments: value })) as Effect.Effect<
      CallOf<Tools[number]>,
      StructuredOutputError.StructuredOutputError,
      ServicesOf<Tools[number]>
    >
  })

const unknown = (call: Generation.ToolCall) =>
  StructuredOutputError.make(
    new StructuredOutputError.Mismatch({
      text: call.arguments,
      issues: [{
        path: ["name"],
        message: `the model called ${JSON.stringify(call.name)}, which is not one of the tools`
      }]
    })
  )
