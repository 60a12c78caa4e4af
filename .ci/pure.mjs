// Calls that make the values of a module have no other effect: package.json says so of whole files (`sideEffects`). Once
// modules are merged, bundlers go by statements, so each such call says it of itself.
import { parseSync } from "rolldown/utils"

const mark = "/* @__PURE__ */ "

/** Where calls begin that run when a module is read. */
const calls = (node, found) => {
  if (Array.isArray(node)) { for (const each of node) calls(each, found) }
  else if (typeof node?.type === "string") {
    // what a function does, it does later
    if (/Function/.test(node.type)) return found
    if (node.type === "CallExpression" || node.type === "NewExpression") found.add(node.start)
    for (const each of Object.values(node)) if (typeof each === "object") calls(each, found)
  }
  return found
}

const declares = /^(?:Class|Export\w+|Variable)Declaration$/

/** For a build: marks the calls in declarations. */
export const plugin = {
  name: "pure",
  transform: (code, id) => {
    const { program } = parseSync(id, code)
    const at = [...calls(program.body.filter(({ type }) => declares.test(type)), new Set())].toSorted((a, b) => b - a)
    return { code: at.reduce((text, start) => `${text.slice(0, start)}${mark}${text.slice(start)}`, code), map: null }
  }
}
