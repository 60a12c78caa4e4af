import type * as Options from "./Options.ts"
import type * as Reply from "./Reply.ts"
import * as Tgi from "./Tgi.ts"
import type { Turn } from "./Turn.ts"

/**
 * The router of the engine that the settings name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Options.Settings): (turn: Turn) => Reply.Reply => Tgi.make(settings)
