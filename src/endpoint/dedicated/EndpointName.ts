/**
 * A dedicated endpoint by its name and its namespace.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Hub from "../../hub/Hub.ts"
import * as EndpointError from "../EndpointError.ts"
import * as HubVerdict from "../HubVerdict.ts"

/**
 * An endpoint by name. `namespace` is the user or organisation that owns it, by default the owner of the token.
 *
 * @category models
 * @since 0.1.0
 */
export interface Name {
  readonly name: string
  readonly namespace?: string | undefined
}

const invalid = (problem: string, given: ReadonlyArray<string>) => new EndpointError.InvalidConfig({ problem, given })

/**
 * `namespace/name`, or the namespace alone: looks up the owner of the token if no namespace is given, and refuses names
 * that could become another path.
 *
 * @category checking
 * @since 0.1.0
 */
export const pathOf = (hub: Hub.Hub["Service"]) =>
  Effect.fnUntraced(function*(name: string | undefined, namespace: string | undefined) {
    const owner = namespace ?? (yield* ownerOf(hub))
    for (const part of name === undefined ? [owner] : [owner, name]) {
      if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/.test(part) || part.includes("..")) {
        return yield* invalid("an endpoint and its namespace have letters, digits, `-`, `_` and `.`", [
          JSON.stringify(part)
        ])
      }
    }
    return name === undefined ? owner : `${owner}/${name}`
  })

const ownerOf = Effect.fnUntraced(function*(hub: Hub.Hub["Service"]) {
  const owner = yield* hub.whoami.pipe(Effect.mapError(HubVerdict.reason))
  if (owner.type !== "user") {
    return yield* invalid(
      "Cannot determine default namespace: the token belongs to no user. Give endpointNamespace",
      [`a token of ${owner.name}`]
    )
  }
  return owner.name
})
