/** Expressions to closures. A closure does one thing and branches only on what the compiler could not know. */
import { filters, tests } from "../filters/Registry.ts"
import { add, binary, negate, positive } from "../methods/Arithmetic.ts"
import { getattr, getitem, isDictName } from "../methods/Attribute.ts"
import { loopAttributes } from "../methods/LoopMethods.ts"
import type { Arguments, Comparator, Expression } from "../syntax/Ast.ts"
import type { Native } from "../values/Argument.ts"
import { keyOf, missing, truthy } from "../values/Compare.ts"
import { escape, joinMarkup } from "../values/Escape.ts"
import { fail, Failure } from "../values/Failure.ts"
import { listOf } from "../values/Iterate.ts"
import type { Operator } from "../values/Number.ts"
import { slice } from "../values/Slice.ts"
import { str, typeName } from "../values/Text.ts"
import { Dict, type Kwargs, Loop, noKwargs, stringKey, Tuple, Undefined, type Value } from "../values/Value.ts"
import { comparators, type Condition, equalsText } from "./Comparators.ts"
import type { Block, Evaluate, Frame } from "./Frame.ts"
import { read } from "./Frame.ts"
import { invoke, methodCall, type Supply } from "./Invocation.ts"

const compileAll = (block: Block, nodes: ReadonlyArray<Expression>): ReadonlyArray<Evaluate> =>
  nodes.map((node) => compile(block, node))

const evaluateAll = (frame: Frame, items: ReadonlyArray<Evaluate>): Array<Value> => {
  const values: Array<Value> = []
  for (const item of items) values.push(item(frame))
  return values
}

const name = (block: Block, variable: string): Evaluate => {
  const slot = block.symbols.find(variable)
  const undefinedName = () => new Undefined(() => `'${variable}' is undefined`)
  // every name was met by the analysis of its block; one that was not cannot have a value
  if (slot === undefined) return undefinedName
  const get = read(block.symbols.unit, slot)
  return (frame) => {
    const value = get(frame)
    return value === undefined ? undefinedName() : value
  }
}

const dict = (block: Block, pairs: ReadonlyArray<readonly [Expression, Expression]>): Evaluate => {
  const compiled = pairs.map(([key, value]) => [compile(block, key), compile(block, value)] as const)
  return (frame) => {
    const made = new Dict()
    for (const [keyOfPair, valueOfPair] of compiled) {
      const key = keyOfPair(frame)
      made.set(keyOf(frame.machine, key), key, valueOfPair(frame))
    }
    return made
  }
}

const attribute = (block: Block, node: Expression, attributeName: string): Evaluate => {
  const object = compile(block, node)
  const key = stringKey(attributeName)
  if (isDictName(attributeName)) return (frame) => getattr(frame.machine, object(frame), attributeName)
  const ofLoop = loopAttributes.get(attributeName)
  return (frame) => {
    const value = object(frame)
    if (!(value instanceof Dict)) {
      return ofLoop !== undefined && value instanceof Loop
        ? ofLoop(value)
        : getattr(frame.machine, value, attributeName)
    }
    const found = value.get(key)
    return found === undefined ? missing(frame.machine, value, attributeName) : found
  }
}

const item = (block: Block, node: Expression, key: Expression): Evaluate => {
  const object = compile(block, node)
  if (key.type === "Const" && typeof key.value === "string") {
    const constant = key.value
    const mapKey = stringKey(constant)
    return (frame) => {
      const value = object(frame)
      const found = value instanceof Dict ? value.get(mapKey) : undefined
      return found === undefined ? getitem(frame.machine, value, constant) : found
    }
  }
  const index = compile(block, key)
  return (frame) => {
    const value = object(frame)
    return getitem(frame.machine, value, index(frame))
  }
}

const optional = (block: Block, node: Expression | undefined): Evaluate =>
  node === undefined ? () => null : compile(block, node)

const noArguments: ReadonlyArray<Value> = []

const supplyArgs = (block: Block, call: Arguments): Supply<ReadonlyArray<Value>> => {
  const items = compileAll(block, call.args)
  const more = call.dynArgs === undefined ? undefined : compile(block, call.dynArgs)
  const [first] = items
  if (more === undefined && items.length === 0) return () => noArguments
  if (more === undefined && items.length === 1 && first !== undefined) return (frame) => [first(frame)]
  return (frame) => {
    const values = evaluateAll(frame, items)
    if (more !== undefined) values.push(...listOf(frame.machine, more(frame)))
    return values
  }
}

