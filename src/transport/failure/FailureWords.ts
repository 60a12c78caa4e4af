/**
 * What the words of a failure mean: its type, its code, or, failing those, its message. Servers and providers use the
 * same words under many statuses, and an error inside a stream has no status of its own.
 *
 * @since 0.2.0
 */
import type { Failure } from "../../protocol/Failure.ts"

/**
 * What a failure is, by its words.
 *
 * - `Failed`: the engine failed, and a new attempt may succeed.
 * - `ToolCall`: the request was fine; what the model wrote is not a tool call.
 *
 * @category models
 * @since 0.2.0
 */
export type Verdict =
  | "Rejected"
  | "Unauthorized"
  | "Forbidden"
  | "PaymentRequired"
  | "NotFound"
  | "RateLimited"
  | "Overloaded"
  | "Failed"
  | "ToolCall"

/** Types and codes, in lower case and reduced to letters. */
const words: { readonly [V in Verdict]?: ReadonlyArray<string> } = {
  Rejected: [
    // TGI
    "validation",
    "templateerror",
    "toolerror",
    "missingtemplatevariable",
    "suffixnotsupported",
    "batchsizeexceeded",
    // OpenAI, the engines and the providers that follow it
    "badrequest",
    "badrequesterror",
    "invalidrequest",
    "invalidrequesterror",
    "invalidargument",
    "invalidprompt",
    "invalidvalue",
    "unprocessableentity",
    "unprocessableentityerror",
    "validationerror",
    "contextlengthexceeded",
    "exceedcontextsizeerror",
    "stringabovemaxlength",
    "requesttoolarge",
    "unsupportedparameter",
    "unsupportedvalue",
    "contentfilter",
    "contentpolicyviolation",
    "notsupportederror",
    "notimplemented",
    "notimplementederror"
  ],
  Unauthorized: [
    "authenticationerror",
    "invalidapikey",
    "invalidauthentication",
    "missingapikey",
    "unauthenticated",
    "unauthorized",
    "unauthorizederror"
  ],
  Forbidden: ["accessdenied", "forbidden", "permissiondenied", "permissiondeniederror", "permissionerror"],
  PaymentRequired: [
    "billinghardlimitreached",
    "billingnotactive",
    "insufficientbalance",
    "insufficientcredits",
    "insufficientquota",
    "paymentrequired"
  ],
  NotFound: ["modelnotfound", "modelnotsupported", "notfound", "notfounderror", "unknownmodel"],
  RateLimited: [
    "ratelimit",
    "ratelimited",
    "ratelimiterror",
    "ratelimitexceeded",
    "resourceexhausted",
    "throttled",
    "toomanyrequests",
    "toomanyrequestserror"
  ],
  Overloaded: [
    "badgateway",
    "callupstreamrequesterror",
    "deadlineexceeded",
    "engineoverloaded",
    "gatewaytimeout",
    "healthcheck",
    "noavailableworkers",
    "overloaded",
    "overloadederror",
    "requesttimeout",
    "serviceunavailable",
    "serviceunavailableerror",
    "timeout",
    "unavailable",
    "unavailableerror"
  ],
  Failed: [
    "apierror",
    "generation",
    "incompletegeneration",
    "incompletegenerationstream",
    "internal",
    "internalerror",
    "internalservererror",
    "servererror",
    "streamserializationerror"
  ]
}

const byWord = new Map(
  Object.entries(words).flatMap(([verdict, all]) =>
    // the keys of the table are verdicts
    all.map((word) => [word, verdict as Verdict] as const)
  )
)

const verdictOf = (word: string | undefined): Verdict | undefined =>
  word === undefined ? undefined : byWord.get(word.toLowerCase().replaceAll(/[^a-z]/g, ""))

/**
 * Texts of internal errors that stand for requests that will never work: llama.cpp's exceptions, a grammar or a regex that
 * the compiler of vLLM or SGLang does not accept, an image for a text model.
 */
const permanent = new RegExp(
  [
    String.raw`(?:image|audio|video|multimodal)s? (?:input|data|content)s? (?:is|are) not supported`,
    "(?:is not|isn't|not) a multimodal model",
    "does not support (?:image|audio|video|multimodal)",
    "unsupported content part",
    String.raw`failed to (?:load|decode) (?:the )?(?:image|audio)`,
    String.raw`json\.exception`,
    String.raw`failed to parse (?:messages|tool call|tools|grammar|json schema)`,
    "surrogates? (?:not allowed|u\\+)",
    String.raw`input (?:\(\d+ tokens\) )?is too (?:large|long) to process`,
    String.raw`exceeds? the (?:available |maximum |model's )*context`,
    String.raw`regex pars(?:e|ing) error`,
    String.raw`(?:grammar|regex|json schema|schema)\b.*\b(?:invalid|error|unsupported|not supported|failed)`,
    String.raw`(?:invalid|error|unsupported|failed|cannot|could not)\b.*\b(?:grammar|regex|json schema)`,
    "jinja"
  ].join("|"),
  "is"
)

/** Messages that come without a type or a code, or with a meaningless one. */
const texts: ReadonlyArray<readonly [RegExp, Verdict]> = [
  [/rate limit|too many requests/i, "RateLimited"],
  [/insufficient (?:quota|credits?|balance|funds)|exceeded your (?:current|monthly)/i, "PaymentRequired"],
  [/(?:invalid|incorrect|missing) (?:api key|token)|invalid authentication/i, "Unauthorized"],
  [/context (?:length|size|window)|maximum (?:context|number of tokens)|prompt is too long/i, "Rejected"],
  [/overloaded|(?:at|no) capacity|too busy/i, "Overloaded"]
]

/** Enough of a message to recognise it. */
const LOOKED_AT = 2000

/**
 * What a failure says about itself. `undefined` if its words say no more than its status.
 *
 * @category reading
 * @since 0.2.0
 */
export const read = ({ code, message, type }: Failure): Verdict | undefined => {
  if (message.startsWith("Tool error: Failed to parse generated text")) return "ToolCall"
  const told = verdictOf(code) ?? verdictOf(type)
  if (told !== undefined && told !== "Failed") return told
  if (type !== "generation" && permanent.test(message.slice(0, LOOKED_AT))) return "Rejected"
  return told ?? texts.find(([pattern]) => pattern.test(message.slice(0, LOOKED_AT)))?.[1]
}

const escapes: { readonly [escape: string]: string } = { n: "\n", r: "\r", t: "\t", "0": "\0" }

/**
 * TGI's report of a tool call that it could not read: the model's text, written as a Rust string, and whether the token
 * limit cut it.
 *
 * @category reading
 * @since 0.2.0
 */
export const toolCall = (message: string): { readonly text: string; readonly truncated: boolean } => {
  const quoted = /"((?:[^"\\]|\\[^])*)"\s*$/.exec(message)?.[1] ?? ""
  return {
    text: quoted.replaceAll(
      /\\(?:u\{([0-9a-f]{1,6})\}|([^]))/gi,
      (_, hex: string | undefined, char: string) =>
        hex === undefined ? escapes[char] ?? char : String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(hex, 16)))
    ),
    truncated: message.includes("EOF while parsing")
  }
}
