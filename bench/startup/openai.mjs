import OpenAI from "openai"

const client = new OpenAI({ apiKey: "none", baseURL: `${process.argv[2]}/v1` })
const messages = [{ role: "user", content: "Hello" }]
const { choices } = await client.chat.completions.create({ model: "stand-in", messages })
if (!choices[0].message.content) process.exitCode = 1
process.exit()
