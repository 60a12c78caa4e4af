/**
 * What can go wrong in a request to the Hub.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as StageError from "../StageError.ts"
import { InvalidToken } from "./HubToken.ts"

const facts = {
  /** What was requested: `org/name`, `org/name/file@revision`, a route. */
  subject: Schema.String,
  /** The server's own words, cut and without secrets; `""` when it said nothing. */
  detail: StageError.defaulted(Schema.String, ""),
  /** The id to quote to Hugging Face's support. */
  requestId: Schema.optionalKey(Schema.String)
}

const sentence = (text: string, error: { readonly detail: string; readonly requestId?: string }): string =>
  text + (error.detail === "" ? "" : ` (${error.detail})`) +
  (error.requestId === undefined ? "" : ` [request ${error.requestId}]`)

/**
 * The files of a repository are only available to those who requested access.
 *
 * @category reasons
 * @since 0.1.0
 */
export class GatedRepo extends Schema.TaggedError<GatedRepo>()("GatedRepo", {
  ...facts,
  /** Whether the Hub knew the caller. */
  authenticated: Schema.Boolean
}) {
  readonly isRetryable = false
  override get message() {
    return sentence(
      `access to ${this.subject} is restricted: ` + (this.authenticated
        ? "ask for access on its page on huggingface.co, or use the token of an account that has it"
        : "ask for access on its page on huggingface.co and pass the token of that account"),
      this
    )
  }
}

/**
 * There is no such repository, or it is private: the Hub does not say which.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RepoNotFound extends Schema.TaggedError<RepoNotFound>()("RepoNotFound", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(
      `${this.subject} does not exist or is private: check the name, and the token if it is private`,
      this
    )
  }
}

/**
 * The repository has no such branch, tag or commit.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RevisionNotFound extends Schema.TaggedError<RevisionNotFound>()("RevisionNotFound", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: no such branch, tag or commit`, this)
  }
}

/**
 * The repository has no such file at that revision.
 *
 * @category reasons
 * @since 0.1.0
 */
export class EntryNotFound extends Schema.TaggedError<EntryNotFound>()("EntryNotFound", {
  ...facts,
  /** The commit that does not have it, if the Hub names it. */
  commit: Schema.optionalKey(Schema.String)
}) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: no such file`, this)
  }
}

/**
 * The Hub does not accept the token, or requires one.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(
      `${this.subject}: the token is missing or wrong, get one at https://huggingface.co/settings/tokens`,
      this
    )
  }
}

/**
 * The token is known but may not do this.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: the token does not have the permissions for this`, this)
  }
}

/**
 * Hugging Face disabled the repository.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Disabled extends Schema.TaggedError<Disabled>()("Disabled", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject} is disabled by Hugging Face`, this)
  }
}

/**
 * Too many requests in the current window.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  ...facts,
  /** The quota that is used up: `api`, `resolvers`, `pages`. */
  bucket: Schema.optionalKey(Schema.String),
  /** How long until the server accepts requests again. */
  retryAfter: Schema.optionalKey(Schema.Duration)
}) {
  readonly isRetryable = true
  override get message() {
    const wait = this.retryAfter === undefined
      ? ""
      : `, try again in ${Math.ceil(Duration.toSeconds(this.retryAfter))} s`
    return sentence(
      `${this.subject}: too many requests${this.bucket === undefined ? "" : ` to "${this.bucket}"`}${wait}`,
      this
    )
  }
}

/**
 * No request was sent because offline mode is on, and the cache does not hold the answer.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Offline extends Schema.TaggedError<Offline>()("Offline", { subject: Schema.String, url: Schema.String }) {
  readonly isRetryable = false
  override get message() {
    return `${this.subject} is not in the cache. Cannot reach ${this.url}: offline mode is enabled. To disable it, ` +
      "please unset the `HF_HUB_OFFLINE` environment variable."
  }
}

/**
 * The request cannot be made, or the Hub refuses its form.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: the request is not valid`, this)
  }
}

/**
 * What should be created already exists, another commit is in progress (409), or a commit has been made since the one that
 * this one builds on (412).
 *
 * @category reasons
 * @since 0.2.0
 */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", {
  ...facts,
  status: Schema.Int,
  /** Whether the same request may succeed later. */
  retryable: StageError.defaulted(Schema.Boolean, false)
}) {
  get isRetryable() {
    return this.retryable
  }
  override get message() {
    return sentence(
      this.status === 412
        ? `${this.subject} was changed by another commit: read its head again and repeat`
        : `${this.subject} already exists, or is being changed by another commit`,
      this
    )
  }
}

/**
 * The Hub was not reached, or the connection broke.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Transport extends Schema.TaggedError<Transport>()("Transport", {
  ...facts,
  /** Whether the same request may succeed later: not for a wrong certificate or a proxy that is not there. Default: yes. */
  retryable: Schema.optionalKey(Schema.Boolean)
}) {
  get isRetryable() {
    return this.retryable ?? true
  }
  override get message() {
    return sentence(`${this.subject}: the Hub cannot be reached`, this)
  }
}

/**
 * The Hub or a proxy in front of it responds with a temporary failure: 408, 500, 502, 503, 504.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", { ...facts, status: Schema.Int }) {
  readonly isRetryable = true
  override get message() {
    return sentence(`${this.subject}: the Hub is not available, status ${this.status}`, this)
  }
}

/**
 * The response is not one of the Hub: a captive portal, a proxy, or a change on the Hub's side.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>()("InvalidResponse", facts) {
  readonly isRetryable = false
  override get message() {
    return sentence(`${this.subject}: the response does not come from the Hub or cannot be understood`, this)
  }
}

/**
 * The response is larger than the limit.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TooLarge extends Schema.TaggedError<TooLarge>()("TooLarge", {
  subject: Schema.String,
  /** Bytes. */
  limit: Schema.Int
}) {
  readonly isRetryable = false
  override get message() {
    return `${this.subject} has more than the ${this.limit} bytes that are accepted`
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  GatedRepo,
  RepoNotFound,
  RevisionNotFound,
  EntryNotFound,
  Unauthorized,
  Forbidden,
  Disabled,
  RateLimited,
  Offline,
  InvalidRequest,
  InvalidToken,
  Conflict,
  Transport,
  Unavailable,
  InvalidResponse,
  TooLarge
])

/**
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * The failure of a call to the Hub; `reason` says which.
 *
 * @category errors
 * @since 0.1.0
 */
export class HubError extends StageError.make<HubError>()("HubError", {
  /** The method that failed: `file`, `modelInfo`, … */
  method: "file",
  reason: Reason
}) {
  override get message() {
    return `Hub.${this.method}: ${this.reason.message}`
  }
}
