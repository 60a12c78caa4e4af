/**
 * The files of a tokenizer, fetched from the Hub.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Hub } from "../../hub/Hub.ts"
import type { HubError } from "../../hub/HubError.ts"
import { Gated, NotFound, type Reason, Unauthorized, Unreachable } from "../TemplateError.ts"
import type { Files } from "./TemplateFiles.ts"

/** The files that a template and its special tokens can be in. */
const isWanted = (path: string): boolean =>
  path === "tokenizer_config.json" || path === "chat_template.jinja" || path === "chat_template.json"
  || path === "processor_config.json" || path === "special_tokens_map.json"
  || /^additional_chat_templates\/[^/]+\.jinja$/.test(path)

/**
 * Failures of the Hub → what a caller of a template needs to know.
 *
 * @category errors
 * @since 0.1.0
 */
export const fromHubError = (subject: string, error: HubError): Reason => {
  const { reason } = error
  const detail = reason.message
  switch (reason._tag) {
    case "GatedRepo":
      return new Gated({ subject, detail })
    case "RepoNotFound":
    case "RevisionNotFound":
    case "EntryNotFound":
      return new NotFound({ subject, detail })
    case "Unauthorized":
      return new Unauthorized({ subject, detail })
    default:
      return new Unreachable({ subject, detail, retryable: reason.isRetryable })
  }
}

/** Whether only `tokenizer.json` says if the tokenizer adds a BOS. It is large, so otherwise it is not fetched. */
const needsTokenizer = (files: Files): boolean => {
  const config = files["tokenizer_config.json"]
  return typeof config === "string" && /"bos_token"\s*:\s*["{]/.test(config) &&
    !/"add_bos_token"\s*:\s*(?:true|false)/.test(config)
}

/**
 * Fetches what a chat template needs. `tokenizer.json` is optional: without it, nothing is known about the BOS.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loadFiles = Effect.fnUntraced(function*(
  hub: Hub["Service"],
  { bos, revision, serverAddsBos, tokenizerId: repo }: {
    readonly tokenizerId: string
    readonly revision?: string | undefined
    readonly bos?: string | undefined
    readonly serverAddsBos?: boolean | undefined
  }
): Effect.fn.Return<Files, Reason> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
  const fetch = (path: string) =>
    Effect.map(hub.file({ repo, path, revision }), (bytes) => [path, decoder.decode(bytes)] as const)
  const paths = yield* Effect.mapError(hub.listFiles({ repo, revision }), (error) => fromHubError(repo, error))
  const loaded = yield* Effect.mapError(
    Effect.forEach(paths.filter(isWanted), fetch, { concurrency: 4 }),
    (error) => fromHubError(repo, error)
  )
  const files = Object.fromEntries(loaded)
  const undecided = serverAddsBos === undefined && (bos ?? "auto") === "auto" && needsTokenizer(files)
  if (!undecided || !paths.includes("tokenizer.json")) return files
  const tokenizer = yield* Effect.orElseSucceed(fetch("tokenizer.json"), () => undefined)
  return tokenizer === undefined ? files : { ...files, "tokenizer.json": tokenizer[1] }
})
