/**
 * A reply ready to be sent: framed, with faults applied and every wait recorded.
 *
 * @since 0.1.0
 */
import * as Bytes from "./Bytes.ts"
import type { Fault } from "./Fault.ts"
import type * as Reply from "./Reply.ts"
import * as Shapes from "./Shapes.ts"

/** How long things take, in milliseconds. @category models @since 0.1.0 */
export interface Timing {
  /** Before the status line. */
  readonly headers: number
  /** From there to the first token. */
  readonly firstToken: number
  /** Between one token and the next. */
  readonly perToken: number
}

/**
 * A piece of a body, the tokens it stands for, and the milliseconds before it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  readonly text: string
  readonly tokens: number
  readonly wait: number
}

/**
 * How a body ends: complete, cut without saying so, broken, or never.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending = "complete" | "cut" | "reset" | "fin" | "short" | "stall"

/**
 * A reply ready to be sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transmission {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly pieces: ReadonlyArray<Piece>
  readonly ending: Ending
  /** Its outcome in the journal when it was sent completely. */
  readonly outcome: "completed" | "failed"
  /** Milliseconds before the status line. */
  readonly wait: number
  /** Milliseconds of silence after which a comment is sent. */
  readonly keepAlive: number | undefined
  /** How often the body is compressed, and the `content-encoding` that is claimed. */
  readonly encoding: { readonly layers: number; readonly header: string | undefined } | undefined
  /** An event stream, not a whole body. */
  readonly streaming: boolean
}

/** The index after the frame of token number `after`; for 0, the index before the first token. */
const position = (frames: ReadonlyArray<Reply.Frame>, after: number): number => {
  let seen = 0
  let behind = 0
  for (const [index, frame] of frames.entries()) {
    if (frame.tokens === 0) continue
    if (seen >= after) return seen === 0 ? index : behind
    seen += frame.tokens
    behind = index + 1
  }
  return behind
}

const invalid: Reply.Frame = { payload: `{"index":1,"token":{"id":`, tokens: 0 }

interface Altered {
  readonly frames: ReadonlyArray<Reply.Frame>
  readonly ending: Ending
}

const alterFrames = (reply: Reply.Streaming, faults: ReadonlyArray<Fault>): Altered => {
  let frames = reply.frames
  let ending: Ending = "complete"
  for (const fault of faults) {
    if (!("after" in fault)) continue
    const at = position(frames, fault.after)
    if (fault._tag === "InvalidFrame") {
      frames = frames.toSpliced(at, 0, invalid)
      continue
    }
    frames = frames.slice(0, at)
    if (fault._tag === "Crash") frames = [...frames, ...reply.failed(fault)]
    else ending = fault._tag === "Cut" ? "cut" : fault._tag === "Stall" ? "stall" : fault.how
  }
  return { frames, ending }
}

const has = (faults: ReadonlyArray<Fault>, tag: Fault["_tag"]): boolean => faults.some((fault) => fault._tag === tag)

const decorate = (pieces: Array<Piece>, faults: ReadonlyArray<Fault>): ReadonlyArray<Piece> => {
  if (has(faults, "RetryLine")) pieces.unshift({ text: "retry: 3000\n\n", tokens: 0, wait: 0 })
  if (has(faults, "ByteOrderMark")) pieces.unshift({ text: "\ufeff", tokens: 0, wait: 0 })
  const last = pieces.at(-1)
  if (has(faults, "NoFinalBlankLine") && last !== undefined) {
    pieces.splice(-1, 1, { ...last, text: last.text.trimEnd() })
  }
  return pieces
}

const timingHeader = /^x-(?:compute-time|total-time|validation-time|queue-time|inference-time|time-per-token)$/

const headersOf = (
  reply: Reply.Reply,
  faults: ReadonlyArray<Fault>,
  promised: Record<string, string>
): Record<string, string> => {
  const more = faults.flatMap((fault) => fault._tag === "Headers" ? [fault.headers] : [])
  const headers = Object.assign({ ...reply.headers, ...promised }, ...more)
  if (!has(faults, "CacheHit")) return headers
  const kept = Object.entries(headers).filter(([name]) => !timingHeader.test(name))
  return { ...Object.fromEntries(kept), "x-compute-type": "cache" }
}

