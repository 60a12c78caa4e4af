/**
 * The contents of chat messages to SGLang: texts, or lists of parts, each of a type of its own.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import { unfit } from "./SglangRefusal.ts"

type Loc = Pydantic.Problem["loc"]
type Problems = Array<Pydantic.Problem>

const maybe = <A>(body: Pydantic.Body, name: string, reader: Pydantic.Reader<A>, loc: Loc, problems: Problems) =>
  Pydantic.optional(body, name, Pydantic.nullable(reader), loc, problems)

const textPart = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "type", Pydantic.literal("text"), loc, problems)
  return Pydantic.required(body, "text", Pydantic.text, loc, problems) ?? ""
})

const thinkingPart = Pydantic.model((body, loc, problems) => {
  const before = problems.length
  Pydantic.required(body, "type", Pydantic.literal("thinking", "reasoning"), loc, problems)
  const thinking = maybe(body, "thinking", Pydantic.text, loc, problems)
  const text = maybe(body, "text", Pydantic.text, loc, problems)
  if (problems.length === before && (thinking === undefined) === (text === undefined)) {
    problems.push(unfit("thinking parts require exactly one of 'thinking' or 'text'", loc, body))
  }
  return ""
})

/** Where a medium is found. */
const url = Pydantic.model((body, loc, problems) => Pydantic.required(body, "url", Pydantic.text, loc, problems))

const picture = Pydantic.model((body, loc, problems) => {
  const place = Pydantic.required(body, "url", Pydantic.text, loc, problems)
  if (body["detail"] !== "default") maybe(body, "detail", Pydantic.literal("auto", "low", "high"), loc, problems)
  return place
})

const sound = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "data", Pydantic.text, loc, problems)
  Pydantic.required(body, "format", Pydantic.literal("wav", "mp3"), loc, problems)
})

const imagePart = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "type", Pydantic.literal("image_url"), loc, problems)
  const place = Pydantic.required(body, "image_url", picture, loc, problems)
  maybe(body, "modalities", Pydantic.literal("image", "multi-images", "video"), loc, problems)
  return `![](${place})`
})

/** A part that holds a medium under the name of its type. */
const mediumPart = <A>(type: string, reader: Pydantic.Reader<A>) =>
  Pydantic.model((body, loc, problems) => {
    Pydantic.required(body, "type", Pydantic.literal(type), loc, problems)
    Pydantic.required(body, type, reader, loc, problems)
    return ""
  })

const referencePart = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "type", Pydantic.literal("tool_reference"), loc, problems)
  Pydantic.required(body, "name", Pydantic.text, loc, problems)
  return ""
})

const audioMembers: ReadonlyArray<Pydantic.Member<string>> = [
  ["ChatCompletionMessageContentAudioURLPart", mediumPart("audio_url", url)],
  ["ChatCompletionMessageContentAudioInlinePart", mediumPart("input_audio", sound)]
]

const nameOf = (members: ReadonlyArray<Pydantic.Member<string>>): string =>
  `union[${members.map(([name]) => name).join(",")}]`

const partMembers: ReadonlyArray<Pydantic.Member<string>> = [
  ["ChatCompletionMessageContentTextPart", textPart],
  ["function-after[validate_payload(), ChatCompletionMessageContentThinkingPart]", thinkingPart],
  ["ChatCompletionMessageContentImagePart", imagePart],
  ["ChatCompletionMessageContentVideoPart", mediumPart("video_url", url)],
  [`function-after[_to_audio_url_part(), ${nameOf(audioMembers)}]`, Pydantic.union(...audioMembers)],
  ["ChatCompletionMessageContentToolReferenceBlock", referencePart]
]

/** What a message says: a text, or the texts of its parts. @category readers @since 0.2.0 */
export const content = Pydantic.union<string>(
  ["str", Pydantic.text],
  [
    `list[${nameOf(partMembers)}]`,
    (parts, loc, problems) => Pydantic.list(Pydantic.union(...partMembers))(parts, loc, problems)?.join("")
  ]
)

/** Whether a content has a part of thinking, which the assistant alone may have. @category guards @since 0.2.0 */
export const thinks = (parts: unknown): boolean =>
  Array.isArray(parts) &&
  parts.some((part) => Pydantic.isBody(part) && (part["type"] === "thinking" || part["type"] === "reasoning"))

/** A call that a message repeats. @category readers @since 0.2.0 */
export const call = Pydantic.model((body, loc, problems) => {
  maybe(body, "id", Pydantic.text, loc, problems)
  maybe(body, "index", Pydantic.integer, loc, problems)
  Pydantic.optional(body, "type", Pydantic.literal("function"), loc, problems)
  Pydantic.required(
    body,
    "function",
    Pydantic.model((inner, at, own) => {
      maybe(inner, "name", Pydantic.text, at, own)
      maybe(
        inner,
        "arguments",
        Pydantic.union<unknown>(["str", Pydantic.text], ["dict[str,any]", Pydantic.record]),
        at,
        own
      )
    }),
    loc,
    problems
  )
  return body
})
