/**
 * Rows for people, in columns as wide as what stands in them.
 *
 * @since 0.2.0
 */

/**
 * Lines of a table with a head; the last column is not padded.
 *
 * @category formatting
 * @since 0.2.0
 */
export const lines = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)))
  return [head, ...rows].map((row) =>
    row.map((cell, column) => column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()
  )
}
