import { request } from "undici"

const { body } = await request(`${process.argv[2]}/generate`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ inputs: "Hello" })
})
if (!JSON.parse(await body.text()).generated_text) process.exitCode = 1
process.exit()