const supplyKwargs = (block: Block, call: Arguments): Supply<Kwargs> | undefined => {
  const items = call.kwargs.map(([key, node]) => [key, compile(block, node)] as const)
  const more = call.dynKwargs === undefined ? undefined : compile(block, call.dynKwargs)
  if (items.length === 0 && more === undefined) return undefined
  return (frame) => {
    const values = new Map<string, Value>()
    for (const [key, value] of items) values.set(key, value(frame))
    if (more === undefined) return values
    const extra = more(frame)
    if (!(extra instanceof Dict)) return fail(`argument after ** must be a mapping, not ${typeName(extra)}`)
    for (const [key, value] of extra.pairs()) {
      if (typeof key !== "string") return fail("keywords must be strings")
      if (values.has(key)) return fail(`got multiple values for keyword argument '${key}'`)
      values.set(key, value)
    }
    return values
  }
}

/** A call; `extra` adds keyword arguments that the source does not show, such as `caller`. */
export const compileCall = (
  block: Block,
  node: Expression & { readonly type: "Call" },
  extra?: (frame: Frame, kwargs: Kwargs) => Kwargs
): Evaluate => {
  const args = supplyArgs(block, node.call)
  const written = supplyKwargs(block, node.call)
  const kwargs = extra === undefined
    ? written
    : (frame: Frame) => extra(frame, written === undefined ? noKwargs : written(frame))
  if (node.node.type === "Attribute") return methodCall(compile(block, node.node.node), node.node.name, args, kwargs)
  const target = compile(block, node.node)
  return (frame) => {
    const value = target(frame)
    return invoke(frame.machine, value, args(frame), kwargs === undefined ? noKwargs : kwargs(frame))
  }
}

const find = (
  block: Block,
  kind: "filter" | "test",
  table: ReadonlyMap<string, Native>,
  wanted: string,
  line: number
): Native => {
  const found = table.get(wanted)
  if (found !== undefined) return found
  if (!block.soft) throw new Failure("Syntax", `No ${kind} named '${wanted}'.`, line)
  return { call: () => fail(`No ${kind} named '${wanted}' found.`) }
}

const applied = (
  block: Block,
  native: Native,
  value: Evaluate,
  call: Arguments
): Evaluate => {
  const args = supplyArgs(block, call)
  const kwargs = supplyKwargs(block, call)
  return (frame) => {
    const { machine } = frame
    machine.spend(1)
    const given = value(frame)
    return native.call(machine, given, args(frame), kwargs === undefined ? noKwargs : kwargs(frame))
  }
}

const capturedText = (block: Block): Evaluate => {
  const slot = block.captured
  if (slot === undefined) return () => ""
  const get = read(block.symbols.unit, slot)
  return (frame) => get(frame) ?? ""
}

const filter = (block: Block, node: Expression & { readonly type: "Filter" }): Evaluate => {
  const native = find(block, "filter", filters, node.name, node.line)
  return applied(block, native, node.node === undefined ? capturedText(block) : compile(block, node.node), node.call)
}

const not = (block: Block, node: Expression): Condition => {
  const holds = compileCondition(block, node)
  return (frame) => !holds(frame)
}

const logical = (block: Block, nodes: ReadonlyArray<Expression>, stopsAt: boolean): Evaluate => {
  const items = compileAll(block, nodes)
  return (frame) => {
    let value: Value = !stopsAt
    for (const part of items) {
      value = part(frame)
      if (truthy(value) === stopsAt) return value
    }
    return value
  }
}

const concat = (block: Block, nodes: ReadonlyArray<Expression>): Evaluate => {
  const items = compileAll(block, nodes)
  if (block.escaping) {
    return (frame) => joinMarkup(frame.machine, items.map((part) => escape(frame.machine, part(frame))))
  }
  return (frame) => {
    let text = ""
    for (const part of items) text += str(frame.machine, part(frame))
    frame.machine.text(text.length)
    return text
  }
}

const math = (block: Block, first: Expression, rest: ReadonlyArray<readonly [Operator, Expression]>): Evaluate => {
  const start = compile(block, first)
  const steps = rest.map(([operator, node]) => [operator, compile(block, node)] as const)
  if (steps.every(([operator]) => operator === "+")) {
    const operands = steps.map(([, operand]) => operand)
    const [second] = operands
    if (operands.length === 1 && second !== undefined) {
      return (frame) => add(frame.machine, start(frame), second(frame))
    }
    return (frame) => {
      let value = start(frame)
      for (const operand of operands) value = add(frame.machine, value, operand(frame))
      return value
    }
  }
  return (frame) => {
    let value = start(frame)
    for (const [operator, operand] of steps) value = binary(frame.machine, operator, value, operand(frame))
    return value
  }
}

