/** `{% for %}`: plain, with the special variable `loop`, filtered, and recursive. */
import type { Body, For } from "../syntax/Ast.ts"
import * as Symbols from "../syntax/Symbols.ts"
import { Failure } from "../values/Failure.ts"
import { arrayOf, iterate, iterator, lengthOf } from "../values/Iterate.ts"
import type { Machine } from "../values/Machine.ts"
import { str } from "../values/Text.ts"
import { Iter, Loop, type Value } from "../values/Value.ts"
import { compile, compileCondition } from "./Expressions.ts"
import {
  type Block,
  enter,
  type Evaluate,
  type Execute,
  Frame,
  functionBlock,
  innerBlock,
  leave,
  type Signal
} from "./Frame.ts"
import { type Assign, assign, packed } from "./Targets.ts"

/** Nesting of recursive loops, in levels of the machine's depth. */
const recursionDepth = 5

type CompileBody = (block: Block, body: Body) => Execute

interface Parts {
  readonly target: Assign
  readonly start: (frame: Frame) => void
  readonly body: Execute
  readonly end: (frame: Frame) => void
  readonly otherwise: Execute | undefined
  readonly cost: { readonly nodes: number }
}

type Recurse = (machine: Machine, items: Value, depth: number) => string

const refuseLoopTarget = (node: For, line: number): void =>
  Symbols.walk([{ ...node, line }], () => {}, (target) =>
    Symbols.visitTarget(target, (name) => {
      if (name === "loop") {
        throw new Failure("Syntax", "Can't assign to special loop variable in for-loop target", target.line)
      }
    }, () => {}))

/** `for x in y if test`: a lazy filter with variables of its own. */
const filtered = (block: Block, node: For): ((frame: Frame, items: Value) => Value) | undefined => {
  if (node.test === undefined) return undefined
  const own = functionBlock(block)
  Symbols.forTest(own.symbols, node)
  const test = compileCondition(own, node.test)
  const set = assign(own, node.target)
  const start = enter(own)
  const shown = packed(own, node.target)
  function* passing(parent: Frame, items: Value): Generator<Value> {
    const frame = new Frame(own.symbols.unit, parent, parent.machine, parent.context)
    start(frame)
    for (const item of iterate(parent.machine, items)) {
      parent.machine.spend(own.cost.nodes)
      set(frame, item)
      if (test(frame)) yield shown(frame, item)
    }
  }
  return (frame, items) => new Iter(passing(frame, items))
}

const plainLoop = (parts: Parts) => (frame: Frame, items: Value): boolean => {
  const { machine } = frame
  let completed = false
  const source: Iterable<Value> = arrayOf(machine, items) ?? iterate(machine, items)
  for (const item of source) {
    machine.spend(1 + parts.cost.nodes)
    parts.target(frame, item)
    parts.start(frame)
    const signal = parts.body(frame)
    if (signal === 1) break
    if (signal === 0) completed = true
  }
  return completed
}

const extendedLoop = (parts: Parts, slot: number) =>
(
  frame: Frame,
  items: Value,
  depth: number,
  recurse: Recurse | undefined
): boolean => {
  const { machine } = frame
  const loop = new Loop(arrayOf(machine, items) ?? iterator(machine, items), lengthOf(machine, items), depth, recurse)
  let completed = false
  while (loop.advance()) {
    machine.spend(1 + parts.cost.nodes)
    parts.target(frame, loop.current ?? null)
    frame.slots[slot] = loop
    parts.start(frame)
    const signal = parts.body(frame)
    if (signal === 1) break
    if (signal === 0) completed = true
  }
  return completed
}

/** What happens after the last turn: the `else` of a loop in which no turn reached its end. */
const finish = (parts: Parts, frame: Frame, completed: boolean): Signal => {
  parts.end(frame)
  return completed || parts.otherwise === undefined ? 0 : parts.otherwise(frame)
}

/** A body with variables of its own, run in place. */
export const scope = (block: Block, body: Body, compileBody: CompileBody): Execute => {
  const own = innerBlock(block)
  Symbols.body(own.symbols, body)
  const run = compileBody(own, body)
  const start = enter(own)
  const end = leave(own)
  return (frame) => {
    start(frame)
    const signal = run(frame)
    end(frame)
    return signal
  }
}

export const compileFor = (block: Block, node: For, line: number, compileBody: CompileBody): Execute => {
  refuseLoopTarget(node, line)
  const scopedBlock = node.body.some((piece) => piece.type === "Block" && piece.scoped)
  const extended = node.recursive || scopedBlock || Symbols.undeclared(node.body, ["loop"]).has("loop")
  const around = node.recursive ? functionBlock(block) : block
  const own: Block = { ...innerBlock(around), inLoop: true, cost: { nodes: 0 } }
  const slot = extended ? own.symbols.parameter("loop").index : 0
  Symbols.forBody(own.symbols, node)
  const iter = compile(block, node.iter)
  const keep = filtered(around, node)
  const parts: Parts = {
    target: assign(own, node.target),
    body: compileBody(own, node.body),
    otherwise: node.otherwise.length === 0 ? undefined : scope(around, node.otherwise, compileBody),
    start: enter(own),
    end: leave(own),
    cost: own.cost
  }
  if (node.recursive) return recursiveLoop(around, iter, keep, parts, slot)
  const run = extended ? extendedLoop(parts, slot) : plainLoop(parts)
  return (frame) => {
    const items = iter(frame)
    return finish(parts, frame, run(frame, keep === undefined ? items : keep(frame, items), 0, undefined))
  }
}

const recursiveLoop = (
  around: Block,
  iter: Evaluate,
  keep: ((frame: Frame, items: Value) => Value) | undefined,
  parts: Parts,
  slot: number
): Execute => {
  const run = extendedLoop(parts, slot)
  return (parent) => {
    const recurse: Recurse = (machine, items, depth) => {
      machine.enter(recursionDepth)
      const frame = new Frame(around.symbols.unit, parent, machine, parent.context)
      const { text } = machine.capture(() =>
        finish(parts, frame, run(frame, keep === undefined ? items : keep(frame, items), depth, recurse))
      )
      machine.leave(recursionDepth)
      return text
    }
    parent.machine.emit(str(parent.machine, recurse(parent.machine, iter(parent), 0)))
    return 0
  }
}
