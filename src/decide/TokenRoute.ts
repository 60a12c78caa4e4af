/**
 * Decisions by one token: the question is asked as a chat, and the log probabilities of the first token are read. It is
 * never asked under a constraint, under which vLLM reports probabilities that sum to 1 over the labels, whatever the model
 * would have written.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Dialect from "../dialect/Dialect.ts"
import * as Dialects from "../dialect/Dialects.ts"
import type { Kind } from "../endpoint/address/Engine.ts"
import type * as Generation from "../Generation.ts"
import type { GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import * as ThoughtOpening from "../template/thinking/ThoughtOpening.ts"
import { type DecisionError, make as failure, NoLogProbabilities, SharedToken } from "./DecisionError.ts"
import * as Labels from "./Labels.ts"
import * as Masses from "./Masses.ts"

type Service = InferenceEndpointsLLM["Service"]

/** The model's own distribution over the next token: the service's sampling options must not change it. */
const PLAIN: CallOptions = {
  maxNewTokens: 1,
  numGenerations: 1,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  thinkingBudget: -1,
  structuredOutput: false,
  delivery: "unary",
  unsupported: "error",
  splitReasoning: false
}

/** TGI lists five at most unless it was started otherwise; the others list twenty. */
const listed = (engine: Kind): number => engine === "tgi" ? 5 : 20

const NO_THOUGHTS = { enable_thinking: false, thinking: false }

/** What is sent: a prompt that ends without an open thought, or messages. */
type Sent =
  | { readonly _tag: "Prompt"; readonly text: string; readonly isComplete: boolean }
  | { readonly _tag: "Messages"; readonly input: Message.Input; readonly quiet: boolean }

/**
 * Requests the masses of the keys after an input that asks the question. Fails before anything is sent if the engine reports
 * no log probabilities on the input's route.
 *
 * @category running
 * @since 0.2.0
 */
export const masses = Effect.fnUntraced(function*(
  llm: Service,
  input: Message.Input,
  keys: ReadonlyArray<string>,
  options: CallOptions
): Effect.fn.Return<Masses.Masses, GenerateError | DecisionError> {
  const { engine } = yield* llm.about
  const dialect = Dialects.all[engine]
  const templateVariables = { ...NO_THOUGHTS, ...options.templateVariables }
  const prompt = yield* llm.prompt(input, { ...options, structuredOutput: false, templateVariables })
  const route = Dialect.routeOf(dialect, prompt)
  const rule = dialect.rules[route]?.topLogprobs
  if (rule?._tag !== "Sent") {
    return yield* failure(
      new NoLogProbabilities({
        engine: Dialect.names[engine],
        why: rule === undefined ? `it has no route ${Dialect.paths[route]}` : rule.why,
        sent: false
      })
    )
  }
  const sent: Sent = prompt._tag === "Prompt"
    ? { _tag: "Prompt", text: ThoughtOpening.closed(prompt.text), isComplete: prompt.isComplete === true }
    : { _tag: "Messages", input, quiet: dialect.rules.chat?.templateVariables._tag === "Sent" }
  const follows = sent._tag === "Prompt"
  const nested = follows ? undefined : Labels.nested(keys)
  if (nested !== undefined) return yield* failure(new SharedToken({ labels: nested, token: nested[0] }))
  const ids = engine === "vllm" ? yield* tokenIds(llm, keys, follows) : undefined

  const ask = (ids: ReadonlyArray<number> | undefined) =>
    Effect.fnUntraced(function*(prefix: string) {
      const extra = {
        ...options.extra,
        ...(sent._tag === "Prompt" && sent.isComplete && { add_special_tokens: false }),
        ...(ids !== undefined && { logprob_token_ids: ids })
      }
      const { generations: [generation] } = yield* llm.generate(
        sent._tag === "Prompt" ? { raw: sent.text + prefix } : sent.input,
        {
          ...options,
          ...PLAIN,
          topLogprobs: listed(engine),
          ...(sent._tag === "Messages" && sent.quiet && { templateVariables }),
          ...(Object.keys(extra).length > 0 && { extra })
        }
      )
      const next = nextOf(generation)
      if (generation === undefined || next === undefined) {
        return yield* failure(
          new NoLogProbabilities({
            engine: Dialect.names[engine],
            why: "the response contains none, although they were requested",
            sent: true
          })
        )
      }
      const listing: Masses.Listing = { next, usage: generation.statistics }
      return listing
    })
  if (ids === undefined) return yield* Masses.read(keys, follows, ask(undefined))
  const exact = yield* Masses.read(keys, false, ask(ids))
  // the generated token is one that several labels begin with
  return exact.shared !== undefined && follows ? yield* Masses.read(keys, true, ask(undefined)) : exact
})

/** The alternatives of the first token, including itself, each text once. */
const nextOf = (generation: Generation.Generation | undefined): ReadonlyArray<Masses.Next> | undefined => {
  const first = generation?.tokens?.[0]
  if (first === undefined) return undefined
  const all = new Map<string, Masses.Next>()
  for (const { id, logprob, special, text } of [first, ...first.top ?? []]) {
    // tokens with the same text may still be two tokens, as an id shows
    const key = id === undefined ? text : `${id} ${text}`
    if (logprob !== undefined && Number.isFinite(logprob)) {
      all.set(key, { text, logprob, special: special === true })
    }
  }
  return all.size === 0 ? undefined : [...all.values()]
}

/** As many as vLLM lists by default, beyond which it may refuse. */
const MOST_IDS = 20

const Tokens = Schema.Struct({ tokens: Schema.Array(Schema.Finite) })

const known = new WeakMap<Service, Map<string, number | undefined>>()

/**
 * The ids of the tokens that the labels begin with, so that vLLM reports their exact log probabilities; undefined where its
 * tokenizer cannot be asked, where they are too many, or where labels share one and can be followed. Labels that share one
 * and cannot be followed fail here.
 */
const tokenIds = Effect.fnUntraced(function*(llm: Service, keys: ReadonlyArray<string>, follows: boolean) {
  const cache = known.get(llm) ?? new Map<string, number | undefined>()
  known.set(llm, cache)
  const meaning = Labels.make(keys)
  const all = keys.flatMap((key) =>
    Labels.forms(key).filter((form) => {
      const meant = meaning(form)
      return meant._tag === "Label" && meant.key === key
    }).map((form) => ({ key, form }))
  )
  const asked = all.length <= MOST_IDS ? all : all.filter(({ form, key }) => form.trim() === key)
  if (asked.length > MOST_IDS) return undefined
  const owners = new Map<number, string>()
  for (const { form, key } of asked) {
    if (!cache.has(form)) {
      const told = yield* Effect.result(
        llm.request("/tokenize", { prompt: form, add_special_tokens: false }, Tokens)
      )
      cache.set(form, Result.isSuccess(told) ? told.success.tokens[0] : undefined)
    }
    const id = cache.get(form)
    if (id === undefined) return undefined
    const owner = owners.get(id)
    if (owner !== undefined && owner !== key) {
      return follows ? undefined : yield* failure(new SharedToken({ labels: [owner, key], token: form.trim() }))
    }
    owners.set(id, key)
  }
  return [...owners.keys()]
})