const compare = (
  block: Block,
  first: Expression,
  rest: ReadonlyArray<readonly [Comparator, Expression]>
): Condition => {
  const start = compile(block, first)
  const [single] = rest
  if (rest.length === 1 && single !== undefined) {
    const [comparator, node] = single
    const operand = compile(block, node)
    if (node.type === "Const" && typeof node.value === "string" && (comparator === "==" || comparator === "!=")) {
      return equalsText(start, node.value, comparator === "==")
    }
    const holds = comparators[comparator]
    return (frame) => {
      const left = start(frame)
      return holds(frame.machine, left, operand(frame))
    }
  }
  const steps = rest.map(([comparator, node]) => [comparators[comparator], compile(block, node)] as const)
  return (frame) => {
    let left = start(frame)
    for (const [holds, operand] of steps) {
      const right = operand(frame)
      if (!holds(frame.machine, left, right)) return false
      left = right
    }
    return true
  }
}

const all = (block: Block, nodes: ReadonlyArray<Expression>, stopsAt: boolean): Condition => {
  const items = nodes.map((node) => compileCondition(block, node))
  return (frame) => {
    for (const holds of items) if (holds(frame) === stopsAt) return stopsAt
    return !stopsAt
  }
}

export const compileCondition = (block: Block, node: Expression): Condition => {
  switch (node.type) {
    case "Compare":
      block.cost.nodes++
      return compare(block, node.first, node.rest)
    case "Not":
      block.cost.nodes++
      return not(block, node.node)
    case "And":
    case "Or":
      block.cost.nodes++
      return all(block, node.items, node.type === "Or")
    default: {
      const value = compile(block, node)
      return (frame) => {
        const result = value(frame)
        return typeof result === "boolean" ? result : truthy(result)
      }
    }
  }
}

const conditional = (block: Block, node: Expression & { readonly type: "Conditional" }): Evaluate => {
  const soft = { ...block, soft: true }
  const test = compileCondition(soft, node.test)
  const then = compile(soft, node.outcome)
  const message = `the inline if-expression on line ${node.line} evaluated to false and no else section was defined.`
  const otherwise: Evaluate = node.otherwise === undefined
    ? () => new Undefined(() => message)
    : compile(soft, node.otherwise)
  return (frame) => test(frame) ? then(frame) : otherwise(frame)
}

const unary = (block: Block, node: Expression, apply: (value: Value) => Value): Evaluate => {
  const value = compile(block, node)
  return (frame) => apply(value(frame))
}

const sliced = (block: Block, node: Expression & { readonly type: "Slice" }): Evaluate => {
  const object = compile(block, node.node)
  const start = optional(block, node.start)
  const stop = optional(block, node.stop)
  const step = optional(block, node.step)
  return (frame) => {
    const value = object(frame)
    return slice(frame.machine, value, start(frame), stop(frame), step(frame))
  }
}

const list = (block: Block, nodes: ReadonlyArray<Expression>): Evaluate => {
  const items = compileAll(block, nodes)
  return (frame) => evaluateAll(frame, items)
}

export const compile = (block: Block, node: Expression): Evaluate => {
  block.cost.nodes++
  switch (node.type) {
    case "Const": {
      const { value } = node
      return () => value
    }
    case "Name":
      return name(block, node.name)
    case "List":
      return list(block, node.items)
    case "Tuple": {
      const items = compileAll(block, node.items)
      return (frame) => new Tuple(evaluateAll(frame, items))
    }
    case "Dict":
      return dict(block, node.pairs)
    case "Attribute":
      return attribute(block, node.node, node.name)
    case "Item":
      return item(block, node.node, node.key)
    case "Slice":
      return sliced(block, node)
    case "Call":
      return compileCall(block, node)
    case "Filter":
      return filter(block, node)
    case "Test":
      return applied(block, find(block, "test", tests, node.name, node.line), compile(block, node.node), node.call)
    case "Not":
      return not(block, node.node)
    case "Negate":
      return unary(block, node.node, negate)
    case "Positive":
      return unary(block, node.node, positive)
    case "And":
      return logical(block, node.items, false)
    case "Or":
      return logical(block, node.items, true)
    case "Concat":
      return concat(block, node.items)
    case "Math":
      return math(block, node.first, node.rest)
    case "Compare":
      return compare(block, node.first, node.rest)
    case "Conditional":
      return conditional(block, node)
  }
}
