const magnitude = (value: number): string => {
  let digits = 6
  let text = value.toPrecision(digits)
  while (digits < 9 && Math.fround(Number(text)) !== value) text = value.toPrecision(++digits)
  return String(Number(text))
}

/**
 * Prints a number the way a Rust server prints an `f32`: the shortest text that reads back as the same float, with at
 * least one decimal (`-0.34`, `-2.0078125`, `0.0`), and `null` for values without a JSON number.
 *
 * @category encoding
 * @since 0.1.0
 */
export const print = (value: number): string => {
  const float = Math.fround(value)
  if (!Number.isFinite(float)) return "null"
  if (float === 0) return Object.is(float, -0) ? "-0.0" : "0.0"
  const size = Math.abs(float)
  if (size < 1e-5 || size >= 1e16) {
    const [mantissa = "", exponent = ""] = Number(magnitude(float)).toExponential().split("e")
    return `${mantissa}e${exponent.replace("+", "")}`
  }
  const text = magnitude(float)
  return text.includes(".") || text.includes("e") ? text : `${text}.0`
}
