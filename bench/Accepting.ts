/** Clients that were not written here, and what each of them has to get: a chat response and a chat stream, with usage. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { InferenceClient } from "@huggingface/inference"
import { generateText, streamText } from "ai"
import assert from "node:assert/strict"
import OpenAI from "openai"

interface Received {
  readonly text: string
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
}

interface Accepting {
  readonly whole: (url: string) => Promise<Received>
  readonly streamed: (url: string) => Promise<Received>
}

export const apiKey = "none"
export const model = "simulated"
const prompt = "Tell me about the sea."
export const ask = { model, messages: [{ role: "user" as const, content: prompt }], max_tokens: 12, seed: 7 }
export const withUsage = { ...ask, stream_options: { include_usage: true } }

interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
}

const received = (text: string | null | undefined, usage: Usage | null | undefined): Received => ({
  text: text ?? "",
  promptTokens: usage?.prompt_tokens,
  completionTokens: usage?.completion_tokens
})

interface Chunk {
  readonly choices: ReadonlyArray<{ readonly delta?: { readonly content?: string | null | undefined } | undefined }>
  readonly usage?: Usage | null | undefined
}

export const folded = async (chunks: AsyncIterable<Chunk>): Promise<Received> => {
  let text = ""
  let usage: Usage | null | undefined
  for await (const chunk of chunks) {
    text += chunk.choices[0]?.delta?.content ?? ""
    usage = chunk.usage ?? usage
  }
  return received(text, usage)
}

const compatible = (url: string) =>
  createOpenAICompatible({ name: "simulator", apiKey, baseURL: `${url}/v1`, includeUsage: true }).chatModel(model)

const aiOptions = (url: string) => ({ model: compatible(url), prompt, maxOutputTokens: 12, seed: 7 })

const clients: Readonly<Record<string, Accepting>> = {
  "@huggingface/inference": {
    whole: async (url) => {
      const { choices, usage } = await new InferenceClient(apiKey, { endpointUrl: url }).chatCompletion(ask)
      return received(choices[0]?.message.content, usage)
    },
    streamed: (url) => folded(new InferenceClient(apiKey, { endpointUrl: url }).chatCompletionStream(withUsage))
  },
  openai: {
    whole: async (url) => {
      const { choices, usage } = await new OpenAI({ apiKey, baseURL: `${url}/v1` }).chat.completions.create(ask)
      return received(choices[0]?.message.content, usage)
    },
    streamed: async (url) =>
      folded(await new OpenAI({ apiKey, baseURL: `${url}/v1` }).chat.completions.create({ ...withUsage, stream: true }))
  },
  ai: {
    whole: async (url) => {
      const { text, usage } = await generateText(aiOptions(url))
      return { text, promptTokens: usage.inputTokens, completionTokens: usage.outputTokens }
    },
    streamed: async (url) => {
      const result = streamText(aiOptions(url))
      let text = ""
      for await (const part of result.textStream) text += part
      const { inputTokens, outputTokens } = await result.usage
      return { text, promptTokens: inputTokens, completionTokens: outputTokens }
    }
  }
}

const check = (name: string, { promptTokens, text, completionTokens }: Received): void => {
  assert.ok(text.length > 0, `${name}: the answer has no text`)
  assert.ok((promptTokens ?? 0) > 0, `${name}: no prompt tokens in the usage`)
  assert.equal(completionTokens, 12, `${name}: the usage does not count the tokens asked for`)
}

export const accept = async (what: string, url: string) => {
  for (const [name, client] of Object.entries(clients)) {
    const whole = await client.whole(url)
    const streamed = await client.streamed(url)
    check(`${name}, whole`, whole)
    check(`${name}, streamed`, streamed)
    assert.equal(streamed.text, whole.text, `${name}: the stream and the whole answer differ for the same seed`)
    console.log(
      `${what}, ${name}: ${whole.promptTokens} + ${whole.completionTokens} tokens, ${JSON.stringify(whole.text)}`
    )
  }
}
