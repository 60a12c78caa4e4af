/**
 * TGI's slices: whether a generation takes more than one request, and if it should but cannot, why.
 *
 * @since 0.2.0
 */
import type * as Dialect from "../../dialect/Dialect.ts"
import type { Target } from "../../endpoint/EndpointTarget.ts"
import * as GenerationOptions from "../../GenerationOptions.ts"
import type { Settings } from "../../Settings.ts"

/**
 * How many tokens TGI generates at once, since 3.1.1; a grammar starts over after them.
 *
 * @category constants
 * @since 0.2.0
 */
export const SLICE = 1024

/**
 * A generation that is about to be requested of TGI.
 *
 * @category models
 * @since 0.2.0
 */
export interface Asked {
  readonly target: Target
  readonly route: Dialect.Route
  readonly options: GenerationOptions.GenerationOptions
  readonly settings: Settings
  readonly isConstrained: boolean
}

/**
 * How many tokens are wanted.
 *
 * @category accessors
 * @since 0.2.0
 */
export const tokensOf = ({ maxNewTokens }: GenerationOptions.GenerationOptions): number =>
  maxNewTokens ?? GenerationOptions.MAX_NEW_TOKENS

/**
 * Whether this version of TGI generates in slices. An unknown one is assumed to.
 *
 * @category guards
 * @since 0.2.0
 */
export const isSliced = ({ engine: { version } }: Target): boolean => {
  const [major = 0, minor = 0, patch = 0] = (version ?? "").split(/[.-]/).map((part) => Number.parseInt(part, 10))
  if (version === undefined || Number.isNaN(major)) return true
  return major > 3 || (major === 3 && (minor > 1 || (minor === 1 && patch >= 1)))
}

/** Options that a response assembled from several requests cannot have. */
const obstacleIn = (
  { bestOf = 1, decoderInputDetails, returnFullText, truncate }: GenerationOptions.GenerationOptions
) =>
  bestOf > 1
    ? "bestOf"
    : decoderInputDetails === true
    ? "decoderInputDetails"
    : returnFullText === true
    ? "returnFullText"
    : truncate !== undefined
    ? "truncate"
    : undefined

const hasTools = ({ options: { toolChoice, tools }, route }: Asked): boolean =>
  route === "chat" && tools !== undefined && tools.length > 0 && toolChoice !== "none"

/**
 * Whether more than one request may be needed. A constraint must then be a regex, whose rest can be written.
 *
 * @category guards
 * @since 0.2.0
 */
export const needs = (asked: Asked): boolean => {
  const { isConstrained, options, route, settings, target } = asked
  const isAsked = (settings.resume ?? 0) > 0 || settings.continueFrom !== undefined
  const isLong = tokensOf(options) > SLICE && settings.continuation !== false && (isConstrained || route === "generate")
  return (isAsked || (isLong && isSliced(target))) && !hasTools(asked) && obstacleIn(options) === undefined
}

/**
 * Why a text is not continued where its generation is a single request.
 *
 * @category validation
 * @since 0.2.0
 */
export const uncontinued: GenerationOptions.Issue = {
  path: ["continueFrom"],
  message: "only TGI continues a text, and only without tools, bestOf, decoderInputDetails and truncate"
}

/**
 * Why no more than a slice is requested, although more is wanted and a grammar would start over after it.
 *
 * @category accessors
 * @since 0.2.0
 */
export const capped = (asked: Asked, isContinued: boolean): string | undefined => {
  const { isConstrained, options, settings, target } = asked
  const isCut = tokensOf(options) > SLICE && (isConstrained || hasTools(asked)) && isSliced(target) && !isContinued
  if (!isCut) return undefined
  const obstacle = obstacleIn(options)
  const reason = hasTools(asked)
    ? "The router's own tool calls cannot be continued: offer the tools with a template (tokenizerId), or lower maxNewTokens"
    : obstacle !== undefined
    ? `A response cannot be assembled from several requests with ${obstacle}`
    : settings.continuation === false
    ? "It is not continued, since continuation is false"
    : "What may follow a text cannot be told from this grammar: do not set target, and write a regex without lookahead"
  return `No more than ${SLICE} tokens are requested, since TGI starts a grammar over after them. ${reason}`
}
