import { InferenceClient } from "@huggingface/inference"

const client = new InferenceClient("none", { endpointUrl: process.argv[2] })
const { choices } = await client.chatCompletion({ model: "stand-in", messages: [{ role: "user", content: "Hello" }] })
if (!choices[0].message.content) process.exitCode = 1
process.exit()
