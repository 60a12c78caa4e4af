/**
 * The life of one simulated dedicated endpoint: a state that moves by itself as time goes by.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The state to begin with. Default `running`. */
  readonly state?: string
  /** What the platform says about it. */
  readonly message?: string
  /** Milliseconds spent `pending` after a start. Default 10 000. */
  readonly pending?: number
  /** Milliseconds spent `initializing` after that. Default 50 000. */
  readonly initializing?: number
  /** The state that starting ends in. Default `running`. */
  readonly outcome?: string
  /** Milliseconds for which a resumed endpoint is still shown as `paused`. Default 0. */
  readonly lag?: number
  readonly type?: "public" | "authenticated" | "private"
  /** Tokens that may not call it. */
  readonly forbidden?: ReadonlyArray<string>
  /** The address instead of the usual one. */
  readonly url?: string
  /** The body that created it: `model`, `compute`, … */
  readonly definition?: Readonly<Record<string, unknown>>
  readonly healthRoute?: string | null
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Lifecycle {
  readonly name: string
  readonly host: string
  readonly options: Options
  definition: Readonly<Record<string, unknown>>
  /** The state that was entered, and when. */
  base: { readonly state: string; readonly since: number; readonly message: string; readonly starting: boolean }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (name: string, options: Options, now: number): Lifecycle => {
  const state = options.state ?? "running"
  const host = `${name.replace("/", "-").toLowerCase()}.us-east-1.aws.endpoints.huggingface.cloud`
  return {
    name,
    host,
    options,
    definition: options.definition ?? {},
    base: {
      state,
      since: now,
      message: options.message ?? "",
      starting: state === "pending" || state === "initializing"
    }
  }
}

const times = ({ options }: Lifecycle) => ({
  lag: options.lag ?? 0,
  pending: options.pending ?? 10_000,
  initializing: options.initializing ?? 50_000
})

/** How long a start takes from where it begins. */
const startTime = (self: Lifecycle): number => {
  const { initializing, lag, pending } = times(self)
  if (self.base.state === "initializing") return initializing
  return (self.base.state === "paused" ? lag : 0) + pending + initializing
}

/**
 * The state as it is now.
 *
 * @category reading
 * @since 0.1.0
 */
export const state = (self: Lifecycle, now: number): string => {
  const { base, options } = self
  if (!base.starting) return base.state
  const elapsed = now - base.since
  const { lag, pending } = times(self)
  if (elapsed >= startTime(self)) return options.outcome ?? "running"
  if (base.state === "initializing" || base.state === "updating") return base.state
  const shown = base.state === "paused" ? lag : 0
  return elapsed < shown ? base.state : elapsed < shown + pending ? "pending" : "initializing"
}

/**
 * Milliseconds until it runs, `undefined` when it never will by itself.
 *
 * @category reading
 * @since 0.1.0
 */
export const readyIn = (self: Lifecycle, now: number): number | undefined => {
  if (!self.base.starting) return self.base.state === "running" ? 0 : undefined
  return (self.options.outcome ?? "running") === "running"
    ? Math.max(0, self.base.since + startTime(self) - now)
    : undefined
}

/**
 * Enters a state from outside.
 *
 * @category changing
 * @since 0.1.0
 */
export const set = (self: Lifecycle, state: string, now: number, message = ""): void => {
  self.base = { state, since: now, message, starting: state === "pending" || state === "initializing" }
}

/**
 * Starts it. Says why not: it runs already, or somebody started it before.
 *
 * @category changing
 * @since 0.1.0
 */
export const resume = (self: Lifecycle, now: number): "running" | "resuming" | undefined => {
  if (state(self, now) === "running") return "running"
  if (self.base.starting && readyIn(self, now) !== 0) return "resuming"
  self.base = { state: state(self, now), since: now, message: "", starting: true }
  return undefined
}

/**
 * A request arrives: one that is scaled to zero starts.
 *
 * @category changing
 * @since 0.1.0
 */
export const wake = (self: Lifecycle, now: number): void => {
  if (!self.base.starting && self.base.state === "scaledToZero") resume(self, now)
}

/**
 * Changes the definition, as a PUT does; a running endpoint rolls over to it.
 *
 * @category changing
 * @since 0.1.0
 */
export const update = (self: Lifecycle, changes: Readonly<Record<string, unknown>>, now: number): void => {
  self.definition = { ...self.definition, ...changes }
  if (state(self, now) === "running") self.base = { state: "updating", since: now, message: "", starting: true }
}

/**
 * The endpoint as the management API shows it.
 *
 * @category showing
 * @since 0.1.0
 */
export const show = (self: Lifecycle, now: number): unknown => {
  const current = state(self, now)
  const deployed = current !== "pending" &&
    !(self.base.starting && self.base.state === "pending" && current === "initializing")
  return {
    type: self.options.type ?? "private",
    provider: { vendor: "aws", region: "us-east-1" },
    compute: {
      accelerator: "gpu",
      instanceType: "nvidia-a10g",
      instanceSize: "x1",
      scaling: { minReplica: 0, maxReplica: 1 }
    },
    model: { repository: "org/model", framework: "pytorch", task: "text-generation", image: { tgi: { url: "tgi" } } },
    tags: [],
    ...self.definition,
    name: self.name.slice(self.name.indexOf("/") + 1),
    healthRoute: self.options.healthRoute === undefined ? "/health" : self.options.healthRoute,
    status: {
      state: current,
      message: current === self.base.state ? self.base.message : self.options.message ?? "",
      ...(deployed && { url: self.options.url ?? `https://${self.host}` }),
      readyReplica: current === "running" ? 1 : 0,
      targetReplica: current === "paused" || current === "scaledToZero" ? 0 : 1,
      createdAt: "2026-01-01T00:00:00.123456789Z",
      updatedAt: "2026-01-01T00:00:00.123Z"
    }
  }
}
