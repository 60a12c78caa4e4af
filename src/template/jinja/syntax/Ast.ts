/** The tree of a template. Chains of one operator level are flat, so that depth is what an author nested by hand. */
import type { Order } from "../values/Compare.ts"
import type { Operator } from "../values/Number.ts"
import type { Value } from "../values/Value.ts"

export interface Arguments {
  readonly args: ReadonlyArray<Expression>
  readonly kwargs: ReadonlyArray<readonly [string, Expression]>
  readonly dynArgs: Expression | undefined
  readonly dynKwargs: Expression | undefined
}

export type Comparator = Order | "==" | "!=" | "in" | "not in"

/** `height` is the nesting below and including a node, `line` the line it starts on. */
interface Node {
  readonly line: number
  readonly height: number
}

export type Expression =
  & Node
  & (
    | { readonly type: "Const"; readonly value: Value }
    | { readonly type: "Name"; readonly name: string }
    | { readonly type: "Tuple" | "List"; readonly items: ReadonlyArray<Expression> }
    | { readonly type: "Dict"; readonly pairs: ReadonlyArray<readonly [Expression, Expression]> }
    | { readonly type: "Attribute"; readonly node: Expression; readonly name: string }
    | { readonly type: "Item"; readonly node: Expression; readonly key: Expression }
    | {
      readonly type: "Slice"
      readonly node: Expression
      readonly start: Expression | undefined
      readonly stop: Expression | undefined
      readonly step: Expression | undefined
    }
    | { readonly type: "Call"; readonly node: Expression; readonly call: Arguments }
    | {
      readonly type: "Filter"
      readonly node: Expression | undefined
      readonly name: string
      readonly call: Arguments
    }
    | { readonly type: "Test"; readonly node: Expression; readonly name: string; readonly call: Arguments }
    | { readonly type: "Not" | "Negate" | "Positive"; readonly node: Expression }
    | { readonly type: "And" | "Or" | "Concat"; readonly items: ReadonlyArray<Expression> }
    | {
      readonly type: "Math"
      readonly first: Expression
      readonly rest: ReadonlyArray<readonly [Operator, Expression]>
    }
    | {
      readonly type: "Compare"
      readonly first: Expression
      readonly rest: ReadonlyArray<readonly [Comparator, Expression]>
    }
    | {
      readonly type: "Conditional"
      readonly test: Expression
      readonly outcome: Expression
      readonly otherwise: Expression | undefined
    }
  )

export type Target =
  | { readonly type: "Name"; readonly name: string; readonly line: number }
  | { readonly type: "NamespaceRef"; readonly name: string; readonly attribute: string; readonly line: number }
  | { readonly type: "Tuple"; readonly items: ReadonlyArray<Target>; readonly line: number }

export interface Signature {
  readonly params: ReadonlyArray<string>
  /** Defaults of the last parameters. */
  readonly defaults: ReadonlyArray<Expression>
}

export type Body = ReadonlyArray<Statement>

export interface For {
  readonly type: "For"
  readonly target: Target
  readonly iter: Expression
  readonly test: Expression | undefined
  readonly recursive: boolean
  readonly body: Body
  readonly otherwise: Body
}
export interface If {
  readonly type: "If"
  readonly branches: ReadonlyArray<readonly [Expression, Body]>
  readonly otherwise: Body
}
export interface Macro {
  readonly type: "Macro"
  readonly name: string
  readonly signature: Signature
  readonly body: Body
}
export interface CallBlock {
  readonly type: "CallBlock"
  readonly signature: Signature
  readonly call: Expression & { readonly type: "Call" }
  readonly body: Body
}
export interface With {
  readonly type: "With"
  readonly targets: ReadonlyArray<Target>
  readonly values: ReadonlyArray<Expression>
  readonly body: Body
}
export interface SetBlock {
  readonly type: "SetBlock"
  readonly target: Target
  readonly filter: Expression | undefined
  readonly body: Body
}

export type Statement =
  & { readonly line: number }
  & (
    | { readonly type: "Text"; readonly text: string }
    | { readonly type: "Print"; readonly value: Expression }
    | { readonly type: "Set"; readonly target: Target; readonly value: Expression }
    | { readonly type: "FilterBlock"; readonly filter: Expression; readonly body: Body }
    /** Rendered in place, with variables of its own, as the one below. */
    | { readonly type: "Generation"; readonly body: Body }
    /** `autoescape`. */
    | { readonly type: "Scope"; readonly head: Expression; readonly body: Body }
    | { readonly type: "Block"; readonly name: string; readonly scoped: boolean; readonly body: Body }
    | { readonly type: "Break" | "Continue" }
    /** `include`, `import`, `extends`: there is no loader, so that running it fails. */
    | { readonly type: "Load"; readonly template: Expression; readonly stores: ReadonlyArray<string> }
    | For
    | If
    | Macro
    | CallBlock
    | With
    | SetBlock
  )
