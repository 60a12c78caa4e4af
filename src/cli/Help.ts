/**
 * What is printed when no verb is named, or when one is misspelt.
 *
 * @since 0.2.0
 */
import * as Verbs from "./Verbs.ts"

const width = Math.max(...Verbs.all.map(({ name }) => name.length))

const section = ({ title, verbs }: (typeof Verbs.groups)[number]): string =>
  `${title}\n${verbs.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}`

/**
 * The help of the command.
 *
 * @category constants
 * @since 0.2.0
 */
export const text = `Models behind Hugging Face Inference Endpoints

Usage: inference-endpoints <command> [flags]

${Verbs.groups.map(section).join("\n\n")}

Where the model is: --model, --endpoint or --base-url, or INFERENCE_MODEL_ID, INFERENCE_ENDPOINT_NAME or
INFERENCE_BASE_URL. The token: HF_TOKEN, or the one that \`hf auth login\` saved.

  inference-endpoints generate "Why is the sky red at sunset?" --model meta-llama/Llama-3.1-8B-Instruct
  inference-endpoints batch run rows.jsonl -o out.jsonl --base-url http://localhost:8080
  inference-endpoints simulate --port 8080      a server to try everything on, without an account
  inference-endpoints <command> --help          flags and examples; --quiet leaves notices out
`

/** How many letters must be changed, added or removed to turn one word into the other. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const [above = 0, beside = 0, before = 0] = [row[j], next[j - 1], row[j - 1]]
      next.push(Math.min(above + 1, beside + 1, before + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/**
 * The message for an unknown verb: it names the closest one.
 *
 * @category constructors
 * @since 0.2.0
 */
export const unknown = (word: string): string => {
  const closest = Verbs.all.map(({ name }) => ({ name, distance: distance(word, name) }))
    .toSorted((a, b) => a.distance - b.distance)[0]
  const hint = closest !== undefined && closest.distance <= 2 ? ` Did you mean ${closest.name}?` : ""
  return `There is no command ${JSON.stringify(word)}.${hint} See inference-endpoints --help`
}
