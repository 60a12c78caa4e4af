/**
 * What `--json` prints: one line, an object that begins with the version of its shape.
 *
 * @since 0.2.0
 */

/**
 * One object as a line. A changed shape gets a new version.
 *
 * @category printing
 * @since 0.2.0
 */
export const line = (value: object, replacer?: (key: string, value: unknown) => unknown): string =>
  JSON.stringify({ version: 1, ...value }, replacer)
