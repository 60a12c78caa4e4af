/** The measured clients by name. Each is loaded in its own process, and there alone. */
import type { Client } from "./clients/Client.ts"

const sdk = () => import("./clients/sdk.ts")
const llm = () => import("./clients/llm.ts")
export const clients: Readonly<Record<string, () => Promise<Client>>> = {
  "limit": async () => (await import("./clients/limit.ts")).generate,
  "transport": async () => (await import("./clients/transport.ts")).generate,
  "sdk": async () => (await sdk()).generate(await (await sdk()).node()),
  "limit, chat": async () => (await import("./clients/limit.ts")).chat,
  "sdk, chat": async () => (await sdk()).chat(await (await sdk()).node()),
  "sdk on fetch": async () => (await sdk()).chat(await (await sdk()).fetch()),
  "sdk on FetchHttpClient": async () => (await sdk()).chat(await (await sdk()).fetchHttpClient()),
  "llm": async () => (await llm()).byDefault(await (await sdk()).node()),
  "llm, limits given": async () => (await llm()).known(await (await sdk()).node()),
  "llm, folded": async () => (await llm()).folded(await (await sdk()).node()),
  "llm on fetch": async () => (await llm()).byDefault(await (await sdk()).fetch()),
  "@huggingface/inference": async () => (await import("./clients/peers.ts")).huggingface,
  "openai": async () => (await import("./clients/peers.ts")).openai,
  "ai": async () => (await import("./clients/peers.ts")).ai,
  "@langchain/openai": async () => (await import("./clients/peers.ts")).langchain
}
