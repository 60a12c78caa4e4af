// Times the lowering of schemas for each engine: `node bench/lowering.mjs [folder of JSON Schemas]`, over the built
// package. Without a folder, schemas of growing size are made. Prints CPU milliseconds of one lowering: median, 99 of
// 100, the worst, and how many took more than 100. Each schema is lowered three times, anew, and the least time counts:
// collecting the garbage of the others is not its own.
import { Result } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Grammar from "../dist/structured/Grammar.js"

const field = (index) =>
  [
    { type: "string", minLength: 1 },
    { type: "integer", minimum: 0 },
    { type: "array", items: { type: "string" }, maxItems: 20 },
    { anyOf: [{ type: "string", format: "date" }, { type: "null" }] },
    { type: "object", additionalProperties: true }
  ][index % 5]

const recursive = (count) => ({
  $ref: "#/$defs/node",
  $defs: {
    node: {
      type: "object",
      properties: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`k${index}`, { type: "array", items: { $ref: "#/$defs/node" } }])
      )
    }
  }
})

const wide = (count, required) => {
  const properties = Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, field(index)]))
  return { type: "object", properties, required: Object.keys(properties).slice(0, required) }
}

const deep = (depth) => depth === 0 ? wide(5, 2) : { ...wide(3, 1), properties: { inner: deep(depth - 1), a: {} } }

const made = () => {
  const schemas = []
  for (const count of [1, 5, 20, 60, 200]) {
    schemas.push(wide(count, count), wide(count, 1), wide(count, 0))
    schemas.push(recursive(Math.min(count, 60)), { anyOf: Array.from({ length: count }, () => wide(6, 3)) })
    schemas.push({ enum: Array.from({ length: count * 20 }, (_, index) => `value ${index}`) })
  }
  for (const depth of [2, 6, 12]) schemas.push(deep(depth))
  return schemas
}

const folder = process.argv[2]
const schemas = folder === undefined
  ? made()
  : readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => {
    const parsed = JSON.parse(readFileSync(join(folder, name), "utf8"))
    return parsed.schema ?? parsed
  })

const timed = (run) => {
  const before = process.cpuUsage()
  run()
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1000
}

// the first lowerings compile the code
for (const schema of made()) Grammar.constrain(Grammar.fromJsonSchema(structuredClone(schema)), "tgi", "chat")

for (const engine of ["tgi", "vllm", "llamacpp", "router"]) {
  let refused = 0
  const times = schemas.map((schema) => {
    const sources = [1, 2, 3].map(() => Grammar.fromJsonSchema(structuredClone(schema)))
    const times = sources.map((source) => timed(() => Grammar.constrain(source, engine, "chat")))
    if (sources.some((source) => Result.isFailure(Grammar.constrain(source, engine, "chat")))) refused++
    return Math.min(...times)
  }).toSorted((a, b) => a - b)
  const at = (share) => (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(1)
  const slow = times.filter((time) => time > 100).length
  console.log(
    `${engine}: ${schemas.length} schemas, ${refused} refused, ms p50 ${at(0.5)} p99 ${at(0.99)} max ${
      at(1)
    }, over 100: ${slow}`
  )
}
