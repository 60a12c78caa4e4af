import { ChatOpenAI } from "@langchain/openai"

const chat = new ChatOpenAI({ model: "stand-in", apiKey: "none", configuration: { baseURL: `${process.argv[2]}/v1` } })
const { content } = await chat.invoke("Hello")
if (!content) process.exitCode = 1
process.exit()
