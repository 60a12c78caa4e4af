/** The libraries that a user would take otherwise, as their manuals say. They know the chat route alone. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { InferenceClient } from "@huggingface/inference"
import { ChatOpenAI } from "@langchain/openai"
import { generateText, streamText } from "ai"
import OpenAI from "openai"
import { type Client, expectText, messages, model, prompt } from "./Client.ts"

const apiKey = "none"

export const huggingface: Client = {
  unary: async (base) => {
    const client = new InferenceClient(apiKey, { endpointUrl: base })
    return async () => expectText((await client.chatCompletion({ model, messages })).choices[0]?.message.content)
  },
  stream: async (base) => {
    const client = new InferenceClient(apiKey, { endpointUrl: base })
    return async () => {
      let count = 0
      for await (const chunk of client.chatCompletionStream({ model, messages })) {
        if (typeof chunk.choices[0]?.delta.content === "string") count++
      }
      return count
    }
  }
}

export const openai: Client = {
  unary: async (base) => {
    const client = new OpenAI({ apiKey, baseURL: `${base}/v1` })
    return async () =>
      expectText((await client.chat.completions.create({ model, messages })).choices[0]?.message.content)
  },
  stream: async (base) => {
    const client = new OpenAI({ apiKey, baseURL: `${base}/v1` })
    return async () => {
      let count = 0
      for await (const chunk of await client.chat.completions.create({ model, messages, stream: true })) {
        if (typeof chunk.choices[0]?.delta.content === "string") count++
      }
      return count
    }
  }
}

export const ai: Client = {
  unary: async (base) => {
    const chat = createOpenAICompatible({ name: model, apiKey, baseURL: `${base}/v1` }).chatModel(model)
    return async () => expectText((await generateText({ model: chat, prompt })).text)
  },
  stream: async (base) => {
    const chat = createOpenAICompatible({ name: model, apiKey, baseURL: `${base}/v1` }).chatModel(model)
    return async () => {
      let count = 0
      for await (const _ of streamText({ model: chat, prompt }).textStream) count++
      return count
    }
  }
}

export const langchain: Client = {
  unary: async (base) => {
    const chat = new ChatOpenAI({ model, apiKey, configuration: { baseURL: `${base}/v1` } })
    return async () => expectText((await chat.invoke(prompt)).content)
  },
  stream: async (base) => {
    const chat = new ChatOpenAI({ model, apiKey, configuration: { baseURL: `${base}/v1` } })
    return async () => {
      let count = 0
      for await (const chunk of await chat.stream(prompt)) if (chunk.content !== "") count++
      return count
    }
  }
}
