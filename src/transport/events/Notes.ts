/**
 * Events that are not part of the generation: those that keep a connection open, and those that proxies add.
 *
 * @since 0.2.0
 */

const HEARTBEAT = /^\s*(?::|[[(]?(?:ping|pong|keep[ _-]?alive|heartbeat|processing|queued|waiting)\b[\])]?[\s.]*$)/i

/**
 * A comment that was sent as data, or a bare word.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isWord = (data: string): boolean => HEARTBEAT.test(data)

const KINDS = /^(?:ping|pong|keep[ _-]?alive|heartbeat)$/i

/**
 * An event that proxies add in the form of other routes: usage, or a note, but nothing generated.
 *
 * @category predicates
 * @since 0.2.0
 */
export const hasNoChoice = (payload: object): boolean =>
  "choices" in payload && (payload.choices === null || (Array.isArray(payload.choices) && payload.choices.length === 0))

/**
 * An event that only keeps the connection open, by its name, its `type`, or because it is empty.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isHeartbeat = (payload: object, type: string | undefined): boolean => {
  if (type !== undefined && KINDS.test(type)) return true
  const keys = Object.keys(payload)
  const kind: unknown = "type" in payload ? payload.type : "object" in payload ? payload.object : undefined
  return keys.length === 0 || (typeof kind === "string" && KINDS.test(kind))
}
