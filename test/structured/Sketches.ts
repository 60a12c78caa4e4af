/** Descriptions from which JSON Schemas of every kind are built: what a property test draws. */
import { Schema } from "effect"

type Json = Readonly<Record<string, unknown>>

/** A description from which a JSON Schema is built. */
export type Sketch = { readonly kind: number; readonly size: number; readonly parts: ReadonlyArray<Sketch> }
export const Sketch: Schema.Codec<Sketch> = Schema.Struct({
  kind: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 17 })),
  size: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4 })),
  parts: Schema.Array(Schema.suspend((): Schema.Codec<Sketch> => Sketch)).check(Schema.isMaxLength(3))
})

const build = ({ kind, parts, size }: Sketch): Json => {
  const [first = { type: "string" }, second = { type: "integer" }, ...rest] = parts.map(build)
  const all = [first, second, ...rest]
  const keys = Object.fromEntries(all.map((schema, index) => [`key ${index}`, schema]))
  const object = { type: "object", properties: keys }
  switch (kind) {
    case 0:
      return { type: "string", minLength: size, ...size > 2 && { maxLength: size * 90 } }
    case 1:
      return { type: "string", pattern: ["^a", "b$", "[^c]d", "^(?:x|y)+$", "\\d"][size] }
    case 2:
      return { type: "number", minimum: size, exclusiveMaximum: size * 100 + 1 }
    case 3:
      return { type: "integer", minimum: -size, multipleOf: size + 1 }
    case 4:
      return { type: ["string", "null"], maxLength: 3 }
    case 5:
      return { type: "array", items: first, minItems: size, ...size > 1 && { maxItems: size + 1 } }
    case 6:
      return { type: "array", prefixItems: all, ...size > 2 && { items: false } }
    case 7:
      return { ...object, required: Object.keys(keys).slice(0, size), additionalProperties: false }
    case 8:
      return { ...object, required: Object.keys(keys).slice(0, size) }
    case 9:
      return { type: "object", additionalProperties: first, minProperties: size }
    case 10:
      return { allOf: [{ ...object, required: ["key 0"] }, { properties: { more: second } }] }
    case 11:
      return { anyOf: all }
    case 12:
      return { type: "array", items: first, uniqueItems: true }
    case 13:
      return {}
    case 14:
      return { enum: ["a", 1, null, { b: [2] }].slice(0, size + 1) }
    case 15:
      return { $ref: "#/$defs/node" }
    case 16:
      return { type: "string", format: ["date", "uuid", "uri", "binary", "unknown"][size] }
    default:
      return { ...object, not: { required: ["key 0"] } }
  }
}

export const rooted = (sketch: Sketch): Json => ({
  type: "object",
  properties: { value: build(sketch) },
  required: ["value"],
  $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" }, "a/b": { type: "string" } } } }
})
