/**
 * Instants, days, times of day and decimals as text with all of their digits ⇄ the integers that files store.
 *
 * @since 0.2.0
 */

/**
 * A unit of time as Arrow writes it.
 *
 * @category models
 * @since 0.2.0
 */
export type Unit = "s" | "ms" | "us" | "ns"

/** Digits after the second. */
const DIGITS: Readonly<Record<Unit, number>> = { s: 0, ms: 3, us: 6, ns: 9 }

const perSecond = (unit: Unit): bigint => 10n ** BigInt(DIGITS[unit])

const floorDivide = (value: bigint, by: bigint): bigint => {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

/** The unit of a `dtype` such as `timestamp[us, tz=UTC]`. */
export const unitOf = (dtype: string): Unit => {
  const [, unit] = /\[(s|ms|us|ns)\b/.exec(dtype) ?? []
  return unit === "s" || unit === "ms" || unit === "ns" ? unit : "us"
}

/**
 * An instant since 1970 as ISO text, with a `Z` if it is in UTC; undefined outside the years that JavaScript knows.
 *
 * @category conversions
 * @since 0.2.0
 */
export const instantText = (value: bigint, unit: Unit, utc: boolean): string | undefined => {
  const seconds = floorDivide(value, perSecond(unit))
  const date = new Date(Number(seconds) * 1000)
  if (Number.isNaN(date.getTime())) return undefined
  const rest = value - seconds * perSecond(unit)
  const fraction = rest === 0n ? "" : `.${rest.toString().padStart(DIGITS[unit], "0").replace(/0+$/, "")}`
  return `${date.toISOString().slice(0, -5)}${fraction}${utc ? "Z" : ""}`
}

const ISO = /^([+-]?\d{4,6}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$/i

/**
 * ISO text or a Date as an integer since 1970; undefined if it is neither, or has more digits than the unit.
 *
 * @category conversions
 * @since 0.2.0
 */
export const instant = (value: unknown, unit: Unit): bigint | undefined => {
  if (value instanceof Date) {
    return Number.isNaN(value.getTime())
      ? undefined
      : scaled(BigInt(value.getTime()), "ms", unit)
  }
  const [, day, minutes = "00:00", seconds = "00", fraction = "", zone = "Z"] =
    (typeof value === "string" ? ISO.exec(value.trim()) : null) ?? []
  if (day === undefined) return undefined
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone
  const millis = Date.parse(`${day}T${minutes}:${seconds}${offset.toUpperCase()}`)
  const digits = fraction.replace(/0+$/, "")
  if (Number.isNaN(millis) || digits.length > DIGITS[unit]) return undefined
  return BigInt(millis / 1000) * perSecond(unit) + BigInt(digits.padEnd(DIGITS[unit], "0") || "0")
}

const scaled = (value: bigint, from: Unit, to: Unit): bigint | undefined => {
  const product = value * perSecond(to)
  return product % perSecond(from) === 0n ? product / perSecond(from) : undefined
}

/**
 * Days since 1970 as `2026-01-31`.
 *
 * @category conversions
 * @since 0.2.0
 */
export const dayText = (days: number): string => new Date(days * 86_400_000).toISOString().slice(0, -14)

/**
 * A day, or the day of an instant in UTC, since 1970; undefined for other text.
 *
 * @category conversions
 * @since 0.2.0
 */
export const day = (value: unknown): number | undefined => {
  const seconds = instant(value, "ns")
  return seconds === undefined ? undefined : Number(floorDivide(seconds, 86_400n * 10n ** 9n))
}

/**
 * A time of day as `23:59:59.000001`.
 *
 * @category conversions
 * @since 0.2.0
 */
export const timeText = (value: bigint, unit: Unit): string | undefined => instantText(value, unit, false)?.slice(11)

/**
 * A time of day since midnight; undefined for other text.
 *
 * @category conversions
 * @since 0.2.0
 */
export const time = (value: unknown, unit: Unit): bigint | undefined =>
  typeof value === "string" ? instant(`1970-01-01T${value}`, unit) : undefined

/**
 * An integer times 10^−scale as text: `-0.05`.
 *
 * @category conversions
 * @since 0.2.0
 */
export const decimalText = (value: bigint, scale: number): string => {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0")
  const sign = value < 0n ? "-" : ""
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/**
 * Decimal text as an integer times 10^−scale; undefined for other text and for more digits.
 *
 * @category conversions
 * @since 0.2.0
 */
export const decimal = (value: unknown, scale: number): bigint | undefined => {
  const [, sign, whole, fraction = ""] =
    /^([+-]?)(\d+)(?:\.(\d+))?$/.exec(typeof value === "string" ? value : String(value)) ?? []
  const digits = fraction.replace(/0+$/, "")
  if (whole === undefined || digits.length > scale) return undefined
  const unscaled = BigInt(whole + digits.padEnd(scale, "0"))
  return sign === "-" ? -unscaled : unscaled
}
