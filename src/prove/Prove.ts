/**
 * Measures what a live endpoint honours: about forty tiny requests, each of which shows in the response whether an option
 * was read. Nothing is taken from the engine's documentation or version.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type { Route, Rule } from "../dialect/Dialect.ts"
import * as Dialects from "../dialect/Dialects.ts"
import type { Kind } from "../endpoint/address/Engine.ts"
import * as Endpoint from "../endpoint/Endpoint.ts"
import type { GenerationOptions, Name } from "../GenerationOptions.ts"
import { type GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type { Finding, Proof } from "../Proof.ts"
import * as Behaviours from "./Behaviours.ts"
import * as Lab from "./Lab.ts"
import type { Measure } from "./Measure.ts"
import * as Measures from "./Measures.ts"

/**
 * How to measure.
 *
 * - `only`: names of options or behaviours; all by default.
 * - `concurrency`: requests in flight at once (default 2).
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  readonly only?: ReadonlyArray<string> | undefined
  readonly concurrency?: number | undefined
}

const fates = { Sent: "honoured", Ignored: "dropped", Refused: "refused" } as const

/** The rule of an option, whose values do not matter here. */
const ruleOf = (lab: Lab.Lab, name: Name): Rule<never> | undefined => lab.rules?.[name]

/** An option that the engine is known not to read is sent in the usual form, to see whether that is true. */
const byHabit = (lab: Lab.Lab, name: Name): Lab.Lab => {
  const field = Lab.habits[name]
  if (ruleOf(lab, name)?._tag === "Sent" || field === undefined) return lab
  return {
    ...lab,
    ask: (asked) => {
      const value = asked.options[name]
      if (value === undefined) return lab.ask(asked)
      const { extra } = asked.options
      return lab.ask({ ...asked, options: { ...without(asked.options, name), extra: { ...extra, [field]: value } } })
    }
  }
}

const without = (options: GenerationOptions, name: Name): GenerationOptions =>
  Object.fromEntries(Object.entries(options).filter(([key]) => key !== name))

interface Measured {
  readonly name: string
  readonly lab: Lab.Lab
  readonly documented: Finding["documented"]
  readonly measure: Measure
}

const optionsOf = (primary: Lab.Lab, other: Lab.Lab | undefined): ReadonlyArray<Measured> =>
  Object.entries(Measures.options).flatMap(([key, measure]) => {
    // the keys of the table are names of options
    const name = key as Name
    const lab = other !== undefined && ruleOf(primary, name)?._tag !== "Sent" && ruleOf(other, name)?._tag === "Sent"
      ? other
      : primary
    const rule = ruleOf(lab, name)
    // not sent in the body, or done by this package itself: there is nothing to see
    const isElsewhere = rule?._tag === "Sent" && elsewhere.has(`${lab.about.engine} ${lab.route} ${name}`)
    return rule === undefined || isElsewhere || misread.has(`${lab.about.engine} ${lab.route} ${name}`) ||
        (rule._tag !== "Sent" && Lab.habits[name] === undefined)
      ? []
      : [{ name, lab: byHabit(lab, name), documented: fates[rule._tag], measure }]
  })

/** What the engine reads as something else: TGI turns it into a repetition penalty. */
const misread: ReadonlySet<string> = new Set(["tgi chat presencePenalty"])

/** Options that the dialect accepts without sending a field. */
const elsewhere: ReadonlySet<string> = new Set(
  Object.values(Dialects.all).flatMap(({ engine, rules }) =>
    Object.entries(rules).flatMap(([route, rules]) =>
      ["continueFinalMessage", "templateVariables", "thinkingBudget"].filter((name) => {
        const rule = Object.entries(rules).find(([option]) => option === name)?.[1]
        return rule?._tag === "Sent" && ["inputs", "prompt", "messages"].includes(rule.field)
      }).map((name) => `${engine} ${route} ${name}`)
    )
  )
)

const behavioursOf = (lab: Lab.Lab): ReadonlyArray<Measured> =>
  [
    ...Behaviours.all,
    ...(lab.route === "generate" ? [] : [Behaviours.choices]),
    ...(lab.about.engine === "vllm" ? [Behaviours.compiler] : [])
  ].map(({ documented, measure, name }) => ({ name, lab, documented: documented(lab), measure }))

