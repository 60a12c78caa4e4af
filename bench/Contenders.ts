/** Whom each scenario measures, in groups: the first of each is what the ratios of that group are to. */

const peers = ["@huggingface/inference", "openai", "ai", "@langchain/openai"]
const native = ["limit", "transport", "sdk"]
const chat = ["limit, chat", "sdk, chat", "llm"]

/** Those that run on `fetch`; the peer of the field is the reference. */
const onFetch = ["@huggingface/inference", "sdk on fetch", "llm on fetch", "sdk on FetchHttpClient"]

const cold = ["limit, chat", "sdk, chat", "llm", "sdk on fetch", "@huggingface/inference", "openai"]

export const contenders: Readonly<Record<string, ReadonlyArray<ReadonlyArray<string>>>> = {
  S1: [native, [...chat, "llm, folded", ...peers]],
  S1s: [native, [...chat, "llm, folded", "@huggingface/inference"]],
  S2: [native, [...chat, ...peers]],
  S2c: [native, [...chat, "@huggingface/inference"]],
  S3: [native, [...chat, ...peers]],
  S4: [native, [...chat, ...peers]],
  S4b: [native],
  F1: [onFetch],
  F2: [onFetch],
  C1: [cold],
  C2: [cold],
  L1: [native],
  L2: [native],
  L3: [native]
}
