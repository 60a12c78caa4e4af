/**
 * A Jinja template as Python runs it: `compile` once, `render` as often as needed.
 *
 * Why this package has its own engine: `@huggingface/jinja` differs from Python in one of eight real renders. Its lexer
 * is part of the difference (whitespace control by regular expressions, quadratic in spaces; `%}` inside strings; line
 * ends; numbers and escapes), its parser lacks a third of the grammar (chained comparison, tuples, `with`, `raw`,
 * `{%+`, dotted tests), and its tree keeps neither lines nor the difference of int and float. So lexer, tree and
 * evaluation are this package's own, with limits on work that bound what a hostile template can cost. The library
 * remains the reference of `CrossCheck` and the differential tests, and the competitor in the benchmark.
 */
import { globals } from "./filters/Globals.ts"
import { enter, type Execute, Frame, rootBlock } from "./run/Frame.ts"
import { compileBody } from "./run/Statements.ts"
import type { LexOptions } from "./syntax/Lexer.ts"
import { parse } from "./syntax/Parser.ts"
import * as Symbols from "./syntax/Symbols.ts"
import type { Unit } from "./syntax/Symbols.ts"
import { Failure, type Kind } from "./values/Failure.ts"
import { fromUnknown } from "./values/Input.ts"
import { defaultLimits, type Limits, Machine, type Now } from "./values/Machine.ts"

export interface Template {
  readonly source: string
  readonly unit: Unit
  readonly cost: number
  readonly run: Execute
}

/** A failure as data. `line` counts from 1 and is absent if no line is at fault. */
export interface Problem {
  readonly kind: Kind
  readonly message: string
  readonly line: number | undefined
}

export type Outcome<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly problem: Problem }

const succeed = <A>(value: A): Outcome<A> => ({ ok: true, value })

/** The one place where what the engine throws becomes data; the stack running out counts as too much work. */
const guard = <A>(body: () => A, line: () => number | undefined): Outcome<A> => {
  try {
    return succeed(body())
  } catch (cause) {
    if (cause instanceof Failure) {
      return { ok: false, problem: { kind: cause.kind, message: cause.message, line: cause.line ?? line() } }
    }
    if (cause instanceof RangeError) {
      return {
        ok: false,
        problem: { kind: "TooMuchWork", message: "the template nests deeper than the stack allows", line: line() }
      }
    }
    throw cause
  }
}

export interface CompileOptions extends LexOptions {
  readonly limits: Limits
}

/** `trim_blocks` and `lstrip_blocks` on, as transformers sets them. */
export const defaultOptions: CompileOptions = { trimBlocks: true, lstripBlocks: true, limits: defaultLimits }

const build = (source: string, options: CompileOptions): Template => {
  if (source.length > options.limits.source) {
    throw new Failure(
      "TooMuchWork",
      `the template has ${source.length} characters, more than the ${options.limits.source} allowed`
    )
  }
  const body = parse(source, options)
  const block = rootBlock()
  Symbols.body(block.symbols, body)
  const run = compileBody(block, body)
  const { unit } = block.symbols
  const start = enter(block)
  return {
    source,
    unit,
    cost: block.cost.nodes,
    run: (frame) => {
      start(frame)
      return run(frame)
    }
  }
}

export const compile = (source: string, options: CompileOptions = defaultOptions): Outcome<Template> =>
  guard(() => build(source, options), () => undefined)

export interface RenderOptions {
  readonly now: Now
  readonly limits: Limits
  /** Whether a namespace refuses names that begin with `_`. */
  readonly plainNames: boolean
}

export interface Output {
  readonly text: string
  /** The positions of the bodies of `{% generation %}` in the text. */
  readonly assistant: Machine["assistant"]
}

/**
 * Renders with these variables, which hide global functions of the same name; one that is `undefined` counts as absent.
 */
export const render = (
  template: Template,
  variables: ReadonlyMap<string, unknown>,
  options: RenderOptions
): Outcome<Output> => {
  const machine = new Machine(options.limits, options.now, options.plainNames)
  return guard(() => {
    const context = new Map(globals)
    for (const [name, value] of variables) if (value !== undefined) context.set(name, fromUnknown(value, name))
    machine.spend(template.cost)
    template.run(new Frame(template.unit, undefined, machine, context))
    return { text: machine.out, assistant: machine.assistant }
  }, () => machine.line)
}