/** The server's own count of running generations, by engine. */
const gauges: { readonly [K in Kind]?: RegExp } = {
  tgi: /^tgi_batch_current_size(?:\{[^}]*\})? ([\d.]+)/m,
  vllm: /^vllm:num_requests_running(?:\{[^}]*\})? ([\d.]+)/m,
  sglang: /^sglang:num_running_reqs(?:\{[^}]*\})? ([\d.]+)/m,
  llamacpp: /^llamacpp:requests_processing ([\d.]+)/m
}

const counting = Effect.fnUntraced(function*(engine: Kind) {
  const gauge = gauges[engine]
  const endpoint = yield* Endpoint.Endpoint
  const client = yield* HttpClient.HttpClient
  const { headers, search, token, url } = yield* endpoint.target
  const request = HttpClientRequest.get(`${new URL("metrics", url).href}${search}`, {
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${Redacted.value(token)}` }) }
  })
  return client.execute(request).pipe(
    Effect.flatMap((response) => response.status === 200 ? response.text : Effect.succeed(undefined)),
    Effect.map((text) => {
      if (text === undefined || gauge === undefined) return undefined
      // TGI reports nothing before its first generation
      const found = text === "" ? "0" : gauge.exec(text)?.[1]
      return found === undefined ? undefined : Number(found)
    }),
    Effect.orElseSucceed(() => undefined)
  )
})

/**
 * Measures the endpoint. Fails if it cannot be reached, or fails in any way other than a refusal; a refusal is a finding.
 *
 * @category running
 * @since 0.2.0
 */
export const prove = Effect.fnUntraced(function*(
  options: Options = {}
): Effect.fn.Return<Proof, GenerateError, InferenceEndpointsLLM | Endpoint.Endpoint | HttpClient.HttpClient> {
  const llm = yield* InferenceEndpointsLLM
  const about = yield* llm.about
  const dialect = Dialects.all[about.engine]
  const count = yield* Ref.make(0)
  const raw: Route | undefined = dialect.rules[dialect.raw] === undefined || about.engine === "router"
    ? undefined
    : dialect.raw
  const chat = yield* Lab.make(llm, about, "chat", count)
  const behind = raw === undefined ? undefined : yield* Lab.make(llm, about, raw, count)
  const [primary, other] = about.template !== undefined && behind !== undefined ? [behind, chat] : [chat, behind]
  const running = yield* counting(about.engine)
  const isWanted = ({ name }: Measured) => options.only === undefined || options.only.includes(name)
  const all = [...optionsOf(primary, other), ...behavioursOf(primary)].filter(isWanted)
  // alone, since concurrent requests change floating-point results, and with them the text
  const isDrawnTwice = ({ name }: Measured) => name === "seed" || name === "typicalP"
  const drawn = yield* Effect.forEach(all.filter(isDrawnTwice), findingOf)
  const others = yield* Effect.forEach(all.filter((measured) => !isDrawnTwice(measured)), findingOf, {
    concurrency: options.concurrency ?? 2
  })
  const findings = all.flatMap(({ name }) => [...drawn, ...others].filter((finding) => finding.name === name))
  // alone, since they observe concurrent requests
  const cancelling: Measured = {
    name: "cancelling",
    lab: primary,
    documented: "honoured",
    measure: Behaviours.cancelling(running)
  }
  const apart: Measured = {
    name: Behaviours.apart.name,
    lab: primary,
    documented: Behaviours.apart.documented(primary),
    measure: Behaviours.apart.measure
  }
  const last = yield* Effect.forEach(
    [apart, ...(dialect.unstreamed === undefined ? [cancelling] : [])].filter(isWanted),
    findingOf
  )
  return {
    version: 1,
    measuredAt: new Date(yield* Clock.currentTimeMillis).toISOString(),
    model: about.model,
    engine: about.engine,
    ...(about.engineVersion !== undefined && { engineVersion: about.engineVersion }),
    requests: yield* Ref.get(count),
    findings: [...findings, ...last]
  }
})

const findingOf = ({ documented, lab, measure, name }: Measured) =>
  Effect.map(measure(lab), ({ detail, outcome }): Finding => ({
    name,
    route: lab.route,
    outcome,
    ...(documented !== undefined && { documented }),
    detail
  }))
