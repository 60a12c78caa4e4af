/**
 * Python's numbers: the operators on them, the one form of an int, and the exact decimal digits of a double, rounded half
 * to even as CPython prints them (JavaScript's own `toFixed` rounds ties up).
 */

export type Operator = "+" | "-" | "*" | "/" | "//" | "%" | "**"

/** A bigint in its canonical form: a `number` when it is safe. */
export const int = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value

const view = new DataView(new ArrayBuffer(8))

/** A non-negative finite double as an exact fraction. */
const fraction = (value: number): readonly [numerator: bigint, denominator: bigint] => {
  view.setFloat64(0, value)
  const raw = view.getBigUint64(0)
  const exponent = Number((raw >> 52n) & 0x7ffn)
  const mantissa = (raw & 0xfffffffffffffn) | (exponent === 0 ? 0n : 1n << 52n)
  const shift = (exponent === 0 ? 1 : exponent) - 1075
  return shift >= 0 ? [mantissa << BigInt(shift), 1n] : [mantissa, 1n << BigInt(-shift)]
}

/** The nearest integer to a quotient of non-negative integers, ties to even. */
export const divideEven = (numerator: bigint, denominator: bigint): bigint => {
  const quotient = numerator / denominator
  const twice = (numerator % denominator) * 2n
  return twice > denominator || (twice === denominator && quotient % 2n === 1n) ? quotient + 1n : quotient
}

/** No double has more decimals than this; further digits are zeros. */
const maxDecimals = 1100

/** `'%.{precision}f'` of a non-negative finite number. */
export const fixed = (value: number, precision: number): string => {
  const [numerator, denominator] = fraction(value)
  const decimals = Math.min(precision, maxDecimals)
  const digits = divideEven(numerator * 10n ** BigInt(decimals), denominator).toString().padStart(decimals + 1, "0")
  if (precision === 0) return digits
  const point = digits.length - decimals
  return `${digits.slice(0, point)}.${digits.slice(point)}${"0".repeat(precision - decimals)}`
}

/** `'%.{precision}e'` of a non-negative finite number. */
export const exponential = (value: number, precision: number): string => {
  const decimals = Math.min(precision, maxDecimals)
  let exponent = value === 0 ? 0 : Number(value.toExponential().split("e")[1])
  const [numerator, denominator] = fraction(value)
  const scale = decimals - exponent
  let digits = (scale >= 0
    ? divideEven(numerator * 10n ** BigInt(scale), denominator)
    : divideEven(numerator, denominator * 10n ** BigInt(-scale))).toString()
  if (digits.length > decimals + 1) {
    exponent++
    digits = digits.slice(0, -1)
  }
  digits = digits.padEnd(decimals + 1, "0")
  const tail = precision === 0 ? "" : `.${digits.slice(1)}${"0".repeat(precision - decimals)}`
  return `${digits[0]}${tail}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`
}

/** `round(value, digits)` of a float; negative digits round to tens, hundreds, … */
export const round = (value: number, digits: number): number => {
  if (!Number.isFinite(value) || digits > 330) return value
  const magnitude = Math.abs(value)
  if (digits >= 0) return Math.sign(value) * Number(fixed(magnitude, digits))
  if (digits < -330) return value < 0 ? -0 : 0
  const unit = 10n ** BigInt(-digits)
  const [numerator, denominator] = fraction(magnitude)
  return Math.sign(value) * Number(divideEven(numerator, denominator * unit) * unit)
}
