/**
 * The target of a `$ref` inside its document. Other documents are not looked up.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"

/**
 * A subschema and the schema resource that its own references are relative to.
 *
 * @category models
 * @since 0.2.0
 */
export interface Target {
  readonly schema: unknown
  readonly root: object
}

/**
 * The target of a reference: a JSON Pointer with its escapes, the name of an anchor, or the `$id` of a part of the
 * document. Many schemas write pointers relative to the whole document inside parts that have an `$id` of their own, so
 * both are tried.
 *
 * @category accessors
 * @since 0.1.0
 */
export const resolve = (ref: string, root: object, document: object): Option.Option<Target> => {
  const known = resolved.get(root) ?? new Map<string, Option.Option<Target>>()
  resolved.set(root, known)
  const target = known.get(ref) ?? search(ref, root, document)
  known.set(ref, target)
  return target
}

/** A resource belongs to one document, so that what was found from it can be cached. */
const resolved = new WeakMap<object, Map<string, Option.Option<Target>>>()

const search = (ref: string, root: object, document: object): Option.Option<Target> => {
  const [base = "", fragment = ""] = ref.split("#", 2)
  for (const resource of base === "" || base === identifier(root) ? [root, document] : named(base, document)) {
    const found = within(fragment, resource)
    if (Option.isSome(found)) return Option.some({ schema: found.value, root: resource })
  }
  return Option.none()
}

const identifier = (schema: object): string | undefined => {
  const id = "$id" in schema ? schema.$id : "id" in schema ? schema.id : undefined
  return typeof id === "string" ? id.replace(/#$/, "") : undefined
}

const within = (fragment: string, resource: object): Option.Option<unknown> => {
  let pointer: string
  try {
    pointer = decodeURIComponent(fragment)
  } catch {
    return Option.none()
  }
  if (pointer !== "" && !pointer.startsWith("/")) return anchored(pointer, resource)
  let at: unknown = resource
  for (const token of pointer.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~")
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return Option.none()
    at = Reflect.get(at, key)
  }
  return Option.some(at)
}

/** Every object of the document, from the root down. */
function* objects(root: object): Generator<object> {
  const open: Array<unknown> = [root]
  while (open.length > 0) {
    const at = open.pop()
    if (typeof at !== "object" || at === null) continue
    yield at
    open.push(...Object.values(at))
  }
}

const anchored = (name: string, resource: object): Option.Option<unknown> => {
  for (const at of objects(resource)) {
    const anchor = "$anchor" in at ? at.$anchor : "$dynamicAnchor" in at ? at.$dynamicAnchor : undefined
    const id = "$id" in at ? at.$id : "id" in at ? at.id : undefined
    if (anchor === name || id === `#${name}`) return Option.some(at)
  }
  return Option.none()
}

/** The parts of the document with that `$id`: the whole URL, or its last part. */
const named = (base: string, document: object): ReadonlyArray<object> => {
  const out: Array<object> = []
  for (const at of objects(document)) {
    const id = identifier(at)
    if (id !== undefined && (id === base || id.endsWith(`/${base}`) || base.endsWith(`/${id}`))) out.push(at)
  }
  return out
}
