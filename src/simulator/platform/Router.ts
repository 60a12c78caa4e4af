/**
 * The serverless router in memory: what it publishes about models, and how it refuses.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Offers by model id, written as on the wire (`context_length`, `supports_tools`, …). */
  readonly models?: Readonly<
    Record<string, ReadonlyArray<Readonly<Record<string, unknown>> & { readonly provider: string }>>
  >
  /** Tokens without credit. */
  readonly broke?: ReadonlyArray<string>
  /** Tokens without the permission to call providers. */
  readonly forbidden?: ReadonlyArray<string>
  /**
   * Responds to what the router passes on: chat and responses of the models that it knows, and completions below a
   * provider's own route. Default: 404.
   */
  readonly inner?: Double.Handler
  /** Responds on the native route of hf-inference, which has the form of TGI's `POST /`. Default: 404. */
  readonly native?: Double.Handler
}

/** The host that the double answers on. */
export const host = "router.huggingface.co"

const refusal = (options: Options, token: string | undefined): Exchange.Response | undefined => {
  if (token !== undefined && options.broke?.includes(token) === true) {
    return Double.json(402, {
      error:
        "You have depleted your monthly included credits. Purchase pre-paid credits to continue using Inference Providers."
    })
  }
  return token !== undefined && options.forbidden?.includes(token) === true
    ? Double.json(403, {
      error:
        "This authentication method does not have sufficient permissions to call Inference Providers on behalf of user U"
    })
    : undefined
}

/** The completion routes of the providers that have one; the router itself does not. */
const completions = /^\/(?:together\/v1|featherless-ai\/v1|novita\/v3\/openai|deepinfra\/v1\/openai)\/completions$/

/** The route of hf-inference for one model, which takes the same as TGI at its root. */
const native = /^\/hf-inference\/models\/[^/?#]+(?:\/[^/?#]+)?$/

/** The router's own routes for generation. */
const generating = new Set(["/v1/chat/completions", "/v1/responses"])

const modelOf = (body: string): string => {
  try {
    const json: unknown = JSON.parse(body)
    return typeof json === "object" && json !== null && "model" in json && typeof json.model === "string"
      ? json.model
      : ""
  } catch {
    return ""
  }
}

/** Generation, as far as the router accepts it: it refuses the rest. */
const generation = (options: Options, request: Double.Received): Effect.Effect<Exchange.Response, Exchange.Broken> => {
  const { pathname } = request.url
  const notFound = Double.json(404, { error: "Not Found" })
  if (options.inner !== undefined && generating.has(pathname)) {
    const model = modelOf(request.body)
    const id = model.split(":")[0] ?? ""
    const isServed = options.models === undefined || (options.models[id] ?? []).length > 0
    return isServed ? options.inner(request) : Effect.succeed(Double.json(400, {
      error: {
        message: `The requested model '${model}' is not supported by any provider you have enabled.`,
        type: "invalid_request_error",
        param: "model",
        code: "model_not_supported"
      }
    }))
  }
  const passOn = (inner: Double.Handler | undefined, path: string) =>
    inner === undefined
      ? Effect.succeed(notFound)
      : inner({ ...request, url: new URL(`${path}${request.url.search}`, request.url) })
  if (native.test(pathname)) return passOn(options.native, "/")
  return completions.test(pathname) ? passOn(options.inner, "/v1/completions") : Effect.succeed(notFound)
}

const entry = (options: Options, id: string) => ({
  id,
  object: "model",
  created: 0,
  owned_by: id.split("/")[0],
  architecture: { input_modalities: ["text"], output_modalities: ["text"] },
  providers: (options.models?.[id] ?? []).map((offer) => ({ status: "live", ...offer }))
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Double.Double> =>
  Double.make((request) => {
    const refused = refusal(options, Double.bearer(request))
    if (refused !== undefined) return Effect.succeed(refused)
    const { pathname } = request.url
    if (!pathname.startsWith("/v1/models")) {
      return generation(options, request)
    }
    const id = decodeURIComponent(pathname.slice("/v1/models/".length))
    if (id === "") {
      return Effect.succeed(
        Double.json(200, { object: "list", data: Object.keys(options.models ?? {}).map((id) => entry(options, id)) })
      )
    }
    return Effect.succeed(
      options.models?.[id] === undefined
        ? Double.json(404, {
          error: { message: `The model '${id}' does not exist`, type: "invalid_request_error", code: "model_not_found" }
        })
        : Double.json(200, { object: "list", data: [entry(options, id)] })
    )
  })
