/**
 * What can go wrong between a name and a server that responds.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as Fault from "../http/Fault.ts"
import * as StageError from "../StageError.ts"

const { defaulted } = StageError

const facts = {
  /** What it is about: `namespace/endpoint`, a model id, an address without its query. */
  subject: Schema.String,
  /** The server's own words, cut and without secrets; `""` when it said nothing. */
  detail: defaulted(Schema.String, ""),
  /** The id to quote to Hugging Face's support. */
  requestId: Schema.optionalKey(Schema.String)
}

const sentence = (text: string, error: { readonly detail: string; readonly requestId?: string }): string =>
  text + (error.detail === "" ? "" : ` (${error.detail})`) +
  (error.requestId === undefined ? "" : ` [request ${error.requestId}]`)

const time = (duration: Duration.Duration): string => `${Math.ceil(Duration.toSeconds(duration))} s`

/**
 * The configuration does not name exactly one target, or holds a value that cannot be used.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidConfig extends Schema.TaggedError<InvalidConfig>()("InvalidConfig", {
  problem: Schema.String,
  /** The attributes that were given and matter here. */
  given: defaulted(Schema.Array(Schema.String), [])
}) {
  readonly isRetryable = false
  override get message() {
    return this.problem + (this.given.length === 0 ? "" : `; given: ${this.given.join(", ")}`)
  }
}

/**
 * The target needs a token and none was found.
 *
 * @category reasons
 * @since 0.1.0
 */
export class MissingToken extends Schema.TaggedError<MissingToken>()("MissingToken", { subject: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `${this.subject} needs a token: pass apiKey, set HF_TOKEN, or log in with \`hf auth login\``
  }
}

/**
 * The token is not accepted.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: the token is missing or wrong, check apiKey or HF_TOKEN`, this)
  }
}

/**
 * The token is known but may not do this. Its permissions are changed at https://huggingface.co/settings/tokens.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", {
  ...facts,
  /** The permission that this needs, as the token settings call it. */
  permission: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable = false
  override get message() {
    const needed = this.permission === undefined ? "" : `, it needs \`${this.permission}\``
    return sentence(`${this.subject}: the token does not have the permission for this${needed}`, this)
  }
}

/**
 * The credit is spent or there is no way to pay.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PaymentRequired extends Schema.TaggedError<PaymentRequired>()("PaymentRequired", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(
      `${this.subject}: the credit is spent or no payment method is set, see https://huggingface.co/settings/billing or set billTo`,
      this
    )
  }
}

/**
 * There is no such endpoint or model, or it is not visible with this token.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(
      `${this.subject} does not exist or is not visible: check its name, its namespace and the token`,
      this
    )
  }
}

/**
 * The endpoint does not respond yet, and no waiting was allowed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotDeployed extends Schema.TaggedError<NotDeployed>()("NotDeployed", {
  ...facts,
  state: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return sentence(`${this.subject} is ${this.state} and not ready: allow a waitTimeout, or try again later`, this)
  }
}

/**
 * The endpoint could not be deployed or updated. `detail` is the message of the platform.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Failed extends Schema.TaggedError<Failed>()("Failed", { ...facts, state: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return sentence(
      `${this.subject} failed to ${
        this.state === "updateFailed" ? "update" : "deploy"
      }: look at its logs and update it`,
      this
    )
  }
}

/**
 * The endpoint was paused by someone and may not be resumed from here.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Paused extends Schema.TaggedError<Paused>()("Paused", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject} is paused: resume it, requests do not wake it`, this)
  }
}

/**
 * The endpoint did not become ready in time.
 *
 * @category reasons
 * @since 0.1.0
 */
export class WaitTimeout extends Schema.TaggedError<WaitTimeout>()("WaitTimeout", {
  ...facts,
  waited: Schema.Duration,
  /** The state that it was last seen in. */
  state: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return sentence(
      `${this.subject} did not become ready within ${
        time(this.waited)
      }, it is ${this.state}: allow a longer waitTimeout or look at its logs`,
      this
    )
  }
}

