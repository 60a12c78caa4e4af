/** The clients of each scenario, in groups: the ratios of a group refer to its first client. */

const peer = "@huggingface/inference"
const others = ["limit, chat", "llm", "openai", "ai", "@langchain/openai"]
const native = ["limit", "sdk"]
const chat = ["limit, chat", "sdk, chat", "llm"]

/** Those that run on `fetch`; the peer of the field is the reference. */
const onFetch = [peer, "sdk on fetch", "llm on fetch"]

const cold = ["limit, chat", "sdk, chat", "llm, limits given", "llm", peer]

export const contenders: Readonly<Record<string, ReadonlyArray<ReadonlyArray<string>>>> = {
  S1: [native, [...chat, "llm, folded", peer]],
  S1s: [[...chat, "llm, folded", peer]],
  S2: [native, [...chat, peer]],
  S2c: [native, chat],
  S3: [native, [...chat, peer]],
  S4: [native, [...chat, peer]],
  S4b: [["limit", "transport", "sdk"]],
  O1: [others],
  O3: [others],
  F1: [onFetch],
  F2: [onFetch],
  C1: [cold],
  C2: [cold.filter((client) => client !== "llm, limits given")],
  L1: [["limit", "transport", "sdk"]],
  L2: [["limit", "transport", "sdk"]],
  L3: [["limit", "transport", "sdk"]]
}
