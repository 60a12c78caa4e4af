/** Statements to closures. */
import type { Body, CallBlock, If, Macro, SetBlock, Statement, With } from "../syntax/Ast.ts"
import type { Slot } from "../syntax/Symbols.ts"
import * as Symbols from "../syntax/Symbols.ts"
import { truthy } from "../values/Compare.ts"
import { escape } from "../values/Escape.ts"
import { fail, Failure } from "../values/Failure.ts"
import { str } from "../values/Text.ts"
import { Markup, type Value } from "../values/Value.ts"
import { compile, compileCall, compileCondition } from "./Expressions.ts"
import { type Block, enter, type Execute, Frame, innerBlock, leave, read, rootBlock, write } from "./Frame.ts"
import { compileFor, scope } from "./Loops.ts"
import { compileMacro } from "./Macros.ts"
import { assign, assignAndExport, checkNamespaces } from "./Targets.ts"

/** Runs statements one after the other until one leaves the loop. */
export const compileBody = (block: Block, body: Body): Execute => {
  const steps = body.map((node) => compileStatement(block, node))
  const [first, second] = steps
  if (first === undefined) return () => 0
  if (second === undefined) return first
  return (frame) => {
    for (const step of steps) {
      const signal = step(frame)
      if (signal !== 0) return signal
    }
    return 0
  }
}

const text = (content: string): Execute => (frame) => {
  frame.machine.emit(content)
  return 0
}

const print = (block: Block, node: Statement & { readonly type: "Print" }): Execute => {
  const value = compile(block, node.value)
  const { line } = node
  if (node.value.type === "Const" && typeof node.value.value === "string" && !block.escaping) {
    return text(node.value.value)
  }
  if (block.escaping) {
    return (frame) => {
      frame.machine.line = line
      frame.machine.emit(escape(frame.machine, value(frame)).text)
      return 0
    }
  }
  return (frame) => {
    const { machine } = frame
    machine.line = line
    const result = value(frame)
    machine.emit(typeof result === "string" ? result : str(machine, result))
    return 0
  }
}

const set = (block: Block, node: Statement & { readonly type: "Set" }): Execute => {
  const value = compile(block, node.value)
  const store = assignAndExport(block, node.target)
  const check = checkNamespaces(block, node.target)
  const { line } = node
  return (frame) => {
    frame.machine.line = line
    if (check !== undefined) check(frame)
    store(frame, value(frame))
    return 0
  }
}

const branch = (block: Block, node: If, line: number): Execute => {
  const soft = { ...block, soft: true }
  const branches = node.branches.map(([test, body]) => [compileCondition(soft, test), compileBody(soft, body)] as const)
  const otherwise = compileBody(soft, node.otherwise)
  const [single] = branches
  if (branches.length === 1 && single !== undefined) {
    const [test, body] = single
    return (frame) => {
      frame.machine.line = line
      return test(frame) ? body(frame) : otherwise(frame)
    }
  }
  return (frame) => {
    frame.machine.line = line
    for (const [test, body] of branches) if (test(frame)) return body(frame)
    return otherwise(frame)
  }
}

const autoescape = (block: Block, node: Statement & { readonly type: "Scope" }): Execute => {
  if (node.head.type !== "Const") throw new Failure("Syntax", "autoescape takes a constant", node.line)
  return scope({ ...block, escaping: truthy(node.head.value) }, node.body, compileBody)
}

/** `{% generation %}`: a body in place, whose text is the assistant's. */
const generation = (block: Block, body: Body): Execute => {
  const run = scope(block, body, compileBody)
  return (frame) => {
    const { machine } = frame
    const start = machine.position
    const before = machine.out.length
    const signal = run(frame)
    machine.assistant.push({ start, end: start + machine.out.length - before })
    return signal
  }
}

const macro = (block: Block, node: Macro, line: number): Execute => {
  const make = compileMacro(block, node, line, (own) => compileBody(own, node.body))
  const store = assignAndExport(block, { type: "Name", name: node.name, line })
  return (frame) => {
    store(frame, make(frame))
    return 0
  }
}

const callBlock = (block: Block, node: CallBlock, line: number): Execute => {
  const make = compileMacro(block, node, line, (own) => compileBody(own, node.body))
  const call = compileCall(block, node.call, (frame, kwargs) => new Map([...kwargs, ["caller", make(frame)]]))
  return (frame) => {
    frame.machine.line = line
    frame.machine.emit(str(frame.machine, call(frame)))
    return 0
  }
}