/**
 * Nothing responds at the address, or only with a temporary failure.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  ...facts,
  /** Absent if there was no response at all. */
  status: Schema.optionalKey(Schema.Int),
  /** Whether the same request may succeed later: not for a wrong certificate or a proxy that is not there. Default: yes. */
  retryable: Schema.optionalKey(Schema.Boolean)
}) {
  get isRetryable() {
    return this.retryable ?? true
  }
  override get message() {
    return sentence(
      this.status === undefined
        ? `${this.subject} cannot be reached: check the address and the network`
        : `${this.subject} is not ready, status ${this.status}: wait for it, or look at its logs`,
      this
    )
  }
}

/**
 * A transport fault as a reason.
 *
 * @category conversions
 * @since 0.2.0
 */
export const unreachable = (subject: string, fault: Fault.Fault): Unreachable =>
  new Unreachable({
    subject,
    detail: Fault.describe(fault),
    ...(!Fault.isRetryable(fault) && { retryable: false })
  })

/**
 * Too many requests.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...facts,
  retryAfter: Schema.optionalKey(Schema.Duration)
}) {
  readonly isRetryable = true
  override get message() {
    const wait = this.retryAfter === undefined ? "later" : `in ${time(this.retryAfter)}`
    return sentence(`${this.subject}: too many requests, try again ${wait}`, this)
  }
}

/**
 * The server understood and refused: a wrong value, a state that does not allow it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", { ...facts, status: Schema.Int }) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: refused with status ${this.status}`, this)
  }
}

/**
 * No inference provider serves the model, or the given one does not.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ModelNotServed extends Schema.TaggedError<ModelNotServed>()("ModelNotServed", {
  model: Schema.String,
  provider: Schema.optionalKey(Schema.String),
  /** Who does serve it. */
  available: defaulted(Schema.Array(Schema.String), [])
}) {
  readonly isRetryable = false
  override get message() {
    const who = this.provider === undefined ? "any inference provider" : `the provider ${this.provider}`
    return `${this.model} is not served by ${who}: ` + (this.available.length === 0
      ? "deploy it as a dedicated endpoint, or choose another model"
      : `choose one of ${this.available.join(", ")}`)
  }
}

/**
 * The model is served for a task other than generating text.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TaskMismatch extends Schema.TaggedError<TaskMismatch>()("TaskMismatch", {
  model: Schema.String,
  provider: Schema.optionalKey(Schema.String),
  /** The task that it is served for. */
  tasks: Schema.Array(Schema.String)
}) {
  readonly isRetryable = false
  override get message() {
    const where = this.provider === undefined ? "" : ` at ${this.provider}`
    return `${this.model}${where} is not served for generating text but for ${
      this.tasks.join(", ")
    }: choose another model or provider`
  }
}

/**
 * The platform returned an address to which no token is sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnsafeUrl extends Schema.TaggedError<UnsafeUrl>()("UnsafeUrl", {
  subject: Schema.String,
  host: Schema.String,
  problem: Schema.String
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.subject}: the address ${this.host} is not trusted with a token, ${this.problem}`
  }
}

/**
 * A response that cannot be understood.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>()("InvalidResponse", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: the response cannot be understood`, this)
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  InvalidConfig,
  MissingToken,
  Unauthorized,
  Forbidden,
  PaymentRequired,
  NotFound,
  NotDeployed,
  Failed,
  Paused,
  WaitTimeout,
  Unreachable,
  RateLimited,
  Rejected,
  ModelNotServed,
  TaskMismatch,
  UnsafeUrl,
  InvalidResponse
])

/**
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * The failure of finding or waking an endpoint; `reason` says which.
 *
 * @category errors
 * @since 0.1.0
 */
export class EndpointError extends StageError.make<EndpointError>()("EndpointError", {
  /** What was being done: `config`, `resolve`, `get`, `resume`, `wait`, … */
  method: "resolve",
  reason: Reason
}) {
  override get message() {
    return `Endpoint.${this.method}: ${this.reason.message}`
  }
}
