import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import * as Generate from "../../src/protocol/Generate.ts"
import * as Wire from "./Wire.ts"

const U64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 64n - 1n }))
const details = (seed: bigint) =>
  `"finish_reason":"length","generated_tokens":1,"seed":${seed},"prefill":[],"tokens":[]`

describe("seeds", () => {
  it.effect.prop(
    "keep all digits in a request, a whole answer, its candidates and a stream",
    [U64],
    ([seed]) =>
      Effect.gen(function*() {
        const text = `\\"seed\\":12345678901234567890,`
        const wire = Wire.make((nth) =>
          nth === 1
            ? new Response(
              `{"generated_text":"${text}","details":{${details(seed)},"best_of_sequences":[{"generated_text":"",${
                details(seed)
              }}]}}`,
              { headers: { "content-type": "application/json" } }
            )
            : Wire.events([Wire.last("a").replace("\"seed\":null", `"seed":${seed}`)])
        )
        yield* Effect.gen(function*() {
          const client = yield* Wire.client()
          const request = { inputs: "a", parameters: { seed } }
          const { value } = yield* client.generate(request)
          const [frame] = yield* Stream.runCollect(client.generateStream(request))
          const held = [
            value.details?.seed,
            value.details?.best_of_sequences?.[0]?.seed,
            frame?.details?.seed
          ].map((wire) => BigInt(Generate.seed(wire) ?? -1))
          assert.deepStrictEqual(held, [seed, seed, seed])
          assert.strictEqual(value.generated_text, `"seed":12345678901234567890,`)
          for (const { body } of wire.requests) {
            assert.include(body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : "", `"seed":${seed}}`)
          }
        }).pipe(Effect.provide(wire.layer))
      })
  )
})
