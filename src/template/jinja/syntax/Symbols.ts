/**
 * Where each variable is stored. Jinja decides at compile time, block by block, whether a name is the block's own, an
 * outer block's, or one of the call's variables; a `set` after a use, in a branch or in a loop has effects that only
 * this decision explains. The rules are those of Jinja's `idtracking`, reimplemented on this package's tree.
 */
import type { Arguments, Body, CallBlock, Expression, For, Macro, Statement, Target, With } from "./Ast.ts"

/** One function of the compiled template: the template itself, a macro, a recursive loop. Its variables share one array. */
export class Unit {
  size = 0
  readonly parent: Unit | undefined
  constructor(parent: Unit | undefined) {
    this.parent = parent
  }
}

export interface Slot {
  readonly unit: Unit
  readonly index: number
}

/** What a slot holds when its block is entered: a parameter, nothing yet, a variable of the call, another slot's value. */
export type Load = "parameter" | "undefined" | { readonly resolve: string } | { readonly alias: Slot }

const noLoads: ReadonlyMap<Slot, Load> = new Map()
const noNames: ReadonlySet<string> = new Set()

/**
 * The names of one block. A branch has symbols of its own while it is visited, which hold only what it adds to those of its
 * block: most branches add nothing, and a copy for each would cost their number times that of the names.
 */
export class Symbols {
  readonly parent: Symbols | undefined
  readonly unit: Unit
  /** For a branch: the block that it is a part of, as it was before the branch. */
  private readonly base: Symbols | undefined
  private refs: Map<string, Slot> | undefined
  private loaded: Map<Slot, Load> | undefined
  private stored: Set<string> | undefined
  /** Shared by the branches of a block, so that one name is one slot in all of them. */
  private readonly slots: Map<string, Slot>

  constructor(unit: Unit, parent: Symbols | undefined, base?: Symbols) {
    this.unit = unit
    this.parent = parent
    this.base = base
    this.slots = base === undefined ? new Map() : base.slots
  }

  /** What each slot holds when the block is entered. */
  get loads(): ReadonlyMap<Slot, Load> {
    return this.loaded ?? noLoads
  }

  /** Names that the block sets. */
  get stores(): ReadonlySet<string> {
    return this.stored ?? noNames
  }

  branch(): Symbols {
    return new Symbols(this.unit, this.parent, this)
  }

  /** A slot that no name refers to. */
  temporary(): Slot {
    return { unit: this.unit, index: this.unit.size++ }
  }

  private define(name: string, load: Load): Slot {
    const slot = this.slots.get(name) ?? this.temporary()
    this.slots.set(name, slot)
    ;(this.refs ??= new Map()).set(name, slot)
    ;(this.loaded ??= new Map()).set(slot, load)
    return slot
  }

  private own(name: string): Slot | undefined {
    return this.refs?.get(name) ?? this.base?.own(name)
  }

  private isStored(name: string): boolean {
    return this.stores.has(name) || (this.base?.isStored(name) ?? false)
  }

  find(name: string): Slot | undefined {
    return this.own(name) ?? this.parent?.find(name)
  }

  parameter(name: string): Slot {
    ;(this.stored ??= new Set()).add(name)
    return this.define(name, "parameter")
  }

  load(name: string): void {
    if (this.find(name) === undefined) this.define(name, { resolve: name })
  }

  store(name: string): void {
    ;(this.stored ??= new Set()).add(name)
    if (this.own(name) !== undefined) return
    const outer = this.parent?.find(name)
    this.define(name, outer === undefined ? "undefined" : { alias: outer })
  }

  /** A name stored in some branches only keeps, in the others, the value it has outside. */
  merge(branches: ReadonlyArray<Symbols>): void {
    const fresh = new Set<string>()
    for (const branch of branches) for (const name of branch.stores) if (!this.isStored(name)) fresh.add(name)
    for (const branch of branches) {
      if (branch.refs !== undefined) {
        this.refs ??= new Map()
        for (const [name, slot] of branch.refs) this.refs.set(name, slot)
      }
      if (branch.loaded !== undefined) {
        this.loaded ??= new Map()
        for (const [slot, load] of branch.loaded) this.loaded.set(slot, load)
      }
    }
    if (fresh.size === 0) return
    this.stored ??= new Set()
    this.loaded ??= new Map()
    for (const name of fresh) {
      this.stored.add(name)
      const slot = this.find(name)
      if (slot === undefined) continue
      const outer = this.parent?.find(name)
      this.loaded.set(slot, outer === undefined ? { resolve: name } : { alias: outer })
    }
  }
}

export const visitTarget = (
  target: Target,
  onName: (name: string) => void,
  onNamespace: (name: string) => void
): void => {
  if (target.type === "Name") onName(target.name)
  else if (target.type === "NamespaceRef") onNamespace(target.name)
  else for (const item of target.items) visitTarget(item, onName, onNamespace)
}

const storeTarget = (symbols: Symbols, target: Target): void =>
  visitTarget(target, (name) => symbols.store(name), (name) => symbols.load(name))

const declareTarget = (symbols: Symbols, target: Target): void =>
  visitTarget(target, (name) => symbols.parameter(name), (name) => symbols.load(name))

const callParts = (call: Arguments, visit: (node: Expression | undefined) => void): void => {
  for (const node of call.args) visit(node)
  for (const [, node] of call.kwargs) visit(node)
  visit(call.dynArgs)
  visit(call.dynKwargs)
}