/** The length of a whole stream, which only a cache knows in advance and only a fault announces. */
const promise = (reply: Reply.Streaming, prefix: string): Record<string, string> => {
  const length = reply.frames.reduce(
    (total, { payload }) => total + Bytes.length(payload) + prefix.length + 2,
    0
  )
  return { "content-length": String(length) }
}

const prepareStream = (
  reply: Reply.Streaming,
  faults: ReadonlyArray<Fault>,
  timing: Timing
): Transmission => {
  const { ending, frames } = alterFrames(reply, faults)
  const early = reply.headWaits === true ? timing.firstToken : 0
  const first = timing.firstToken - early
  const next = timing.perToken
  const prefix = reply.space ? "data: " : "data:"
  let started = false
  const pieces = frames.map((frame): Piece => {
    const wait = frame.tokens === 0 ? 0 : started ? next : first
    started ||= frame.tokens > 0
    const name = frame.event === undefined ? "" : `event: ${frame.event}\n`
    return { text: `${name}${prefix}${frame.payload}\n\n`, tokens: frame.tokens, wait }
  })
  const silent = faults.some((fault) => fault._tag === "Stall" && !fault.keepAlive)
  return {
    status: 200,
    headers: headersOf(reply, faults, ending === "short" || has(faults, "CacheHit") ? promise(reply, prefix) : {}),
    pieces: faults.length === 0 ? pieces : decorate(pieces, faults),
    ending,
    outcome: ending === "complete" && !has(faults, "Crash") ? "completed" : "failed",
    wait: timing.headers + early,
    keepAlive: silent || reply.keepAlive === 0 ? undefined : reply.keepAlive,
    encoding: faults.find((fault) => fault._tag === "Encoding"),
    streaming: true
  }
}

const endingOf = (faults: ReadonlyArray<Fault>): Ending => {
  for (const fault of faults) {
    if (fault._tag === "Break") return fault.how
    if (fault._tag === "Stall") return "stall"
    if (fault._tag === "Cut" || fault._tag === "InvalidFrame") return "cut"
  }
  return "complete"
}

const prepareUnary = (
  given: Reply.Unary,
  faults: ReadonlyArray<Fault>,
  timing: Timing
): Transmission => {
  const crash = faults.find((fault) => fault._tag === "Crash")
  const reply = crash === undefined ? given : given.failed(crash)
  const ending = endingOf(faults)
  const text = ending === "complete" ? reply.body : reply.body.slice(0, Math.ceil(reply.body.length / 2))
  const tokens = given.tokens === 0 ? 0 : timing.firstToken + timing.perToken * (given.tokens - 1)
  const piece = { text: has(faults, "ByteOrderMark") ? `\ufeff${text}` : text, tokens: given.tokens, wait: 0 }
  const promised = ending === "short" ? { "content-length": String(Bytes.length(reply.body)) } : {}
  return {
    status: reply.status,
    headers: headersOf(reply, faults, promised),
    pieces: [piece],
    ending,
    outcome: ending === "complete" && reply.status < 400 ? "completed" : "failed",
    wait: timing.headers + tokens,
    keepAlive: undefined,
    encoding: faults.find((fault) => fault._tag === "Encoding"),
    streaming: false
  }
}

/**
 * Applies faults and times to a reply.
 *
 * @category constructors
 * @since 0.1.0
 */
export const prepare = (
  given: Reply.Reply,
  faults: ReadonlyArray<Fault>,
  timing: Timing
): Transmission => {
  const reply = faults.reduce<Reply.Reply>(
    (reply, fault) => fault._tag === "Shape" ? Shapes.apply(fault.shape, reply) : reply,
    given
  )
  return reply._tag === "Streaming" ? prepareStream(reply, faults, timing) : prepareUnary(reply, faults, timing)
}
