/**
 * A schema's tree → the grammar that TGI is sent: the most detailed that its server can handle.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import type * as Dropped from "../../schema/tree/Dropped.ts"
import type * as Tree from "../../schema/tree/JsonSchemaTree.ts"
import { WRAP } from "../../schema/Wrapper.ts"
import * as Cost from "./Cost.ts"
import * as JsonGrammar from "./JsonGrammar.ts"
import * as RegexGrammar from "./RegexGrammar.ts"
import * as TgiPlan from "./TgiPlan.ts"
import * as TgiTree from "./TgiTree.ts"

/**
 * A grammar in TGI's form.
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
  /** The property that holds a value that is not an object: unwrap it before decoding. */
  readonly wrap: string | undefined
  /** Where the grammar differs from the schema; the decoder still enforces what is lost. */
  readonly dropped: ReadonlyArray<Dropped.Dropped>
  /** The schema as it is written, if there is one: the order in which the grammar wants keys. */
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
  /** Whether the model also reads the schema, in its prompt: then strings are written plainly. */
  readonly shown?: boolean | undefined
}

/** Seconds of the server's time up to which more detail is worthwhile, and up to which a grammar is sent at all. */
const WORTH = 2.5
const MOST = 10
/**
 * Seconds of the least detailed plan beyond which no other plan is cheap enough to send: they write small objects
 * differently.
 */
const FAR = 2.5 * MOST
/** How much leaving out detail must save: a third. */
const SAVING = 1.3

/**
 * The grammar, or the fault for which there is none. A plan is abandoned as soon as its grammar is too long, and the least
 * detailed one is tried second: if that costs too much, no other is worth writing.
 *
 * @category lowering
 * @since 0.2.0
 */
export const make = (document: Tree.Document, options: Options): Result.Result<Lowered, Dropped.Fault> => {
  const [richest, ...others] = TgiPlan.plans(options.depth, options.free)
  const first = weigh(document, richest, options)
  if (isDecided(first)) return Result.map(first, print)
  const written = Result.isSuccess(first) ? [first.success] : []
  const poorest = others.pop() ?? richest
  const last = weigh(document, poorest, options, Infinity)
  if (Result.isFailure(last) && last.failure.keyword !== "$ref") return Result.fail(last.failure)
  if (Result.isSuccess(last) && last.success.cost.seconds > FAR) return Result.fail(tooCostly(last.success))
  for (const plan of others) {
    const made = weigh(document, plan, options)
    if (isDecided(made)) return Result.map(made, print)
    if (Result.isSuccess(made)) written.push(made.success)
  }
  if (Result.isSuccess(last)) written.push(last.success)
  const least = Math.min(...written.map(({ cost }) => cost.seconds))
  const best = written.find(({ cost }) => cost.seconds <= least * SAVING)
  if (best !== undefined) return best.cost.seconds <= MOST ? Result.succeed(print(best)) : Result.fail(tooCostly(best))
  return Result.fail(Result.isFailure(last) ? last.failure : TgiTree.tooLarge([]))
}

/** A tree for one plan, and its cost; written out only when it is chosen. */
interface Weighed extends TgiTree.Written {
  readonly plan: TgiPlan.Plan
  readonly cost: Cost.Cost
  /** The JSON grammar, if there is one. */
  readonly schema: JsonGrammar.TgiSchema | undefined
  readonly wrap: string | undefined
}

type Attempted = Result.Result<Weighed, Dropped.Fault>

/** A contradiction stays one, however little is written, and a cheap grammar is detailed enough. */
const isDecided = (made: Attempted): boolean =>
  Result.isSuccess(made)
    ? made.success.cost.seconds <= WORTH
    : made.failure.keyword !== "$ref" && made.failure.keyword !== "schema"

const weigh = (
  document: Tree.Document,
  detail: TgiPlan.Plan,
  { free, shown, target }: Options,
  most = Cost.charactersOf(MOST)
): Attempted => {
  const plan = shown === true ? { ...detail, escapes: false } : detail
  const written = TgiTree.make(document, { ...plan, onFree: free, most })
  const { tree } = written
  if (tree._tag === "Never") return Result.fail(tree.fault)
  const cost = Cost.of(tree, plan.optional)
  const isObject = tree._tag === "Fields" && tree.rests.length === 0
  const schema = target === "regex" || cost.seconds > MOST
    ? undefined
    : JsonGrammar.print(isObject ? tree : wrapped(tree), plan.optional)
  return target === "json" && schema === undefined && cost.seconds <= MOST
    ? Result.fail({
      path: [],
      keyword: "target",
      reason: "TGI's JSON grammar cannot express it",
      hint: "leave the target open: a regex grammar can"
    })
    : Result.succeed({ ...written, plan, cost, schema, wrap: isObject ? undefined : WRAP })
}

const print = ({ cost, dropped, plan, schema, tree, unsigned, wrap }: Weighed): Lowered =>
  schema === undefined
    ? {
      grammar: { type: "regex", value: RegexGrammar.print(tree, plan.optional) },
      wrap: undefined,
      dropped,
      tree,
      cost
    }
    : { grammar: { type: "json", value: schema }, wrap, dropped: unsigned, tree, cost }

const wrapped = (tree: Tree.Tree): Tree.Tree => ({
  _tag: "Fields",
  path: [],
  properties: [{ name: WRAP, value: tree, required: true }],
  rests: [],
  min: 0,
  max: undefined
})

/** The most expensive part, as deep as a single part dominates. */
const tooCostly = ({ cost: { seconds }, tree }: Weighed): Dropped.Fault => {
  const { part, path } = costliest(tree, [])
  const reason = `the grammar would keep the server busy for seconds (about ${Math.round(seconds)})`
  const bare = part._tag === "Fields" && part.properties.length > 0 &&
    part.properties.every((property) => !property.required)
  const hint = bare
    ? "make at least one of its keys required, since an object of optional keys is written out once for each of them"
    : part._tag === "List" && part.max !== undefined
    ? "lower the bound of the list, or remove it"
    : part._tag === "Union"
    ? "give it fewer alternatives"
    : "give it fewer keys, or request its parts one by one"
  return { path, keyword: "schema", reason, hint }
}

const costliest = (tree: Tree.Tree, path: Dropped.Path): { readonly part: Tree.Tree; readonly path: Dropped.Path } => {
  const whole = Cost.of(tree, 1).seconds
  for (const [part, steps] of partsOf(tree)) {
    if (Cost.of(part, 1).seconds > whole * 0.6) return costliest(part, [...path, ...steps])
  }
  return { part: tree, path }
}

const partsOf = (tree: Tree.Tree): ReadonlyArray<readonly [Tree.Tree, Dropped.Path]> => {
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
