/** What a template reads from the special variable `loop`. */
import { equal } from "../values/Compare.ts"
import { fail } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { Callable, type Loop, Undefined, type Value } from "../values/Value.ts"

const cycle = (loop: Loop) =>
  new Callable(
    "<bound method LoopContext.cycle>",
    (_, args) => args.length === 0 ? fail("no items for cycling given") : args[loop.index0 % args.length] ?? null
  )

const unchanged = (machine: Machine, before: ReadonlyArray<Value> | undefined, now: ReadonlyArray<Value>): boolean =>
  before !== undefined && before.length === now.length
  && now.every((value, index) => equal(machine, before[index] ?? null, value))

const changed = (loop: Loop) =>
  new Callable("<bound method LoopContext.changed>", (machine, args) => {
    if (unchanged(machine, loop.lastChanged, args)) return false
    loop.lastChanged = args
    return true
  })

/** The attributes of a loop that do not depend on anything else. */
export const loopAttributes: ReadonlyMap<string, (loop: Loop) => Value> = new Map(
  Object.entries<(loop: Loop) => Value>({
    index: (loop) => loop.index0 + 1,
    index0: (loop) => loop.index0,
    revindex: (loop) => loop.length - loop.index0,
    revindex0: (loop) => loop.length - loop.index0 - 1,
    first: (loop) => loop.index0 === 0,
    last: (loop) => loop.isLast,
    length: (loop) => loop.length,
    depth: (loop) => loop.depth0 + 1,
    depth0: (loop) => loop.depth0,
    previtem: (loop) => loop.index0 === 0 ? new Undefined(() => "there is no previous item") : loop.before ?? null,
    nextitem: (loop) => {
      const next = loop.peek()
      return next === "end" ? new Undefined(() => "there is no next item") : next.item
    },
    cycle,
    changed
  })
)
