import { isObject } from "../schema/JsonSchemaTree.ts"
import type { Dropped, Path } from "../schema/JsonSchemaTree.ts"
import type { Document } from "../schema/SchemaDocument.ts"

/** The property under which a value stands where the engine wants an object. */
export const WRAP = "value"

const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"]
const MAPS = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]
const SINGLE = ["items", "additionalProperties", "propertyNames", "not", "if", "then", "else", "contains"]
const SAFE = Number.MAX_SAFE_INTEGER

/**
 * The same schema for engines that read JSON Schema as it is meant (vLLM, SGLang, llama.cpp, OpenAI's form): references
 * stay, the root is an object schema, `wrap` says that it had to be put inside one, and nothing in it costs an engine
 * much without saying anything.
 */
export const make = (
  document: Document,
  options: { readonly objectRoot: boolean; readonly anchored: boolean }
): { readonly schema: Document; readonly wrap: string | undefined; readonly dropped: ReadonlyArray<Dropped> } => {
  const dropped: Array<Dropped> = []
  const { $defs, ...root } = inlined(document)
  const cleaned = clean(root, [], options.anchored, dropped)
  const definitions = isObject($defs)
    ? keepUsed(mapValues($defs, (name, schema) => clean(schema, ["$defs", name], options.anchored, dropped)), cleaned)
    : {}
  if (!options.objectRoot || (isObject(cleaned) && cleaned.type === "object")) {
    return { schema: isObject(cleaned) ? { ...cleaned, ...definitions } : {}, wrap: undefined, dropped }
  }
  const schema = {
    type: "object",
    properties: { [WRAP]: cleaned },
    required: [WRAP],
    additionalProperties: false,
    ...definitions
  }
  return { schema, wrap: WRAP, dropped }
}

const mapValues = (record: Readonly<Record<string, unknown>>, f: (key: string, value: unknown) => unknown) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(key, value)]))

/** The name under `$defs` that a reference leads to or through. */
const definitionOf = (ref: unknown): string | undefined => {
  const token = typeof ref === "string" ? /^#\/\$defs\/([^/]+)/.exec(ref)?.[1] : undefined
  if (token === undefined) return undefined
  try {
    return decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~")
  } catch {
    return undefined
  }
}

/** A root that only refers to a definition, written out: engines look for `type` at the root. */
const inlined = (document: Document): Document => {
  const { $ref, ...rest } = document
  const name = definitionOf($ref)
  if (name === undefined || !isObject(document.$defs) || !/^#\/\$defs\/[^/]+$/.test(String($ref))) return document
  const target = document.$defs[name]
  return isObject(target) ? { ...target, ...rest } : document
}

/** The definitions that something still refers to, once the root is written out. */
const keepUsed = (definitions: Document, root: unknown): { readonly $defs?: Document } => {
  const used = new Set<string>()
  const open = [root]
  while (open.length > 0) {
    const at = open.pop()
    if (typeof at !== "object" || at === null) continue
    const name = "$ref" in at ? definitionOf(at.$ref) : undefined
    if (name !== undefined && !used.has(name)) {
      used.add(name)
      open.push(definitions[name])
    }
    open.push(...Object.values(at))
  }
  const kept = Object.entries(definitions).filter(([name]) => used.has(name))
  return kept.length === 0 ? {} : { $defs: Object.fromEntries(kept) }
}

const clean = (schema: unknown, path: Path, anchored: boolean, dropped: Array<Dropped>): unknown => {
  if (!isObject(schema)) return schema
  if (isObject(schema.not) && schema.not.type === "null" && Object.keys(schema).length === 1) {
    return { type: "object", properties: {}, additionalProperties: false }
  }
  const go = (child: unknown, ...steps: ReadonlyArray<string | number>) =>
    clean(child, [...path, ...steps], anchored, dropped)
  const out: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(schema)) {
    if (
      keyword === "patternFlags" || (keyword === "minimum" && value === -SAFE) ||
      (keyword === "maximum" && value === SAFE)
    ) {
      continue
    }
    if (keyword === "pattern" && !isPlain(schema, anchored)) {
      dropped.push({ path, keyword, reason: "the engine does not read this pattern as it is meant" })
    } else if (LISTS.includes(keyword) && Array.isArray(value)) {
      out[keyword] = value.map((item, index) => go(item, keyword, index))
    } else if (MAPS.includes(keyword) && isObject(value)) {
      out[keyword] = mapValues(value, (name, item) => go(item, keyword, name))
    } else out[keyword] = SINGLE.includes(keyword) ? go(value, keyword) : value
  }
  return out
}

/** Flags that change the language cannot be said in JSON Schema; llama.cpp takes only patterns tied at both ends. */
const isPlain = ({ pattern, patternFlags }: Document, anchored: boolean): boolean =>
  !/[ims]/.test(typeof patternFlags === "string" ? patternFlags : "") &&
  (!anchored || (typeof pattern === "string" && /^\^[^|]*\$$/.test(pattern)))
