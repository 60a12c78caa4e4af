/**
 * Parts that the package loads with the first call that needs them. A clock that is virtual does not wait for a file, so a
 * test on it has them loaded before, and gives a fiber the turns of the loop in which it gets them.
 */
import { Effect } from "effect"

/** As many turns as a module takes that is there already. */
const TURNS = 50

export const load = Effect.promise(() =>
  Promise.all([
    import("../../src/endpoint/ServerlessTarget.ts"),
    import("../../src/endpoint/DedicatedTarget.ts"),
    import("../../src/endpoint/dedicated/ManagedEndpoints.ts"),
    import("../../src/hub/HubClient.ts")
  ])
)

export const settle = Effect.forEach(
  Array.from({ length: TURNS }),
  () => Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))),
  { discard: true }
)
