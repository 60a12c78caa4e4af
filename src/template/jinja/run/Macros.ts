/** Macros and call blocks: functions of the template, with Jinja's way of binding arguments. */
import type { CallBlock, Expression, Macro } from "../syntax/Ast.ts"
import * as Symbols from "../syntax/Symbols.ts"
import { fail, Failure } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { Callable, Dict, type Kwargs, Markup, Tuple, Undefined, type Value } from "../values/Value.ts"
import { compile } from "./Expressions.ts"
import { type Block, enter, type Evaluate, type Execute, Frame, functionBlock } from "./Frame.ts"

/** Levels of nesting that one call stands for. */
const callDepth = 5

interface Shape {
  readonly name: string | undefined
  readonly params: ReadonlyArray<string>
  readonly caller: boolean
  readonly kwargs: boolean
  readonly varargs: boolean
}

/** The arguments in the order of the slots: parameters, then `caller`, `kwargs` and `varargs` where the body uses them. */
const bind = (shape: Shape, args: ReadonlyArray<Value>, kwargs: Kwargs): Array<Value | undefined> => {
  const { name, params } = shape
  const label = name === undefined ? "None" : `'${name}'`
  const rest = new Map(kwargs)
  const bound: Array<Value | undefined> = params.map((param, index) => {
    if (index < args.length) return args[index]
    const value = rest.get(param)
    rest.delete(param)
    return value
  })
  if (shape.caller && !params.includes("caller")) {
    const caller = rest.get("caller")
    rest.delete("caller")
    bound.push(caller === undefined || caller === null ? new Undefined(() => "No caller defined") : caller)
  }
  if (shape.kwargs) bound.push(Dict.fromStrings(rest))
  else {
    const [unknown] = rest.keys()
    if (unknown !== undefined) return fail(`macro ${label} takes no keyword argument '${unknown}'`)
  }
  if (shape.varargs) bound.push(new Tuple(args.slice(params.length)))
  else if (args.length > params.length) return fail(`macro ${label} takes not more than ${params.length} argument(s)`)
  return bound
}

const shapeOf = (node: Macro | CallBlock, line: number): Shape => {
  const { defaults, params } = node.signature
  const used = Symbols.undeclared(node.body, ["caller", "kwargs", "varargs"])
  const explicit = params.indexOf("caller")
  if (used.has("caller") && explicit >= 0 && explicit < params.length - defaults.length) {
    throw new Failure(
      "Syntax",
      "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a default.",
      line
    )
  }
  return {
    name: node.type === "Macro" ? node.name : undefined,
    params,
    caller: used.has("caller"),
    kwargs: used.has("kwargs") && !params.includes("kwargs"),
    varargs: used.has("varargs") && !params.includes("varargs")
  }
}

/** Sets parameters that the caller left out: their default, which may use earlier parameters, or an undefined value. */
const defaults = (
  block: Block,
  params: ReadonlyArray<string>,
  values: ReadonlyArray<Expression>,
  slots: ReadonlyArray<number>
): (frame: Frame) => void => {
  const offset = params.length - values.length
  const steps = params.map((param, index): readonly [number, Evaluate] => {
    const value = values[index - offset]
    const missing = () => new Undefined(() => `parameter '${param}' was not provided`)
    return [slots[index] ?? 0, value === undefined ? missing : compile(block, value)]
  })
  return (frame) => {
    for (const [slot, value] of steps) if (frame.slots[slot] === undefined) frame.slots[slot] = value(frame)
  }
}

/** Compiles a macro; the result makes a callable that sees the variables of the frame it is made in. */
export const compileMacro = (
  outer: Block,
  node: Macro | CallBlock,
  line: number,
  compileBody: (block: Block) => Execute
): (frame: Frame) => Callable => {
  const block = functionBlock(outer)
  const { symbols } = block
  const shape = shapeOf(node, line)
  for (const param of shape.params) symbols.parameter(param)
  const special = (["caller", "kwargs", "varargs"] as const).filter((name) =>
    shape[name] && !shape.params.includes(name)
  )
  const slots = [...shape.params, ...special].map((name) => symbols.parameter(name).index)
  Symbols.macro(symbols, node)
  const fill = defaults(block, shape.params, node.signature.defaults, slots)
  const body = compileBody(block)
  const start = enter(block)
  const cost = block.cost
  const run = (machine: Machine, parent: Frame, bound: ReadonlyArray<Value | undefined>): string => {
    machine.enter(callDepth)
    machine.spend(cost.nodes + callDepth)
    const frame = new Frame(symbols.unit, parent, machine, parent.context)
    slots.forEach((slot, index) => {
      frame.slots[slot] = bound[index]
    })
    const { text } = machine.capture(() => {
      start(frame)
      fill(frame)
      body(frame)
    })
    machine.text(text.length)
    machine.leave(callDepth)
    return text
  }
  const label = `<Macro ${shape.name === undefined ? "anonymous" : `'${shape.name}'`}>`
  const attributes = new Map<string, Value>([
    ["name", shape.name ?? null],
    ["arguments", [...shape.params]],
    ["catch_kwargs", shape.kwargs],
    ["catch_varargs", shape.varargs],
    ["caller", shape.caller],
    ["explicit_caller", shape.params.includes("caller")]
  ])
  return (parent) =>
    new Callable(label, (machine, args, kwargs) => {
      const text = run(machine, parent, bind(shape, args, kwargs))
      return outer.escaping ? new Markup(text) : text
    }, attributes)
}
