/**
 * The JSON of events and bodies, read and changed without knowing the engine.
 *
 * @since 0.2.0
 */
import type * as Reply from "../Reply.ts"

export type Fields = Record<string, unknown>

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const parse = (text: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isFields(value) ? value : undefined
  } catch {
    return undefined
  }
}

export const choicesOf = (payload: Fields): ReadonlyArray<Fields> =>
  Array.isArray(payload.choices) ? payload.choices.filter(isFields) : []

/** The message or delta of a choice. */
export const saidOf = (choice: Fields): Fields | undefined =>
  isFields(choice.message) ? choice.message : isFields(choice.delta) ? choice.delta : undefined

/** A payload with every choice changed. */
export const eachChoice = (payload: Fields, change: (choice: Fields) => Fields): Fields =>
  "choices" in payload ? { ...payload, choices: choicesOf(payload).map(change) } : payload

/** A payload with every message or delta changed. */
export const eachSaid = (payload: Fields, change: (said: Fields) => Fields): Fields =>
  eachChoice(payload, (choice) => {
    const said = saidOf(choice)
    return said === undefined ? choice : { ...choice, ["message" in choice ? "message" : "delta"]: change(said) }
  })

/** Events with their payloads changed; what is not an object stays. */
export const reshaped = (
  frames: ReadonlyArray<Reply.Frame>,
  change: (payload: Fields) => Fields
): ReadonlyArray<Reply.Frame> =>
  frames.map((frame) => {
    const payload = parse(frame.payload)
    return payload === undefined ? frame : { ...frame, payload: JSON.stringify(change(payload)) }
  })
