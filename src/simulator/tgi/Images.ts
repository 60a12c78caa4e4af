/**
 * Images in a prompt, as TGI finds them: markdown with a URL. Nothing is fetched; a remote image counts as a good one.
 *
 * @since 0.1.0
 */

/** Placeholder tokens of one image. @category constants @since 0.1.0 */
export const tokensPerImage = 256

const markdown = /!\[\]\(([^)]*)\)/g
const dataUrl = /^data:image\/([a-z0-9.+-]+);base64,(.*)$/is
const formats = new Set(["png", "jpeg", "jpg", "gif", "webp", "tiff"])

const misfit = (url: string): string | undefined => {
  if (/^https?:\/\//i.test(url)) return undefined
  const [, format, payload] = dataUrl.exec(url) ?? []
  if (format === undefined || payload === undefined) return `invalid image content: ${url.slice(0, 80)}`
  if (!formats.has(format.toLowerCase())) return `invalid image: The image format ${format} is not supported`
  return payload.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(payload)
    ? undefined
    : "base64 encoding is invalid: Invalid symbol or padding"
}

/**
 * The prompt without its images and how many there were, or the first complaint about one.
 *
 * @category reading
 * @since 0.1.0
 */
export const read = (
  prompt: string
): { readonly text: string; readonly count: number } | { readonly error: string } => {
  const urls = Array.from(prompt.matchAll(markdown), (match) => match[1] ?? "")
  const error = urls.map(misfit).find((message) => message !== undefined)
  return error === undefined ? { text: prompt.replaceAll(markdown, ""), count: urls.length } : { error }
}
