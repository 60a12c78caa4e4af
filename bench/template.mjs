// Renders templates with this package, with @huggingface/jinja, and where PYTHON names an interpreter that has them, with bare
// jinja2 and with transformers. Each template runs in a process of its own, as in a program that serves one model.
//
//   npm run build && PYTHON=python3 node bench/template.mjs [folder of .jinja files]
import { Template as Peer } from "@huggingface/jinja"
import { Result } from "effect"
import { execFileSync } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import * as ChatTemplate from "../dist/template/ChatTemplate.js"

const here = import.meta.dirname
const fixtures = join(here, "../test/fixtures/templates")

const turns = (count) =>
  Array.from(
    { length: count },
    (_, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content: `message ${i}: ${"some words ".repeat(20)}` })
  )
const { conversations } = JSON.parse(readFileSync(join(fixtures, "golden.json"), "utf8"))
const workloads = {
  "2 messages": { messages: turns(2) },
  "101 messages": { messages: turns(101) },
  "a tool call": { messages: conversations.call.messages, tools: conversations.call.tools ?? null }
}
const variables = {
  add_generation_prompt: true,
  documents: null,
  bos_token: "<s>",
  eos_token: "</s>",
  date_string: "10 Jul 2025"
}

/** The best of 25 rounds in microseconds. What is made is kept, so that nothing is optimised away, and read to its end. */
const timed = (run) => {
  for (let i = 0; i < 300; i++) globalThis.kept = run()
  const start = performance.now()
  for (let i = 0; i < 20; i++) globalThis.kept = run()
  const batch = Math.max(1, Math.round(20 / (performance.now() - start) * 2))
  let best = Infinity
  for (let round = 0; round < 25; round++) {
    const from = performance.now()
    for (let i = 0; i < batch; i++) globalThis.kept = run()
    best = Math.min(best, ((performance.now() - from) * 1000) / batch)
  }
  return best
}

const attempt = (run) => {
  try {
    return run()
  } catch {
    return undefined
  }
}

/** One template, in this process: what each workload costs warm, and what a new template costs with its first render. */
const measure = (file) => {
  const source = readFileSync(file, "utf8")
  const template = Result.getOrThrow(ChatTemplate.compile(source))
  const peer = attempt(() => new Peer(source))
  const contexts = Object.entries(workloads).map(([what, given]) => [what, { ...variables, tools: null, ...given }])
  const ours = (compiled, context) => attempt(() => Result.getOrThrow(ChatTemplate.render(compiled, context)))
  const theirs = (compiled, context) => attempt(() => compiled?.render(context))
  const warm = contexts.flatMap(([what, context]) => {
    const text = ours(template, context)
    if (text === undefined) return []
    const same = theirs(peer, context) === text
    return [{
      what,
      context,
      ours: timed(() => ours(template, context).indexOf("\0")),
      peer: same ? timed(() => theirs(peer, context).indexOf("\0")) : undefined
    }]
  })
  let salt = 0
  const [first] = warm
  if (first === undefined) return undefined
  // a new text each time: compiled templates are kept by their text
  const cold = (compile, render) => timed(() => render(compile(`${source}{# ${salt++} #}`), first.context)?.length)
  return {
    warm: warm.map(({ context: _context, ...row }) => row),
    contexts: warm.map(({ context }) => context),
    cold: {
      ours: cold((text) => Result.getOrThrow(ChatTemplate.compile(text)), ours),
      peer: first.peer === undefined ? undefined : cold((text) => new Peer(text), theirs)
    }
  }
}

const ratio = (theirs, mine) => theirs === undefined ? undefined : Number((theirs / mine).toFixed(2))

const compare = (file) => {
  const measured = JSON.parse(
    execFileSync(process.execPath, [import.meta.filename, "--one", file], { encoding: "utf8", maxBuffer: 1e9 })
  )
  // a template that renders none of the workloads
  if (measured === null) return []
  const { cold, contexts, warm } = measured
  const python = process.env.PYTHON === undefined
    ? undefined
    : JSON.parse(
      execFileSync(process.env.PYTHON, [join(here, "template.py")], {
        encoding: "utf8",
        input: JSON.stringify({ source: readFileSync(file, "utf8"), contexts }),
        stdio: ["pipe", "pipe", "ignore"]
      })
    )
  const row = (what, mine, peer, other) => ({
    template: basename(file, ".jinja"),
    what,
    "µs": Number(mine.toFixed(1)),
    "of @huggingface/jinja": ratio(peer, mine),
    "of jinja2": ratio(other?.jinja2, mine),
    "of transformers": ratio(other?.transformers, mine)
  })
  return [
    ...warm.map(({ ours, peer, what }, index) => row(what, ours, peer, python?.warm[index])),
    row("compile and first render", cold.ours, cold.peer, python?.cold)
  ]
}

const [mode, path] = process.argv.slice(2)
if (mode === "--one") console.log(JSON.stringify(measure(path) ?? null))
else {
  const rows = globSync("*.jinja", { cwd: mode ?? fixtures }).toSorted().flatMap((name) =>
    attempt(() => compare(join(mode ?? fixtures, name))) ?? []
  )
  console.table(rows)
  for (const name of ["of @huggingface/jinja", "of jinja2", "of transformers"]) {
    const found = rows.map((row) => row[name]).filter((value) => value !== undefined).toSorted((a, b) => a - b)
    if (found.length > 0) {
      console.log(`${name}: ${found.length} cases, least ${found[0]}, median ${found[found.length >> 1]}`)
    }
  }
}
