/** The limit: undici and one JSON.parse per answer or event, and nothing else. */
import { Agent, request } from "undici"
import { type Client, expectText, messages, model, prompt } from "./Client.ts"

const dispatcher = new Agent({ allowH2: false })

const headers = { "content-type": "application/json" }

const post = (url: string, body: unknown) =>
  request(url, { method: "POST", headers, body: JSON.stringify(body), dispatcher })

const native = { inputs: prompt, parameters: { max_new_tokens: 20, details: true } }

/** Events one after the other, by the shortest way that is right for lines split anywhere. */
const events = async (body: AsyncIterable<Buffer>, onEvent: (data: string) => void) => {
  let rest = ""
  const decoder = new TextDecoder()
  for await (const piece of body) {
    const text = rest + decoder.decode(piece, { stream: true })
    let from = 0
    for (let to = text.indexOf("\n\n", from); to >= 0; to = text.indexOf("\n\n", from)) {
      onEvent(text.slice(from + 5, to))
      from = to + 2
    }
    rest = text.slice(from)
  }
}

export const generate: Client = {
  unary: async (base) => async () => {
    const { body } = await post(`${base}/generate`, native)
    return expectText(JSON.parse(await body.text()).generated_text)
  },
  stream: async (base) => async () => {
    const { body } = await post(`${base}/generate_stream`, native)
    let count = 0
    await events(body, (data) => {
      if (typeof JSON.parse(data).token.text === "string") count++
    })
    return count
  }
}

export const chat: Client = {
  unary: async (base) => async () => {
    const { body } = await post(`${base}/v1/chat/completions`, { model, messages })
    return expectText(JSON.parse(await body.text()).choices[0].message.content)
  },
  stream: async (base) => async () => {
    const { body } = await post(`${base}/v1/chat/completions`, { model, messages, stream: true })
    let count = 0
    await events(body, (data) => {
      if (data !== "[DONE]" && typeof JSON.parse(data).choices[0]?.delta.content === "string") count++
    })
    return count
  }
}
