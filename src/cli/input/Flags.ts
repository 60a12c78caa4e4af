/**
 * What flags of many commands share.
 *
 * @since 0.2.0
 */
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"

/**
 * A flag that may be left out: then it is undefined.
 *
 * @category combinators
 * @since 0.2.0
 */
export const optional = <A>(flag: Flag.Flag<A>, description: string): Flag.Flag<A | undefined> =>
  flag.pipe(Flag.withDescription(description), Flag.optional, Flag.map(Option.getOrUndefined))

/**
 * A flag that may be left out: then it is what is given here.
 *
 * @category combinators
 * @since 0.2.0
 */
export const defaulted = <A, const B>(flag: Flag.Flag<A>, description: string, value: B): Flag.Flag<A | B> =>
  flag.pipe(Flag.withDescription(description), Flag.withDefault(value))

/** A text, if it is given. @category flags @since 0.2.0 */
export const text = (name: string, description: string) => optional(Flag.String(name), description)

/** Any number of texts. @category flags @since 0.2.0 */
export const texts = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.atLeast(0))

/** A whole number, if it is given. @category flags @since 0.2.0 */
export const integer = (name: string, description: string) => optional(Flag.Int(name), description)

/** A number, if it is given. @category flags @since 0.2.0 */
export const amount = (name: string, description: string) => optional(Flag.Finite(name), description)

/** Whether it is given. @category flags @since 0.2.0 */
export const yes = (name: string, description: string) => defaulted(Flag.Boolean(name), description, false)
