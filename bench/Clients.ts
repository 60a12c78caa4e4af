/** The measured clients by name. Each is loaded in its own process, and there alone. */
import type { Client } from "./clients/Client.ts"

export const clients: Readonly<Record<string, () => Promise<Client>>> = {
  "limit": async () => (await import("./clients/limit.ts")).generate,
  "transport": async () => (await import("./clients/transport.ts")).generate,
  "sdk": async () => (await import("./clients/sdk.ts")).generate,
  "limit, chat": async () => (await import("./clients/limit.ts")).chat,
  "sdk, chat": async () => (await import("./clients/sdk.ts")).chat,
  "sdk on fetch": async () => (await import("./clients/sdk.ts")).chatOnFetch,
  "sdk on FetchHttpClient": async () => (await import("./clients/sdk.ts")).chatOnFetchHttpClient,
  "llm": async () => (await import("./clients/sdk.ts")).llm,
  "llm, folded": async () => (await import("./clients/sdk.ts")).llmFolded,
  "llm on fetch": async () => (await import("./clients/sdk.ts")).llmOnFetch,
  "@huggingface/inference": async () => (await import("./clients/peers.ts")).huggingface,
  "openai": async () => (await import("./clients/peers.ts")).openai,
  "ai": async () => (await import("./clients/peers.ts")).ai,
  "@langchain/openai": async () => (await import("./clients/peers.ts")).langchain
}
