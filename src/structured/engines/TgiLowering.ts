/**
 * A schema's tree → the grammar that TGI is sent: the richest that its server can bear.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Tree from "../schema/JsonSchemaTree.ts"
import * as Cost from "./Cost.ts"
import * as JsonGrammar from "./JsonGrammar.ts"
import * as RegexGrammar from "./RegexGrammar.ts"
import * as TgiPlan from "./TgiPlan.ts"
import * as TgiTree from "./TgiTree.ts"
import { WRAP } from "./Wrapper.ts"

/**
 * A grammar as TGI takes it.
 *
 * @category models
 * @since 0.1.0
 */
export type TgiGrammar =
  | { readonly type: "json"; readonly value: JsonGrammar.TgiSchema }
  | { readonly type: "regex"; readonly value: string }

/**
 * A constraint lowered for TGI.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lowered {
  readonly grammar: TgiGrammar
  /** The property under which a value stands that is not an object: unwrap it before decoding. */
  readonly wrap: string | undefined
  /** Where the grammar differs from the schema; the decoder still enforces what is lost. */
  readonly dropped: ReadonlyArray<Tree.Dropped>
  /** The schema as it is written, where there is one: the order in which the grammar wants keys. */
  readonly tree: Tree.Tree | undefined
  /** What the grammar costs the server. */
  readonly cost: Cost.Cost
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  readonly target: "auto" | "json" | "regex"
  readonly depth: number
  readonly free: "refuse" | "scalars" | "bounded"
  /** Whether the schema is one that the model reads too, in its prompt: then strings are said plainly. */
  readonly shown?: boolean | undefined
}

/** Seconds of the server's time up to which more detail is worth it, and up to which a grammar is sent at all. */
const WORTH = 2.5
const MOST = 10
/** What leaving detail out must save: a third. */
const SAVING = 1.3

/**
 * The grammar, or the fault for which there is none.
 *
 * @category lowering
 * @since 0.2.0
 */
export const make = (document: Tree.Document, options: Options): Result.Result<Lowered, Tree.Fault> => {
  const written: Array<Lowered> = []
  let isFar = false
  let fault: Tree.Fault | undefined
  for (const plan of TgiPlan.plans(options.depth, options.free)) {
    // far beyond what can be borne, only the plans that save most are worth writing
    if (isFar && plan.optional > 1) continue
    const made = write(document, options.shown === true ? { ...plan, escapes: false } : plan, options)
    if (Result.isSuccess(made)) {
      if (made.success.cost.seconds <= WORTH) return made
      written.push(made.success)
      isFar ||= made.success.cost.seconds > MOST * 3
    } else {
      fault = made.failure
      // a contradiction stays one, however little is written
      if (fault.keyword !== "$ref" && fault.keyword !== "schema") return made
      isFar ||= fault.keyword === "schema"
    }
  }
  const least = Math.min(...written.map(({ cost }) => cost.seconds))
  const best = written.find(({ cost }) => cost.seconds <= least * SAVING)
  if (best === undefined) return Result.fail(fault ?? TgiTree.tooLarge([]))
  return best.cost.seconds <= MOST ? Result.succeed(best) : Result.fail(tooCostly(best))
}

const write = (
  document: Tree.Document,
  plan: TgiPlan.Plan,
  { free, target }: Options
): Result.Result<Lowered, Tree.Fault> => {
  if (target !== "regex") {
    const { dropped, tree } = TgiTree.make(document, { ...plan, target: "json", onFree: free })
    if (tree._tag === "Never") return Result.fail(tree.fault)
    const isObject = tree._tag === "Fields" && tree.rests.length === 0
    const schema = JsonGrammar.print(isObject ? tree : wrapped(tree), plan.optional)
    if (schema !== undefined) {
      const wrap = isObject ? undefined : WRAP
      const cost = Cost.of(tree, plan.optional)
      return Result.succeed({ grammar: { type: "json", value: schema }, wrap, dropped, tree, cost })
    }
    if (target === "json") {
      return Result.fail({
        path: [],
        keyword: "target",
        reason: "TGI's JSON grammar cannot say it",
        hint: "leave the target open: a regex grammar can"
      })
    }
  }
  const { dropped, tree } = TgiTree.make(document, { ...plan, target: "regex", onFree: free })
  if (tree._tag === "Never") return Result.fail(tree.fault)
  const cost = Cost.of(tree, plan.optional)
  const value = cost.seconds > MOST ? "" : RegexGrammar.print(tree, plan.optional)
  return Result.succeed({ grammar: { type: "regex", value }, wrap: undefined, dropped, tree, cost })
}

const wrapped = (tree: Tree.Tree): Tree.Tree => ({
  _tag: "Fields",
  path: [],
  properties: [{ name: WRAP, value: tree, required: true }],
  rests: [],
  min: 0,
  max: undefined
})

/** The part that costs most, as deep as one part stands out. */
const tooCostly = ({ cost: { seconds }, tree }: Lowered): Tree.Fault => {
  const { part, path } = costliest(tree ?? Tree.literal([null]), [])
  const reason = `the grammar would keep the server busy for seconds (about ${Math.round(seconds)})`
  const bare = part._tag === "Fields" && part.properties.length > 0 &&
    part.properties.every((property) => !property.required)
  const hint = bare
    ? "make at least one of its keys required, since an object of optional keys is written out once for each of them"
    : part._tag === "List" && part.max !== undefined
    ? "bound the list lower, or not at all"
    : part._tag === "Union"
    ? "give it fewer alternatives"
    : "give it fewer keys, or ask for its parts one by one"
  return { path, keyword: "schema", reason, hint }
}

const costliest = (tree: Tree.Tree, path: Tree.Path): { readonly part: Tree.Tree; readonly path: Tree.Path } => {
  const whole = Cost.of(tree, 1).seconds
  for (const [part, steps] of partsOf(tree)) {
    if (Cost.of(part, 1).seconds > whole * 0.6) return costliest(part, [...path, ...steps])
  }
  return { part: tree, path }
}

const partsOf = (tree: Tree.Tree): ReadonlyArray<readonly [Tree.Tree, Tree.Path]> => {
  switch (tree._tag) {
    case "Fields":
      return [
        ...tree.properties.map(({ name, value }) => [value, ["properties", name]] as const),
        ...tree.rests.map(({ value }) => [value, ["additionalProperties"]] as const)
      ]
    case "List":
      return [
        ...tree.prefix.map((item, index) => [item, ["prefixItems", index]] as const),
        ...tree.rest === undefined ? [] : [[tree.rest, ["items"]] as const]
      ]
    case "Union":
      return tree.members.map((member) => [member, []] as const)
    default:
      return []
  }
}
