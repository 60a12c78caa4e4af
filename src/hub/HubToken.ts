/**
 * Which credential is used, and whether it is a valid one.
 *
 * The order is that of Hugging Face's own clients: the argument, `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN`, the token file. A
 * token is cleaned and checked where it enters the program, because one that is not a header value fails late and loudly:
 * some HTTP clients put it into their error message.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as HubEnv from "./HubEnv.ts"

/**
 * A token that cannot be sent. Names its source, never its value.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidToken extends Schema.TaggedError<InvalidToken>()("InvalidToken", {
  /** `apiKey`, the name of an environment variable, or `token file`. */
  source: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `the token from ${this.source} cannot be used: ${this.problem}. Set it again without quotes, spaces or line breaks`
  }
}

/**
 * A token as callers give it. `false` sends no credential at all, not even one found in the environment.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = string | Redacted.Redacted<string> | false | undefined

/**
 * Reads the raw content of the token file, `undefined` if there is none. Without a layer that sets it (as
 * `node/HubTokenFile` does) no file is looked for, so that the core runs without a disk.
 *
 * @category services
 * @since 0.1.0
 */
export const TokenFile = Context.Reference<Effect.Effect<string | undefined>>(
  "effect-inference-endpoints/hub/HubToken/TokenFile",
  { defaultValue: () => Effect.undefined }
)

const maxLength = 8192

/**
 * Removes line breaks and surrounding whitespace, which editors, secret stores and `echo` leave behind, and the quotes
 * around a value that some readers of env files keep. `undefined` when nothing is left.
 *
 * @category cleaning
 * @since 0.1.0
 */
export const clean = (raw: string): string | undefined => {
  const token = raw.replace(/[\r\n]/g, "").trim().replace(/^(["'])(.*)\1$/, "$2").trim()
  return token === "" ? undefined : token
}

/**
 * Cleans and checks a token: visible ASCII only, at most 8192 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(raw: string | Redacted.Redacted<string>, source = "apiKey") {
  const token = clean(typeof raw === "string" ? raw : Redacted.value(raw))
  const problem = token === undefined
    ? "it is empty"
    : token.length > maxLength
    ? `it has ${token.length} characters, at most ${maxLength} are possible`
    : /^["']|["']$/.test(token)
    ? "it begins or ends with a quote"
    : /^[\x21-\x7e]+$/.test(token)
    ? undefined
    : "it contains spaces, control characters or characters outside ASCII"
  if (token === undefined || problem !== undefined) {
    return yield* new InvalidToken({ source, problem: problem ?? "it is empty" })
  }
  return Redacted.make(token, { label: "token" })
})

/**
 * Finds the token: the argument, else the environment, else the token file, else none. An empty variable counts as unset,
 * and `HF_HUB_DISABLE_IMPLICIT_TOKEN` switches the search off. Fails when the token found cannot be sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = Effect.fnUntraced(function*(input?: Input) {
  if (input === false) return undefined
  if (input !== undefined) return yield* make(input)
  if (yield* HubEnv.flag("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return undefined
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const raw = yield* HubEnv.variable(name)
    if (raw !== undefined && clean(raw) !== undefined) return yield* make(raw, name)
  }
  const file = yield* yield* TokenFile
  return file === undefined || clean(file) === undefined ? undefined : yield* make(file, "token file")
})

/**
 * Tells a key of Hugging Face from a key of another provider. The former must only reach Hugging Face and what the caller
 * named, the latter never reaches Hugging Face.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isHuggingFace = (token: Redacted.Redacted<string>): boolean => Redacted.value(token).startsWith("hf_")
