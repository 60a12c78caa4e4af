/**
 * Removes secrets from texts that will be shown: some servers repeat what they were sent.
 *
 * @since 0.2.0
 */
import * as Redacted from "effect/Redacted"

/**
 * Removes a secret from a text.
 *
 * @category models
 * @since 0.2.0
 */
export type Scrub = (text: string) => string

/**
 * Without a secret there is nothing to remove.
 *
 * @category constants
 * @since 0.2.0
 */
export const nothing: Scrub = (text) => text

const removed = "<redacted>"

/** Only long texts are cut before they come here; the beginning of a token that is shorter than this tells nothing. */
const LONG = 1024
const BEGINNING = 6

/** A body that is cut may end in the middle of the secret. */
const withoutBeginning = (text: string, secret: string): string => {
  for (let length = secret.length - 1; length >= BEGINNING; length--) {
    if (text.endsWith(secret.slice(0, length))) return `${text.slice(0, -length)}${removed}`
  }
  return text
}

/**
 * A function that removes a token from a text, and the beginning of one at the end of a text that may have been cut.
 *
 * @category constructors
 * @since 0.2.0
 */
export const scrubber = (token: Redacted.Redacted<string> | undefined): Scrub => {
  const secret = token === undefined ? "" : Redacted.value(token)
  if (secret === "") return nothing
  return (text) => {
    const safe = text.replaceAll(secret, removed)
    return safe.length < LONG ? safe : withoutBeginning(safe, secret)
  }
}

/**
 * Removes a token from a text.
 *
 * @category cleaning
 * @since 0.2.0
 */
export const redact = (text: string, token: Redacted.Redacted<string> | undefined): string => scrubber(token)(text)

/**
 * Prepares a server's text for an error message: the token is removed, and it is cut after 500 characters.
 *
 * @category cleaning
 * @since 0.2.0
 */
export const scrub = (text: string, token: Redacted.Redacted<string> | undefined): string => {
  const safe = redact(text, token)
  return safe.length > 500 ? `${safe.slice(0, 500)}…` : safe
}
