import * as Option from "effect/Option"

/**
 * What a `$ref` leads to inside its document: a JSON Pointer with its escapes, or the name of an anchor. Other documents
 * are not looked up.
 */
export const resolve = (ref: string, root: object): Option.Option<unknown> => {
  const [base = "", fragment = ""] = ref.split("#", 2)
  const id = "$id" in root ? root.$id : undefined
  if (base !== "" && base !== id) return Option.none()
  let pointer: string
  try {
    pointer = decodeURIComponent(fragment)
  } catch {
    return Option.none()
  }
  if (pointer !== "" && !pointer.startsWith("/")) return findAnchor(root, pointer)
  let at: unknown = root
  for (const token of pointer.split("/").slice(1)) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~")
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return Option.none()
    at = Reflect.get(at, key)
  }
  return Option.some(at)
}

const findAnchor = (root: object, name: string): Option.Option<unknown> => {
  const open: Array<unknown> = [root]
  while (open.length > 0) {
    const at = open.pop()
    if (typeof at !== "object" || at === null) continue
    if ("$anchor" in at && at.$anchor === name) return Option.some(at)
    open.push(...Object.values(at))
  }
  return Option.none()
}
