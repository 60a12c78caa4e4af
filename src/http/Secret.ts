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

/**
 * A function that removes a token from a text.
 *
 * @category constructors
 * @since 0.2.0
 */
export const scrubber = (token: Redacted.Redacted<string> | undefined): Scrub => {
  const secret = token === undefined ? "" : Redacted.value(token)
  return secret === "" ? nothing : (text) => text.replaceAll(secret, "<redacted>")
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
