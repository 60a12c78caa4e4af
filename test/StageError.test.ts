import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Schema } from "effect"
import * as BatchError from "../src/batch/BatchError.ts"
import * as ClusterError from "../src/cluster/ClusterError.ts"
import * as DatasetError from "../src/dataset/DatasetError.ts"
import * as EndpointError from "../src/endpoint/EndpointError.ts"
import * as HubError from "../src/hub/HubError.ts"
import * as InferenceError from "../src/InferenceError.ts"
import type { StageError } from "../src/StageError.ts"
import * as StructuredOutputError from "../src/structured/StructuredOutputError.ts"
import * as TemplateError from "../src/template/TemplateError.ts"

/** One error of each stage, made with what a person knows. */
const errors: ReadonlyArray<StageError> = [
  new EndpointError.EndpointError({ reason: new EndpointError.NotFound({ subject: "org/my-endpoint" }) }),
  new HubError.HubError({ reason: new HubError.RepoNotFound({ subject: "org/model" }) }),
  new TemplateError.TemplateError({ reason: new TemplateError.InvalidTemplate({ detail: "unexpected }" }) }),
  new InferenceError.InferenceError({ reason: new InferenceError.Rejected({ description: "prompt too long" }) }),
  new StructuredOutputError.StructuredOutputError({ reason: new StructuredOutputError.Empty({ text: "" }) }),
  new BatchError.BatchError({ reason: new BatchError.Foreign({ output: "out.jsonl" }) }),
  ClusterError.make("work", new ClusterError.Fenced({ shard: 7, epoch: 2 })),
  DatasetError.of("read")(new DatasetError.InvalidFile({ path: "a.parquet", problem: "is too short" }))
]

const schemas = [
  EndpointError.EndpointError,
  HubError.HubError,
  TemplateError.TemplateError,
  InferenceError.InferenceError,
  StructuredOutputError.StructuredOutputError,
  BatchError.BatchError,
  ClusterError.ClusterError,
  DatasetError.DatasetError
]

describe("the errors of the stages", () => {
  for (const [index, error] of errors.entries()) {
    describe(error._tag, () => {
      it("says which operation failed, why, and whether to try again", () => {
        assert.match(error.method, /^\w+$/)
        assert.isString(error.reason._tag)
        assert.strictEqual(error.isRetryable, error.reason.isRetryable)
        assert.strictEqual(error.retryAfter, undefined)
        assert.include(error.message, error.reason.message)
      })

      it("is printed with its message once", () => {
        const printed = Cause.pretty(Cause.fail(error))
        assert.strictEqual(printed.split(error.reason.message).length, 2, printed)
      })

      it("can be yielded, and is caught by its tag", () =>
        assert.strictEqual(Effect.runSync(Effect.flip(Effect.fail(error)))._tag, error._tag))

      it("has the fields of the envelope in its schema", () =>
        assert.includeMembers(Object.keys(schemas[index]?.fields ?? {}), ["_tag", "method", "reason"]))
    })
  }

  it("tells how long the server asked to wait", () => {
    const retryAfter = Duration.seconds(7)
    assert.deepStrictEqual(
      [
        new InferenceError.InferenceError({ reason: new InferenceError.RateLimited({ retryAfter }) }),
        new HubError.HubError({ reason: new HubError.RateLimited({ subject: "org/model", retryAfter }) }),
        new EndpointError.EndpointError({ reason: new EndpointError.RateLimited({ subject: "org/e", retryAfter }) })
      ].map((error) => error.retryAfter),
      [retryAfter, retryAfter, retryAfter]
    )
  })

  it("has the status and the counts of its reason where a test does not care", () => {
    const error = new InferenceError.InferenceError({ reason: new InferenceError.Overloaded({}) })
    assert.deepStrictEqual([error.attempts, error.reason._tag === "Overloaded" && error.reason.status], [1, 503])
    const schema = Schema.toCodecJson(InferenceError.InferenceError)
    assert.strictEqual(Schema.decodeUnknownSync(schema)(Schema.encodeSync(schema)(error)).message, error.message)
  })
})
