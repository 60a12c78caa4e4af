/** `textwrap.wrap` with `expand_tabs=False, replace_whitespace=False`, for the filter `wordwrap`. */
import type { Machine } from "../values/Machine.ts"
import { trimEnd } from "../values/Space.ts"
import { codePoints, textLength } from "../values/Text.ts"

interface Options {
  readonly width: number
  readonly breakLong: boolean
  readonly hyphens: boolean
}

const blank = /([\t\n\v\f\r ]+)/
/** After a hyphen between letters, and before and after a dash of two or more. */
const hyphenated =
  /(?<=[\p{L}\p{N}_!"'&.,?][\p{L}_]-)(?=[\p{L}_]-?[\p{L}_])|(?<=[\p{L}_]{2}-)(?=[\p{L}_]-?[\p{L}_])|(?<=[\p{L}\p{N}_!"'&.,?])(?=-{2,}[\p{L}\p{N}_])|(?<=[\p{L}\p{N}_!"'&.,?]-{2,})(?=[\p{L}\p{N}_])/u

const chunksOf = (line: string, hyphens: boolean): Array<string> =>
  line.split(blank).flatMap((part) => part === "" ? [] : hyphens ? part.split(hyphenated) : [part])

/** Takes as much of a word that is longer than a line as fits. */
const breakWord = (word: string, space: number, hyphens: boolean): readonly [string, string] => {
  const points = codePoints(word)
  let end = Math.max(1, space)
  if (hyphens && points.length > space) {
    const hyphen = points.lastIndexOf("-", space - 1)
    if (hyphen > 0 && points.slice(0, hyphen).some((char) => char !== "-")) end = hyphen + 1
  }
  return [points.slice(0, end).join(""), points.slice(end).join("")]
}

export const wrapLines = (machine: Machine, line: string, options: Options): Array<string> => {
  const chunks = chunksOf(line, options.hyphens).toReversed()
  const lines: Array<string> = []
  while (chunks.length > 0) {
    machine.spend(1)
    const current: Array<string> = []
    let length = 0
    if (lines.length > 0 && trimEnd(chunks.at(-1) ?? "") === "") chunks.pop()
    for (
      let next = chunks.at(-1);
      next !== undefined && length + textLength(next) <= options.width;
      next = chunks.at(-1)
    ) {
      current.push(next)
      length += textLength(next)
      chunks.pop()
    }
    const long = chunks.at(-1)
    if (long !== undefined && textLength(long) > options.width) {
      if (options.breakLong) {
        machine.chars(long.length)
        const [head, tail] = breakWord(long, options.width - length, options.hyphens)
        current.push(head)
        chunks.pop()
        if (tail !== "") chunks.push(tail)
      } else if (current.length === 0) {
        current.push(long)
        chunks.pop()
      }
    }
    if (trimEnd(current.at(-1) ?? "x") === "") current.pop()
    if (current.length > 0) lines.push(current.join(""))
  }
  return lines
}
