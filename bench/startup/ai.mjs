import { createOpenAICompatible } from "@ai-sdk/openai-compatible"
import { generateText } from "ai"

const provider = createOpenAICompatible({ name: "stand-in", apiKey: "none", baseURL: `${process.argv[2]}/v1` })
const { text } = await generateText({ model: provider.chatModel("stand-in"), prompt: "Hello" })
if (!text) process.exitCode = 1
process.exit()
