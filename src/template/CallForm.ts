/**
 * How a chat template writes tool calls, learned by rendering some.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as ChatTemplate from "./ChatTemplateService.ts"
import type { TemplateError } from "./TemplateError.ts"

/**
 * The texts around the name and the arguments of a call. Arguments are a JSON object after the name.
 *
 * @category models
 * @since 0.2.0
 */
export interface CallForm {
  /** Before the name of the first call. */
  readonly open: string
  /** Between a name and its arguments. */
  readonly middle: string
  /** Between the arguments of a call and the name of the next; nothing if the template writes only one call. */
  readonly between: string | undefined
  /** After the arguments of the last call. */
  readonly close: string
}

type Service = ChatTemplate.ChatTemplate["Service"]

/** Text that no template writes by itself. */
const NAME = "qzv_name"
const KEY = "qzv_key"
const ID = "qzvcall01"
const CONTENT = "qzv content"

const tool = {
  type: "function",
  function: {
    name: NAME,
    description: "",
    parameters: { type: "object", properties: { [KEY]: { type: "integer" } }, required: [KEY] }
  }
}

const user = { role: "user", content: "qzv user" }

const call = { id: ID, type: "function", function: { name: NAME, arguments: { [KEY]: 1 } } }

const forms = new WeakMap<Service, Effect.Effect<CallForm | undefined>>()

/**
 * The form in which a template writes calls, or undefined if it knows no tools, or writes them in a way that no regex
 * can describe. Determined once per template.
 *
 * @category running
 * @since 0.2.0
 */
export const of = (template: Service): Effect.Effect<CallForm | undefined> =>
  Effect.suspend(() => {
    const known = forms.get(template)
    if (known !== undefined) return known
    return Effect.flatMap(Effect.cached(learn(template)), (cached) => {
      forms.set(template, cached)
      return cached
    })
  })

const learn = (template: Service): Effect.Effect<CallForm | undefined> => {
  const render = (assistant: Readonly<Record<string, unknown>> | undefined, tools: ReadonlyArray<unknown>) =>
    Effect.map(
      template.render({
        messages: assistant === undefined ? [user] : [user, { role: "assistant", ...assistant }],
        tools,
        addGenerationPrompt: assistant === undefined
      }),
      ({ text }) => text
    )
  const made = Effect.gen(function*() {
    const bare = yield* render(undefined, [])
    if (bare === (yield* render(undefined, [tool]))) return undefined
    const plain = yield* render({ content: CONTENT }, [tool])
    const one = yield* render({ content: "", tool_calls: [call] }, [tool])
    const two = yield* unless(render({ content: "", tool_calls: [call, call] }, [tool]))
    return read(plain, one, two)
  })
  return Effect.map(unless(made), (form) => form ?? undefined)
}

/** A template that raises for a conversation does not support it. */
const unless = <A>(self: Effect.Effect<A, TemplateError>): Effect.Effect<A | undefined> =>
  Effect.orElseSucceed(self, () => undefined)

const read = (plain: string, one: string, two: string | undefined): CallForm | undefined => {
  const [start = "", end = ""] = splitLast(plain, CONTENT)
  // what the template puts before a response is already in the prompt
  const shared = sharedStart(start, one)
  const first = callIn(one, shared)
  if (first === undefined || !one.endsWith(end)) return undefined
  const second = two === undefined ? undefined : callIn(two, sharedStart(start, two))
  const next = two === undefined || second === undefined ? undefined : callIn(two, second.end)
  const form: CallForm = {
    open: one.slice(shared, first.name).trimStart(),
    middle: one.slice(first.name + NAME.length, first.start),
    between: two === undefined || second === undefined || next === undefined
      ? undefined
      : two.slice(second.end, next.name),
    close: one.slice(first.end, one.length - end.length).trimEnd()
  }
  const isHeld = form.open !== "" && !`${form.open}${form.between}${form.close}`.includes(ID)
  return isHeld ? form : undefined
}

const splitLast = (text: string, at: string): readonly [string, string] | readonly [] => {
  const index = text.lastIndexOf(at)
  return index < 0 ? [] : [text.slice(0, index), text.slice(index + at.length)]
}

const sharedStart = (some: string, other: string): number => {
  let length = 0
  while (length < some.length && some[length] === other[length]) length++
  return length
}

/** Where the next call is: its name, and its arguments from brace to brace. */
const callIn = (
  text: string,
  from: number
): { readonly name: number; readonly start: number; readonly end: number } | undefined => {
  const name = text.indexOf(NAME, from)
  const found = name < 0 ? null : new RegExp(`\\{\\s*"${KEY}":\\s*1\\s*\\}`, "g")
  if (found === null) return undefined
  found.lastIndex = name
  const args = found.exec(text)
  return args === null ? undefined : { name, start: args.index, end: args.index + args[0].length }
}
