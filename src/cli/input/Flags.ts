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
