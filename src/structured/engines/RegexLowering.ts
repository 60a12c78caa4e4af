/**
 * A regex of the caller → the spelling of an engine. Engines differ in what `.`, `\d`, `\s`, anchors and groups mean, so
 * except on TGI it is written in explicit classes.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as RegexDialect from "../regex/RegexDialect.ts"
import * as RegexParts from "../regex/RegexParts.ts"
import * as RegexSyntax from "../regex/RegexSyntax.ts"
import * as WholeText from "../regex/WholeText.ts"
import type { Dropped, Fault } from "../schema/tree/Dropped.ts"
import * as Gbnf from "./Gbnf.ts"
import * as Cost from "./tgi/Cost.ts"

/**
 * A regex for an engine, and what was removed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Lowered {
  readonly regex: string
  readonly dropped: ReadonlyArray<Dropped>
}

/** Seconds of a TGI server's time. */
const MOST = 8

const fault = (construct: string, reason: string, hint: string): Fault => ({
  path: [],
  keyword: "pattern",
  reason: `${construct} ${reason}`,
  hint
})

type Read = Result.Result<WholeText.WholeText, Fault>

const read = (pattern: string, engine: string): Read => {
  const parsed = Result.flatMap(RegexSyntax.parse(pattern, "any"), WholeText.make)
  if (Result.isFailure(parsed)) {
    const { construct, hint, position } = parsed.failure
    return Result.fail(fault(construct, `at character ${position} has no form in a grammar of ${engine}`, hint))
  }
  return isEmpty(parsed.success.regex)
    ? Result.fail(
      fault("an empty regex", "is not a grammar: nothing would be constrained", "describe what must be written")
    )
    : Result.succeed(parsed.success)
}

const isEmpty = (regex: RegexSyntax.Regex): boolean => {
  switch (regex._tag) {
    case "Chars":
      return regex.set.length === 0
    case "Repeat":
      return regex.max === 0 || isEmpty(regex.of)
    case "Seq":
      return regex.parts.every(isEmpty)
    case "Alt":
      return regex.options.every(isEmpty)
    default:
      return true
  }
}

const notes = (removed: ReadonlyArray<string>): ReadonlyArray<Dropped> =>
  removed.map((anchor) => ({
    path: [],
    keyword: "pattern",
    reason: `${anchor} at the edge is removed: the whole text is matched anyway`,
    effect: "unenforced"
  }))

/** Whether a lookahead is at the end: TGI's server then requires one more character. */
const looksBeyond = (regex: RegexSyntax.Regex): boolean => {
  const last = regex._tag === "Seq" ? regex.parts.at(-1) : regex
  return last !== undefined &&
    (last._tag === "Look" || (last._tag === "Alt" && last.options.some(looksBeyond)) ||
      (last._tag === "Seq" && looksBeyond(last)) || (last._tag === "Repeat" && RegexParts.hasLook(last.of)))
}

/**
 * For TGI: unchanged if its server reads it the same way, otherwise in its dialect.
 *
 * @category lowering
 * @since 0.2.0
 */
export const tgi = (pattern: string): Result.Result<Lowered, Fault> => {
  const own = RegexSyntax.parse(pattern, "tgi")
  const whole = read(pattern, "TGI")
  if (Result.isFailure(whole)) return Result.fail(whole.failure)
  const { regex, removed } = whole.success
  if (looksBeyond(regex)) {
    const hint = "say what may end the text instead"
    return Result.fail(fault("a lookahead at the end", "requires one more character on TGI", hint))
  }
  if (RegexParts.hasLook(regex) && Result.isFailure(own)) {
    const { construct, hint, position } = own.failure
    return Result.fail(fault(construct, `at character ${position} is not in TGI's regex dialect`, hint))
  }
  const printed = Result.isSuccess(own) ? pattern : RegexDialect.printPlain(regex)
  const { seconds } = Cost.make(printed.length, RegexDialect.states(regex), RegexDialect.states(regex))
  return seconds <= MOST ? Result.succeed({ regex: printed, dropped: notes(removed) }) : Result.fail(fault(
    "its repetitions",
    "would keep the server busy for seconds",
    "lower their bounds, or remove them"
  ))
}

/**
 * For engines that match a regex of their own: vLLM and SGLang.
 *
 * @category lowering
 * @since 0.2.0
 */
export const explicit = (pattern: string, engine: string): Result.Result<Lowered, Fault> =>
  Result.flatMap(read(pattern, engine), ({ regex, removed }) =>
    RegexParts.hasLook(regex)
      ? Result.fail(fault("lookahead", `has no form in a grammar of ${engine}`, "write the pattern without it"))
      : Result.succeed({ regex: RegexDialect.printPlain(regex), dropped: notes(removed) }))

/**
 * For llama.cpp, as a grammar in its own notation.
 *
 * @category lowering
 * @since 0.2.0
 */
export const gbnf = (pattern: string): Result.Result<Lowered, Fault> =>
  Result.flatMap(read(pattern, "llama.cpp"), ({ regex, removed }) => {
    const grammar = Gbnf.fromRegex(regex)
    return grammar === undefined
      ? Result.fail(fault("lookahead", "cannot be expressed in a llama.cpp grammar", "write the pattern without it"))
      : Result.succeed({ regex: grammar, dropped: notes(removed) })
  })
