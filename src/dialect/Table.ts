import { type Dialect, names, paths, type Route, type Rules } from "./Dialect.ts"
import * as Dialects from "./Dialects.ts"

const marks = { Ignored: "✖", Refused: "⛔" }

const columns: ReadonlyArray<{ readonly dialect: Dialect; readonly route: Route; readonly rules: Rules }> = Object
  .values(
    Dialects.all
  ).flatMap((dialect) => {
    const routes: ReadonlyArray<Route> = [dialect.raw, "chat"]
    return routes.flatMap((route) => {
      const rules = dialect.rules[route]
      return rules === undefined ? [] : [{ dialect, route, rules }]
    })
  })

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

/**
 * What happens to each option on each engine and route, as a Markdown table: the field under which it is sent, or ✖ if
 * the engine would ignore it and ⛔ if it would refuse it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const markdown = (): string => {
  const options = Object.keys(Dialects.all.openai.rules.chat ?? {}).filter((name) => name !== "extra")
  const head = ["option", ...columns.map(({ dialect, route }) => `${names[dialect.engine]} \`${paths[route]}\``)]
  const rows = options.map((name) =>
    row([
      `\`${name}\``,
      ...columns.map(({ rules }) => {
        const rule = Object.entries(rules).find(([option]) => option === name)?.[1]
        return rule === undefined ? "✖" : rule._tag === "Sent" ? `\`${rule.field}\`` : marks[rule._tag]
      })
    ])
  )
  return [row(head), row(head.map(() => "---")), ...rows].join("\n")
}
