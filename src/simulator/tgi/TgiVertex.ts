/**
 * `/vertex`: several instances in, their texts out.
 *
 * @since 0.1.0
 */
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import * as Serde from "../wire/Serde.ts"
import * as ChatRequest from "./ChatRequest.ts"
import * as NativeRequest from "./NativeRequest.ts"
import * as Sampler from "./Sampler.ts"
import * as TgiChatJob from "./TgiChatJob.ts"
import * as TgiReply from "./TgiReply.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type Instance =
  | { readonly _tag: "Native"; readonly inputs: string; readonly parameters: NativeRequest.Parameters | undefined }
  | { readonly _tag: "Chat"; readonly request: ChatRequest.ChatRequest }

const fields = new Set(["instances"])
const instanceFields = new Set(["inputs", "parameters"])

/**
 * @category readers
 * @since 0.1.0
 */
export const reader = (options: { readonly named: boolean }): Serde.Reader<ReadonlyArray<Instance>> => {
  const parameters = NativeRequest.parameters(options.named)
  const chat = ChatRequest.reader(options)
  const native: Serde.Reader<Instance> = (node, path) => {
    const self = Serde.struct(node, path, "struct GenerateVertexInstance", instanceFields)
    return {
      _tag: "Native",
      inputs: Serde.required(self, "inputs", Serde.string),
      parameters: Serde.optional(self, "parameters", parameters)
    }
  }
  const instance: Serde.Reader<Instance> = (node, path) => {
    const first = Serde.attempt(node, path, native)
    if (!(first instanceof Serde.Misfit)) return first
    const second = Serde.attempt(node, path, chat)
    if (!(second instanceof Serde.Misfit)) return { _tag: "Chat", request: second }
    throw new Serde.Misfit(path, "data did not match any variant of untagged enum VertexInstance", node.end, true)
  }
  const instances = Serde.array(instance)
  return (node, path) =>
    Serde.required(Serde.struct(node, path, "struct VertexRequest", fields), "instances", instances)
}

const job = (turn: Turn, instance: Instance): Sampler.Job | Reply.Failure => {
  if (instance._tag === "Native") {
    const { maxNewTokens, seed } = instance.parameters ?? NativeRequest.noParameters
    const parameters = { ...NativeRequest.noParameters, maxNewTokens, seed }
    return { prompt: instance.inputs, parameters, special: true, answer: turn.answer }
  }
  const prepared = TgiChatJob.prepare(turn, instance.request)
  return "_tag" in prepared ? prepared : TgiChatJob.rawJob(turn, prepared, turn.answer(prepared.prompt))
}

/**
 * If one generation fails, all do, with one sentence that gives no reason.
 *
 * @category answering
 * @since 0.1.0
 */
export const answer = (turn: Turn, instances: ReadonlyArray<Instance>): Reply.Reply => {
  const refused = "Input validation error"
  if (instances.length === 0) return TgiReply.failed(Reply.failure(422, refused, refused))
  const predictions: Array<string> = []
  let tokens = 0
  for (const instance of instances) {
    const prepared = job(turn, instance)
    if ("_tag" in prepared) return TgiReply.failed(prepared)
    const run = Sampler.generate(turn, prepared)
    if (run._tag === "Failure") {
      return TgiReply.failed(Reply.failure(500, "Incomplete generation", "Incomplete generation"))
    }
    predictions.push(run.text)
    tokens = Math.max(tokens, run.tokens.length)
  }
  return Reply.json(200, JSON.stringify({ predictions }), {}, {
    tokens,
    failed: () => TgiReply.failed(Reply.failure(500, "Incomplete generation", "Incomplete generation"))
  })
}
