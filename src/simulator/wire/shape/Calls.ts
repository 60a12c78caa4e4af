/**
 * Tool calls as servers number, cut and lose them.
 *
 * @since 0.2.0
 */
import type * as Reply from "../Reply.ts"
import { choicesOf, eachChoice, eachSaid, type Fields, isFields, parse, saidOf } from "./Payload.ts"

/**
 * How the calls of a stream are numbered: the index counts up and the id is in the first fragment (`usual`); the index
 * is always 0, with ids in first fragments (`index0`), in all (`index0Ids`) or in calls of one fragment (`index0Whole`);
 * there is no index, with ids in first fragments (`noIndex`) or in calls of one fragment (`noIndexWhole`); or the second
 * call begins with index 0 and continues with 1 (`mixed`).
 *
 * @category models
 * @since 0.2.0
 */
export type CallShape = "usual" | "index0" | "index0Ids" | "index0Whole" | "noIndex" | "noIndexWhole" | "mixed"

interface Begun {
  readonly id: unknown
  readonly name: unknown
  arguments: string
}

/** The calls of a stream, numbered differently. */
export const renumbered = (frames: ReadonlyArray<Reply.Frame>, shape: CallShape): ReadonlyArray<Reply.Frame> => {
  const isWhole = shape === "index0Whole" || shape === "noIndexWhole"
  const begun: Array<Begun> = []
  const sent = frames.flatMap((frame): ReadonlyArray<Reply.Frame> => {
    const payload = parse(frame.payload)
    const [choice] = payload === undefined ? [] : choicesOf(payload)
    const calls = choice === undefined ? undefined : saidOf(choice)?.tool_calls
    const call: unknown = Array.isArray(calls) ? calls[0] : undefined
    if (payload === undefined || !isFields(call) || !isFields(call.function)) return [frame]
    const isHead = call.function.name !== undefined && call.function.name !== null
    const text = String(call.function.arguments ?? "")
    if (isHead) begun.push({ id: call.id, name: call.function.name, arguments: text })
    const own = begun.at(-1)
    if (own === undefined) return [frame]
    if (!isHead) own.arguments += text
    if (isWhole) return []
    return [{
      ...frame,
      payload: JSON.stringify(
        eachSaid(payload, () => ({ tool_calls: [numbered(own, begun.length - 1, isHead, text, shape)] }))
      )
    }]
  })
  if (!isWhole || begun.length === 0) return sent
  const calls = begun.map((call, at) => ({
    ...(shape === "index0Whole" && { index: 0 }),
    id: call.id ?? `call_${at}`,
    type: "function",
    function: { name: call.name, arguments: call.arguments }
  }))
  const events = calls.map((call): Reply.Frame => ({
    payload: JSON.stringify({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] }),
    tokens: 1
  }))
  const finish = sent.findLastIndex(({ payload }) => /"finish_reason":"[^"]/.test(payload))
  const end = finish === -1 ? sent.findIndex(({ payload }) => payload === "[DONE]") : finish
  return sent.toSpliced(end === -1 ? sent.length : end, 0, ...events)
}

const numbered = (call: Begun, at: number, isHead: boolean, text: string, shape: CallShape): Fields => {
  const id = call.id ?? `call_${at}`
  const index = shape === "usual" ? at : shape === "mixed" && !isHead ? at : shape === "noIndex" ? undefined : 0
  return {
    ...(index !== undefined && { index }),
    ...((isHead || shape === "index0Ids") && { id, type: "function" }),
    function: { ...(isHead && { name: call.name }), arguments: text }
  }
}

const callsOf = (said: Fields): ReadonlyArray<Fields> =>
  Array.isArray(said.tool_calls) ? said.tool_calls.filter(isFields) : []

/** Without the arguments of its calls. */
export const withoutArguments = (payload: Fields): Fields =>
  eachSaid(payload, (said) => {
    const calls = callsOf(said)
    return calls.length === 0 ? said : {
      ...said,
      tool_calls: calls.map((call) => ({
        ...call,
        function: { ...(isFields(call.function) ? call.function : {}), arguments: "" }
      }))
    }
  })

/** Without its calls, which are replaced by a text. */
export const withoutCalls = (payload: Fields): Fields =>
  eachChoice(payload, (choice) => {
    const said = saidOf(choice)
    const finish_reason = choice.finish_reason === "tool_calls" ? "stop" : choice.finish_reason
    const calls = said === undefined ? [] : callsOf(said)
    if (said === undefined || calls.length === 0) return { ...choice, finish_reason }
    const { tool_calls: _calls, ...rest } = said
    // a stream sends the name of a call once
    const isHead = calls.some((call) => isFields(call.function) && typeof call.function.name === "string")
    return {
      ...choice,
      finish_reason,
      ["message" in choice ? "message" : "delta"]: { ...rest, content: isHead ? "I would rather not. " : "" }
    }
  })
