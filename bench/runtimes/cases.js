// The same four calls in every runtime. Only the promise entry is used, as a program without Effect would.
import { connect } from "effect-inference-endpoints/promise"

const prompt = "Why is the sky red at sunset?"

const version = () => {
  if (typeof Bun !== "undefined") return Bun.version
  if (typeof Deno !== "undefined") return Deno.version.deno
  if (typeof navigator !== "undefined" && /Cloudflare/.test(navigator.userAgent)) return "(workerd)"
  if (typeof navigator !== "undefined" && /Chrome\/(\d+)/.test(navigator.userAgent)) {
    return /Chrome\/([\d.]+)/.exec(navigator.userAgent)[1]
  }
  return process.version
}

const said = async (what) => {
  try {
    return (await what()) ? "works" : "wrong"
  } catch (error) {
    return `fails: ${error}`
  }
}

export const run = async (baseUrl) => {
  const llm = connect({ baseUrl, apiKey: false })
  const whole = await said(async () => {
    const { statistics, text } = await llm.generate(prompt, { maxNewTokens: 8, seed: 1 })
    return text.length > 0 && statistics.outputTokens === 8
  })
  const streamed = await said(async () => {
    let text = ""
    for await (const part of llm.stream(prompt, { maxNewTokens: 8, seed: 1 })) {
      if (part._tag === "Text") text += part.text
    }
    return text === (await llm.generate(prompt, { maxNewTokens: 8, seed: 1 })).text
  })
  const cancelled = await said(async () => {
    const controller = new AbortController()
    const ended = llm.generate(prompt, { maxNewTokens: 500, signal: controller.signal }).then(
      () => false,
      () => true
    )
    controller.abort()
    return ended
  })
  const object = await said(async () => {
    const schema = {
      type: "object",
      properties: { colour: { enum: ["red", "blue"] } },
      required: ["colour"],
      additionalProperties: false
    }
    const { value } = await llm.object(prompt, { schema, maxNewTokens: 200 })
    return value.colour === "red" || value.colour === "blue"
  })
  await llm.close()
  return { version: version(), generate: whole, stream: streamed, cancel: cancelled, object }
}
