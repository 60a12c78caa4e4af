import * as OpenAi from "./OpenAi.ts"
import type * as Options from "./Options.ts"
import type * as Reply from "./Reply.ts"
import * as Tei from "./Tei.ts"
import * as Tgi from "./Tgi.ts"
import type { Turn } from "./Turn.ts"

/**
 * The router of the engine that the settings name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Options.Settings): (turn: Turn) => Reply.Reply => {
  switch (settings.engine) {
    case "tgi":
      return Tgi.make(settings)
    case "tei":
      return Tei.answer
    default:
      return OpenAi.make(settings.engine)
  }
}
