/**
 * What calls for a value, a constrained text, or tools need: schemas, grammars and decoding. It is a third of the
 * package, so it is loaded with the first such call (see `Structures`).
 *
 * @since 0.2.0
 */
export * as OutputSpec from "../../structured/OutputSpec.ts"
export * as ToolGrammar from "../../structured/ToolGrammar.ts"
export * as ToolRegex from "../../structured/ToolRegex.ts"
export * as Continuing from "../continue/Continuing.ts"
export * as Objects from "./Objects.ts"
