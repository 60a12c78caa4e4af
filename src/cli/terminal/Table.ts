/**
 * Rows for people, in columns as wide as their cells.
 *
 * @since 0.2.0
 */
import * as Colour from "./Colour.ts"
import { visible } from "./Visible.ts"

/**
 * Lines of a table with a head, ready for a terminal; the last column is not padded. `meaning` gives the colour of a cell.
 *
 * @category formatting
 * @since 0.2.0
 */
export const lines = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  meaning: (column: number, cell: string) => Colour.Meaning | undefined = () => undefined
): ReadonlyArray<string> => {
  const all = [head, ...rows].map((row) => row.map(visible))
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all.map((row, index) =>
    row.map((cell, column) => {
      const means = index === 0 ? "head" : meaning(column, cell)
      const shown = means === undefined ? cell : Colour.paint(means, cell)
      return column === row.length - 1 ? shown : shown + " ".repeat((widths[column] ?? 0) - cell.length)
    }).join("  ").trimEnd()
  )
}