/** Collects the text of a body, then hands it on; nothing is handed on when the body leaves its loop. */
const captured = (own: Block, body: Body, slot: Slot, then: (frame: Frame, content: Value) => void): Execute => {
  const run = compileBody(own, body)
  const start = enter(own)
  const end = leave(own)
  const keep = write(own.symbols.unit, slot)
  return (frame) => {
    start(frame)
    const { result, text: content } = frame.machine.capture(() => run(frame))
    if (result === 0) {
      const value = own.escaping ? new Markup(content) : content
      keep(frame, value)
      then(frame, value)
    }
    end(frame)
    return result
  }
}

const filterBlock = (block: Block, node: Statement & { readonly type: "FilterBlock" }): Execute => {
  const slot = block.symbols.temporary()
  const own = { ...innerBlock(block), captured: slot }
  Symbols.body(own.symbols, node.body)
  Symbols.expression(own.symbols, node.filter)
  const filter = compile(own, node.filter)
  return captured(own, node.body, slot, (frame) => frame.machine.emit(str(frame.machine, filter(frame))))
}

const setBlock = (block: Block, node: SetBlock): Execute => {
  const slot = block.symbols.temporary()
  const own = { ...innerBlock(block), captured: slot }
  Symbols.body(own.symbols, node.body)
  const store = assignAndExport(block, node.target)
  if (node.filter === undefined) return captured(own, node.body, slot, store)
  Symbols.expression(own.symbols, node.filter)
  const filter = compile(own, node.filter)
  return captured(own, node.body, slot, (frame) => store(frame, filter(frame)))
}

const withBlock = (block: Block, node: With): Execute => {
  const own = innerBlock(block)
  Symbols.withBody(own.symbols, node)
  const pairs = node.targets.map((target, index) => {
    const value = node.values[index]
    return [assign(own, target), value === undefined ? () => null : compile(block, value)] as const
  })
  const run = compileBody(own, node.body)
  const start = enter(own)
  const end = leave(own)
  return (frame) => {
    start(frame)
    for (const [store, value] of pairs) store(frame, value(frame))
    const signal = run(frame)
    end(frame)
    return signal
  }
}

/** `{% block %}`: sees the call's variables and what the top level set; `scoped` adds the variables around it. */
const namedBlock = (block: Block, node: Statement & { readonly type: "Block" }): Execute => {
  const own: Block = { ...rootBlock(), toplevel: false, escaping: block.escaping, cost: block.cost }
  Symbols.body(own.symbols, node.body)
  const run = compileBody(own, node.body)
  const start = enter(own)
  const visible = node.scoped ? scopedNames(block) : []
  return (parent) => {
    const { context } = parent
    const frame = new Frame(own.symbols.unit, undefined, parent.machine, context)
    const hidden = visible.map(([name, get]) => {
      const before = context.get(name)
      const value = get(parent)
      if (value !== undefined) context.set(name, value)
      return [name, before] as const
    })
    start(frame)
    run(frame)
    for (const [name, before] of hidden) {
      if (before === undefined) context.delete(name)
      else context.set(name, before)
    }
    return 0
  }
}

const scopedNames = (block: Block): ReadonlyArray<readonly [string, (frame: Frame) => Value | undefined]> => {
  const names = new Set<string>()
  for (let symbols: Symbols.Symbols | undefined = block.symbols; symbols !== undefined; symbols = symbols.parent) {
    for (const name of symbols.stores) names.add(name)
  }
  return Array.from(names, (name) => {
    const slot = block.symbols.find(name)
    return [name, slot === undefined ? () => undefined : read(block.symbols.unit, slot)] as const
  })
}

const leaveLoop = (block: Block, node: Statement & { readonly type: "Break" | "Continue" }): Execute => {
  if (!block.inLoop) throw new Failure("Syntax", `'${node.type.toLowerCase()}' outside loop`, node.line)
  return node.type === "Break" ? () => 1 : () => 2
}

const load = (block: Block, node: Statement & { readonly type: "Load" }): Execute => {
  const template = compile(block, node.template)
  return (frame) => {
    frame.machine.line = node.line
    template(frame)
    return fail("no loader for this environment specified")
  }
}

const compileStatement = (block: Block, node: Statement): Execute => {
  block.cost.nodes++
  switch (node.type) {
    case "Text":
      return text(node.text)
    case "Print":
      return print(block, node)
    case "Set":
      return set(block, node)
    case "If":
      return branch(block, node, node.line)
    case "For":
      return compileFor(block, node, node.line, compileBody)
    case "Macro":
      return macro(block, node, node.line)
    case "CallBlock":
      return callBlock(block, node, node.line)
    case "FilterBlock":
      return filterBlock(block, node)
    case "SetBlock":
      return setBlock(block, node)
    case "With":
      return withBlock(block, node)
    case "Generation":
      return generation(block, node.body)
    case "Scope":
      return autoescape(block, node)
    case "Block":
      return namedBlock(block, node)
    case "Break":
    case "Continue":
      return leaveLoop(block, node)
    case "Load":
      return load(block, node)
  }
}