/** Visits the direct parts of an expression, in the order they are written. */
const parts = (node: Expression, visit: (node: Expression | undefined) => void): void => {
  switch (node.type) {
    case "Const":
    case "Name":
      return
    case "Tuple":
    case "List":
    case "And":
    case "Or":
    case "Concat":
      for (const item of node.items) visit(item)
      return
    case "Dict":
      for (const [key, value] of node.pairs) {
        visit(key)
        visit(value)
      }
      return
    case "Attribute":
    case "Not":
    case "Negate":
    case "Positive":
      return visit(node.node)
    case "Item":
      visit(node.node)
      return visit(node.key)
    case "Slice":
      visit(node.node)
      visit(node.start)
      visit(node.stop)
      return visit(node.step)
    case "Call":
    case "Filter":
    case "Test":
      visit(node.node)
      return callParts(node.call, visit)
    case "Math":
    case "Compare":
      visit(node.first)
      for (const [, operand] of node.rest) visit(operand)
      return
    case "Conditional":
      visit(node.test)
      visit(node.outcome)
      return visit(node.otherwise)
  }
}

export const expression = (symbols: Symbols, node: Expression | undefined): void => {
  const visit = (part: Expression | undefined): void => {
    if (part === undefined) return
    if (part.type === "Name") symbols.load(part.name)
    else parts(part, visit)
  }
  visit(node)
}

const branches = (symbols: Symbols, all: ReadonlyArray<readonly [Expression, Body]>, otherwise: Body): void => {
  const [first, ...rest] = all
  if (first === undefined) return
  expression(symbols, first[0])
  const inBranch = (visit: (copy: Symbols) => void): Symbols => {
    const copy = symbols.branch()
    visit(copy)
    return copy
  }
  symbols.merge([
    inBranch((copy) => body(copy, first[1])),
    inBranch((copy) => {
      // each elif is an `if` of its own inside this branch
      for (const branch of rest) branches(copy, [branch], [])
    }),
    inBranch((copy) => body(copy, otherwise))
  ])
}

const statement = (symbols: Symbols, node: Statement): void => {
  switch (node.type) {
    case "Print":
      return expression(symbols, node.value)
    case "Set":
      expression(symbols, node.value)
      return storeTarget(symbols, node.target)
    case "SetBlock":
      return storeTarget(symbols, node.target)
    case "If":
      return branches(symbols, node.branches, node.otherwise)
    case "For":
      return expression(symbols, node.iter)
    case "Macro":
      return symbols.store(node.name)
    case "CallBlock":
      return expression(symbols, node.call)
    case "FilterBlock":
      return expression(symbols, node.filter)
    case "With":
      for (const value of node.values) expression(symbols, value)
      return
    case "Load":
      expression(symbols, node.template)
      for (const name of node.stores) symbols.store(name)
      return
    default:
  }
}

/** Names used by statements that share the block of `symbols`; nested blocks are left to themselves. */
export const body = (symbols: Symbols, statements: Body): void => {
  for (const node of statements) statement(symbols, node)
}

export const forBody = (symbols: Symbols, node: For): void => {
  declareTarget(symbols, node.target)
  body(symbols, node.body)
}

export const forTest = (symbols: Symbols, node: For): void => {
  declareTarget(symbols, node.target)
  expression(symbols, node.test)
}

export const macro = (symbols: Symbols, node: Macro | CallBlock): void => {
  for (const name of node.signature.params) symbols.parameter(name)
  for (const value of node.signature.defaults) expression(symbols, value)
  body(symbols, node.body)
}

export const withBody = (symbols: Symbols, node: With): void => {
  for (const target of node.targets) declareTarget(symbols, target)
  body(symbols, node.body)
}

/** Which of `names` a body reads before it sets them, nested blocks included. */
export const undeclared = (statements: Body, names: ReadonlyArray<string>): ReadonlySet<string> => {
  const open = new Set(names)
  const found = new Set<string>()
  const inExpression = (node: Expression | undefined): void => {
    if (node === undefined) return
    if (node.type !== "Name") parts(node, inExpression)
    else if (open.has(node.name)) found.add(node.name)
  }
  const inTarget = (target: Target): void => visitTarget(target, (name) => open.delete(name), () => {})
  walk(statements, inExpression, inTarget)
  return found
}

/** Every expression and target below these statements, but for those in `{% block %}`. */
export const walk = (
  statements: Body,
  onExpression: (node: Expression | undefined) => void,
  onTarget: (target: Target) => void
): void => {
  const inside = (nodes: Body): void => walk(nodes, onExpression, onTarget)
  for (const node of statements) {
    if ("target" in node) onTarget(node.target)
    if ("value" in node) onExpression(node.value)
    if ("iter" in node) {
      onExpression(node.iter)
      onExpression(node.test)
    }
    if ("template" in node) onExpression(node.template)
    if ("call" in node) onExpression(node.call)
    if ("filter" in node) onExpression(node.filter)
    if ("signature" in node) { for (const value of node.signature.defaults) onExpression(value) }
    if (node.type === "With") {
      for (const target of node.targets) onTarget(target)
      for (const value of node.values) onExpression(value)
    }
    if (node.type === "If") {
      for (const [test, branch] of node.branches) {
        onExpression(test)
        inside(branch)
      }
    }
    if ("body" in node && node.type !== "Block") inside(node.body)
    if ("otherwise" in node) inside(node.otherwise)
  }
}
