/** `datetime.now().strftime(format)` in the C locale, for `strftime_now`. The datetime is naive: `%z` and `%Z` are empty. */
import type { Now } from "../values/Machine.ts"

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const months = ("January February March April May June July August September October November December").split(" ")

const pad = (value: number, width: number, fill = "0"): string => String(value).padStart(width, fill)

/** The local wall clock, read through the UTC fields of a shifted date. */
const wallClock = (now: Now): Date => new Date(now.epochMillis + now.offsetMinutes * 60_000)

const dayMillis = 86_400_000
const dayOfYear = (date: Date): number =>
  Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / dayMillis)

/** ISO 8601 year and week: the week that holds Thursday belongs to Thursday's year. */
const isoWeek = (date: Date): readonly [year: number, week: number] => {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * dayMillis)
  return [thursday.getUTCFullYear(), Math.floor(dayOfYear(thursday) / 7) + 1]
}

type Field = readonly [value: number, width: number, fill: string]

const numbers: Readonly<Record<string, (date: Date) => Field>> = {
  C: (date) => [Math.floor(date.getUTCFullYear() / 100), 2, "0"],
  d: (date) => [date.getUTCDate(), 2, "0"],
  e: (date) => [date.getUTCDate(), 2, " "],
  G: (date) => [isoWeek(date)[0], 4, "0"],
  g: (date) => [isoWeek(date)[0] % 100, 2, "0"],
  H: (date) => [date.getUTCHours(), 2, "0"],
  I: (date) => [date.getUTCHours() % 12 || 12, 2, "0"],
  j: (date) => [dayOfYear(date) + 1, 3, "0"],
  k: (date) => [date.getUTCHours(), 2, " "],
  l: (date) => [date.getUTCHours() % 12 || 12, 2, " "],
  M: (date) => [date.getUTCMinutes(), 2, "0"],
  m: (date) => [date.getUTCMonth() + 1, 2, "0"],
  S: (date) => [date.getUTCSeconds(), 2, "0"],
  U: (date) => [Math.floor((dayOfYear(date) + 7 - date.getUTCDay()) / 7), 2, "0"],
  u: (date) => [date.getUTCDay() || 7, 1, "0"],
  V: (date) => [isoWeek(date)[1], 2, "0"],
  W: (date) => [Math.floor((dayOfYear(date) + 7 - (date.getUTCDay() + 6) % 7) / 7), 2, "0"],
  w: (date) => [date.getUTCDay(), 1, "0"],
  Y: (date) => [date.getUTCFullYear(), 4, "0"],
  y: (date) => [date.getUTCFullYear() % 100, 2, "0"]
}

const composed: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  R: "%H:%M",
  r: "%I:%M:%S %p",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S"
}

const named = (code: string, date: Date, now: Now): string | undefined => {
  switch (code) {
    case "A":
      return days[date.getUTCDay()]
    case "a":
      return days[date.getUTCDay()]?.slice(0, 3)
    case "B":
      return months[date.getUTCMonth()]
    case "b":
    case "h":
      return months[date.getUTCMonth()]?.slice(0, 3)
    case "f":
      return pad(date.getUTCMilliseconds() * 1000, 6)
    case "n":
      return "\n"
    case "P":
      return date.getUTCHours() < 12 ? "am" : "pm"
    case "p":
      return date.getUTCHours() < 12 ? "AM" : "PM"
    case "s":
      return String(Math.floor(now.epochMillis / 1000))
    case "t":
      return "\t"
    case "Z":
    case "z":
      return ""
    case "%":
      return "%"
    default:
      return undefined
  }
}

const one = (whole: string, flag: string, code: string, date: Date, now: Now): string => {
  const field = numbers[code]?.(date)
  if (field !== undefined) {
    const [value, width, fill] = field
    if (flag === "-") return String(value)
    return pad(value, width, flag === "_" ? " " : flag === "0" ? "0" : fill)
  }
  const parts = composed[code]
  const text = parts === undefined ? named(code, date, now) : strftime(now, parts)
  if (text === undefined) return whole
  return flag === "^"
    ? text.toUpperCase()
    : flag === "#"
    ? (code === "p" ? text.toLowerCase() : text.toUpperCase())
    : text
}

/** Unknown directives stay as they are. Flags of the GNU C library work: `%-d`, `%_d`, `%^a`. */
export const strftime = (now: Now, format: string): string => {
  const date = wallClock(now)
  return format.replace(
    /%([-_0^#]?)([A-Za-z%])/g,
    (whole, flag: string, code: string) => one(whole, flag, code, date, now)
  )
}
