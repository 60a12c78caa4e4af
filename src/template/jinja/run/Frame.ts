/** What the compiler knows about the current block, and what a running block works with. */
import { type Load, type Slot, Symbols, Unit } from "../syntax/Symbols.ts"
import type { Machine } from "../values/Machine.ts"
import type { Value } from "../values/Value.ts"

/** Variables of the call, then names exported by the template's top level. */
export type Variables = Map<string, Value>

/** The variables of one call of a `Unit`. A slot that holds `undefined` was never assigned. */
export class Frame {
  readonly slots: Array<Value | undefined> = []
  readonly parent: Frame | undefined
  readonly machine: Machine
  readonly context: Variables
  constructor(unit: Unit, parent: Frame | undefined, machine: Machine, context: Variables) {
    for (let i = 0; i < unit.size; i++) this.slots.push(undefined)
    this.parent = parent
    this.machine = machine
    this.context = context
  }
}

export type Evaluate = (frame: Frame) => Value

/** How a block ended: 0 at its end, 1 by `break`, 2 by `continue`. */
export type Signal = 0 | 1 | 2
export type Execute = (frame: Frame) => Signal

/** The compile-time side of a block. */
export interface Block {
  readonly symbols: Symbols
  /** The template's own level, `if` included: what is set here is seen by `{% block %}`. */
  readonly toplevel: boolean
  /** Inside `if` or an inline `if`: an unknown filter fails when it is used, elsewhere at once. */
  readonly soft: boolean
  /** Whether `break` and `continue` have a loop to leave. */
  readonly inLoop: boolean
  /** Inside `{% autoescape true %}`. */
  readonly escaping: boolean
  /** Where the text of the enclosing filter block or set block is. */
  readonly captured: Slot | undefined
  /** Counts expression nodes and statements, which is what one pass through a block costs. */
  readonly cost: { nodes: number }
}

export const rootBlock = (): Block => ({
  symbols: new Symbols(new Unit(undefined), undefined),
  toplevel: true,
  soft: false,
  inLoop: false,
  escaping: false,
  captured: undefined,
  cost: { nodes: 0 }
})

/** A block with variables of its own inside the same function. */
export const innerBlock = (block: Block): Block => ({
  ...block,
  symbols: new Symbols(block.symbols.unit, block.symbols),
  toplevel: false,
  soft: false
})

/** A block that is a function of its own: a macro, a recursive loop. */
export const functionBlock = (block: Block): Block => ({
  ...innerBlock(block),
  symbols: new Symbols(new Unit(block.symbols.unit), block.symbols),
  inLoop: false,
  cost: { nodes: 0 }
})

const hops = (from: Unit, to: Unit): number => {
  let count = 0
  for (let unit: Unit | undefined = from; unit !== undefined && unit !== to; unit = unit.parent) count++
  return count
}

const up = (frame: Frame, levels: number): Frame => {
  let found = frame
  for (let i = 0; i < levels && found.parent !== undefined; i++) found = found.parent
  return found
}

export const read = (from: Unit, slot: Slot): (frame: Frame) => Value | undefined => {
  const { index } = slot
  const levels = hops(from, slot.unit)
  return levels === 0 ? (frame) => frame.slots[index] : (frame) => up(frame, levels).slots[index]
}

export const write = (from: Unit, slot: Slot): (frame: Frame, value: Value | undefined) => void => {
  const { index } = slot
  const levels = hops(from, slot.unit)
  return levels === 0
    ? (frame, value) => {
      frame.slots[index] = value
    }
    : (frame, value) => {
      up(frame, levels).slots[index] = value
    }
}

const loader = (unit: Unit, slot: Slot, load: Load): ((frame: Frame) => void) | undefined => {
  if (load === "parameter") return undefined
  const { index } = slot
  if (load === "undefined") {
    return (frame) => {
      frame.slots[index] = undefined
    }
  }
  if ("resolve" in load) {
    const { resolve } = load
    return (frame) => {
      frame.slots[index] = frame.context.get(resolve)
    }
  }
  const outer = read(unit, load.alias)
  return (frame) => {
    frame.slots[index] = outer(frame)
  }
}

/** Fills the block's variables with what they start from. */
export const enter = (block: Block): (frame: Frame) => void => {
  const steps: Array<(frame: Frame) => void> = []
  for (const [slot, load] of block.symbols.loads) {
    const step = loader(block.symbols.unit, slot, load)
    if (step !== undefined) steps.push(step)
  }
  const [first, second] = steps
  if (first === undefined) return () => {}
  if (second === undefined) return first
  return (frame) => {
    for (const step of steps) step(frame)
  }
}

/** Forgets the block's variables, so that a macro that outlives the block no longer sees them. */
export const leave = (block: Block): (frame: Frame) => void => {
  const indices = Array.from(block.symbols.loads.keys(), (slot) => slot.index)
  return (frame) => {
    for (const index of indices) frame.slots[index] = undefined
  }
}
