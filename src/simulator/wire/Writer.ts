import * as Random from "./Random.ts"

const openings = ["Simulated answer", "Simulator reply", "A simulated reply", "Simulated text"]

const sentences = [
  "No model has read the request.",
  "The words here come from a small list and a seed.",
  "Ask again with the same seed and you get the same words.",
  "Another seed gives another text.",
  "A real endpoint would say something about %.",
  "The part of the request that stood out was %.",
  "Everything around this text is what a server would send.",
  "Nothing about % was looked up anywhere.",
  "Point the client at an endpoint to learn about %."
]

const keywords = (prompt: string): ReadonlyArray<string> =>
  prompt.slice(-4000).replace(/<\|[a-z_]+\|>(?:system|user|assistant|tool)?/g, " ").match(/\p{L}{4,24}/gu) ?? []

/**
 * Writes a text that is readable, says that it is simulated, and depends on the prompt and the given randomness.
 *
 * @category writing
 * @since 0.1.0
 */
export const write = (prompt: string, random: Random.Random): string => {
  const words = keywords(prompt)
  const word = (): string => words[Random.int(random, words.length)] ?? "nothing"
  const tag = Random.int(random, 0x10000).toString(16).padStart(4, "0")
  const order = sentences
    .map((sentence) => ({ sentence, rank: random() }))
    .toSorted((left, right) => left.rank - right.rank)
    .slice(0, 2 + Random.int(random, 4))
    .map(({ sentence }) => sentence.replace("%", word))
  return `${openings[Random.int(random, openings.length)]} ${tag} about ${word()}. ${order.join(" ")}`
}
