/**
 * String formats as languages.
 *
 * @since 0.1.0
 */

const DAYS = "the decoder checks that the month has this day"

/**
 * What the pattern of a format does not exclude.
 *
 * @category constants
 * @since 0.2.0
 */
export const loose: ReadonlyMap<string, string> = new Map([["date", DAYS], ["date-time", DAYS]])

/**
 * The string formats that a grammar can express, as JSON Schema patterns. They are stricter than their standards if
 * that helps a model: a time always has its zone, so that it means the same instant everywhere. The formats of TGI's
 * own compiler are not used, since they know no offsets and one of them writes broken JSON.
 *
 * @category constants
 * @since 0.1.0
 */
export const patterns: ReadonlyMap<string, string> = new Map([
  ["date-time", `^${"YYYY-MM-DD"}T${"hh:mm:ss"}$`],
  ["date", "^YYYY-MM-DD$"],
  ["time", "^hh:mm:ss$"],
  ["uuid", "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"],
  ["email", "^[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\\.[A-Za-z0-9-]+)+$"],
  ["ipv4", "^OCTET(?:\\.OCTET){3}$"],
  ["byte", "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"]
].map(([name = "", pattern = ""]) => [
  name,
  pattern
    .replace("YYYY-MM-DD", "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
    .replace(
      "hh:mm:ss",
      "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
    )
    .replaceAll("OCTET", "(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})")
]))
