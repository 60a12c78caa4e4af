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
  /** Tokens whose credit is spent. */
  readonly broke?: ReadonlyArray<string>
  /** Tokens without the permission to call providers. */
  readonly forbidden?: ReadonlyArray<string>
  /** Answers everything but the listing: generation. Default: 404. */
  readonly inner?: Double.Handler
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
      return options.inner?.(request) ?? Effect.succeed(Double.json(404, { error: "Not Found" }))
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
