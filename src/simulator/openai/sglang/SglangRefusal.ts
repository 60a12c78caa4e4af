/**
 * How SGLang refuses a request: by the words of its types, or with a reason of its own.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"

/**
 * A request that is refused: with the words of a validation, or with a reason of its own.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly message: string
  /** `Bad Request` where a type did not fit, `BadRequestError` or `BadRequest` where a check failed. */
  readonly type: string
}

/** @category constructors @since 0.2.0 */
export const refused = (message: string, type = "BadRequestError"): Refused => ({ _tag: "Refused", message, type })

const shown = (problem: Pydantic.Problem): string =>
  `{'type': ${Pydantic.repr(problem.type)}, 'loc': (${problem.loc.map(Pydantic.repr).join(", ")}${
    problem.loc.length === 1 ? "," : ""
  }), 'msg': ${Pydantic.repr(problem.msg)}, 'input': ${Pydantic.repr(problem.input)}${
    problem.ctx === undefined ? "" : `, 'ctx': ${Pydantic.repr(problem.ctx)}`
  }}`

/** The complaint about types, which shows the problems twice. @category constructors @since 0.2.0 */
export const misfit = (problems: ReadonlyArray<Pydantic.Problem>): Refused => {
  const count = `${problems.length} validation error${problems.length === 1 ? "" : "s"}:`
  const lines = problems.map((problem) => `\n  ${shown(problem)}`).join("")
  return refused(`${count}${lines} [${problems.map(shown).join(", ")}]`, "Bad Request")
}
