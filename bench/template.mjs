// Renders the same templates with this package and with @huggingface/jinja, in turns, in one process.
//
//   node .ci/build.mjs && node bench/template.mjs
import { Template as Peer } from "@huggingface/jinja"
import { Result } from "effect"
import { readFileSync } from "node:fs"
import * as ChatTemplate from "../dist/template/ChatTemplate.js"

const file = (name) => readFileSync(new URL(`../test/fixtures/templates/${name}`, import.meta.url), "utf8")
const { conversations } = JSON.parse(file("golden.json"))

const turns = (count) =>
  Array.from(
    { length: count },
    (_, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content: `message ${i}: ${"some words ".repeat(20)}` })
  )

// the opponent throws on some templates and loses text on others; these are the ones it renders to the same text
const cases = [
  ["chatml.jinja", "2 messages", { messages: turns(2) }],
  ["chatml.jinja", "101 messages", { messages: turns(101) }],
  ["headers.jinja", "2 messages", { messages: turns(2), date_string: "10 Jul 2025" }],
  ["headers.jinja", "101 messages", { messages: turns(101), date_string: "10 Jul 2025" }],
  ["headers.jinja", "a tool call", { messages: conversations.call.messages.slice(0, 2), date_string: "10 Jul 2025" }],
  ["turns.jinja", "101 messages", { messages: turns(101) }],
  ["brackets.jinja", "31 messages", { messages: turns(31) }]
]

const medianOf = (values) => values.toSorted((a, b) => a - b)[values.length >> 1]

/** Microseconds for one call, over a batch that takes about 5 ms. */
const timed = (run, batch) => {
  const start = performance.now()
  for (let i = 0; i < batch; i++) run()
  return ((performance.now() - start) * 1000) / batch
}

const batchFor = (run) => {
  for (let i = 0; i < 200; i++) run()
  return Math.max(1, Math.round(5000 / timed(run, 50)))
}

const duel = (ours, theirs, rounds = 31) => {
  const [a, b] = [batchFor(ours), batchFor(theirs)]
  const times = [[], []]
  for (let round = 0; round < rounds; round++) {
    times[0].push(timed(ours, a))
    times[1].push(timed(theirs, b))
  }
  return times.map(medianOf)
}

const rows = []
for (const [name, what, variables] of cases) {
  const source = file(name)
  const context = {
    tools: null,
    documents: null,
    add_generation_prompt: true,
    bos_token: "<s>",
    eos_token: "</s>",
    ...variables
  }
  const template = Result.getOrThrow(ChatTemplate.compile(source))
  const peer = new Peer(source)
  const ours = () => Result.getOrThrow(ChatTemplate.render(template, context))
  const theirs = () => peer.render(context)
  if (ours() !== theirs()) throw new Error(`${name}, ${what}: the texts differ`)
  const [mine, other] = duel(ours, theirs)
  rows.push({
    template: name,
    what,
    "ours µs": +mine.toFixed(1),
    "@huggingface/jinja µs": +other.toFixed(1),
    ratio: +(other / mine).toFixed(2)
  })
}
console.table(rows)

const parses = ["chatml.jinja", "headers.jinja", "tools.jinja"].map((name) => {
  const source = file(name)
  let salt = 0
  // a new text each time: compiled templates are kept by their text
  const [mine, other] = duel(
    () => Result.getOrThrow(ChatTemplate.compile(`${source}{# ${salt++} #}`)),
    () => new Peer(`${source}{# ${salt++} #}`)
  )
  return {
    template: name,
    "ours µs": +mine.toFixed(1),
    "@huggingface/jinja µs": +other.toFixed(1),
    ratio: +(other / mine).toFixed(2)
  }
})
console.log("compile")
console.table(parses)
