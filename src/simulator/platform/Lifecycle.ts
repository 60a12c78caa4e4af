/**
 * The life of one simulated dedicated endpoint: a state that changes by itself as time passes.
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
  /** The state after starting. Default `running`. */
  readonly outcome?: string
  /** Milliseconds for which a resumed endpoint is still shown as `paused`. Default 0. */
  readonly lag?: number
  readonly type?: "public" | "authenticated" | "private"
  /** Tokens that may not call it. */
  readonly forbidden?: ReadonlyArray<string>
  /** An address in place of the usual one. */
  readonly url?: string
  /** The body that created it: `model`, `compute`, … */
  readonly definition?: Readonly<Record<string, unknown>>
  readonly healthRoute?: string | null
  /**
   * Milliseconds without a request after which a running one is scaled to zero. Default: the `scaleToZeroTimeout` of its
   * definition, in minutes, else never.
   */
  readonly idle?: number
  /** What its replica printed after it was ready. */
  readonly logs?: ReadonlyArray<string>
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
  /** When the last request came. */
  used: number
  /** The state that was entered, and when. */
  base: { readonly state: string; readonly since: number; readonly message: string; readonly starting: boolean }
}

/**
 * The host of an endpoint.
 *
 * @category accessors
 * @since 0.2.0
 */
export const hostOf = (name: string): string =>
  `${name.replace("/", "-").toLowerCase()}.us-east-1.aws.endpoints.huggingface.cloud`

/** The defaults of a definition. */
const usual: Readonly<Record<string, unknown>> = {
  provider: { vendor: "aws", region: "us-east-1" },
  compute: {
    accelerator: "gpu",
    instanceType: "nvidia-a10g",
    instanceSize: "x1",
    scaling: { minReplica: 0, maxReplica: 1 }
  },
  model: { repository: "org/model", framework: "pytorch", task: "text-generation", image: { tgi: { url: "tgi" } } },
  tags: []
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (name: string, options: Options, now: number): Lifecycle => {
  const state = options.state ?? "running"
  return {
    name,
    host: hostOf(name),
    options,
    definition: { type: options.type ?? "private", ...usual, ...options.definition },
    used: now,
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

/** How long a start takes. */
const startTime = (self: Lifecycle): number => {
  const { initializing, lag, pending } = times(self)
  if (self.base.state === "initializing") return initializing
  return (self.base.state === "paused" ? lag : 0) + pending + initializing
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {}

/** Milliseconds without a request after which it sleeps. */
const idleOf = ({ definition, options }: Lifecycle): number => {
  if (options.idle !== undefined) return options.idle
  const { scaleToZeroTimeout } = fieldsOf(fieldsOf(definition.compute).scaling)
  return typeof scaleToZeroTimeout === "number" ? scaleToZeroTimeout * 60_000 : Infinity
}

/**
 * The state as it is now.
 *
 * @category reading
 * @since 0.1.0
 */
export const state = (self: Lifecycle, now: number): string => {
  const reached = reachedState(self, now)
  if (reached !== "running") return reached
  const { base, used } = self
  const ready = base.since + (base.starting ? startTime(self) : 0)
  return now - Math.max(ready, used) >= idleOf(self) ? "scaledToZero" : "running"
}

const reachedState = (self: Lifecycle, now: number): string => {
  const { base, options } = self
  if (!base.starting) return base.state
  const elapsed = now - base.since
  const { lag, pending } = times(self)
  if (elapsed >= startTime(self)) return options.outcome ?? "running"
  if (base.state === "initializing" || base.state === "updating") return base.state
  const shown = base.state === "paused" ? lag : 0
  return elapsed < shown ? base.state : elapsed < shown + pending ? "pending" : "initializing"
}

/** Whether it is starting. */
const isStarting = (self: Lifecycle, now: number): boolean =>
  self.base.starting && now - self.base.since < startTime(self)

/**
 * Milliseconds until it runs, `undefined` when it never will by itself.
 *
 * @category reading
 * @since 0.1.0
 */
export const readyIn = (self: Lifecycle, now: number): number | undefined => {
  if (state(self, now) === "scaledToZero" && !isStarting(self, now)) return undefined
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
 * Starts it, or says why not: it is already running, or was started before.
 *
 * @category changing
 * @since 0.1.0
 */
export const resume = (self: Lifecycle, now: number): "running" | "resuming" | undefined => {
  if (state(self, now) === "running") return "running"
  if (isStarting(self, now)) return "resuming"
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
  if (state(self, now) === "scaledToZero") resume(self, now)
  use(self, now)
}

/**
 * A request was responded to, so it is not idle.
 *
 * @category changing
 * @since 0.2.0
 */
export const use = (self: Lifecycle, now: number): void => {
  self.used = Math.max(self.used, now)
}

/** A PUT is merged into the definition, at any depth; lists and the image are replaced as a whole. */
const merged = (
  before: Readonly<Record<string, unknown>>,
  changes: Readonly<Record<string, unknown>>
): Readonly<Record<string, unknown>> => ({
  ...before,
  ...Object.fromEntries(
    Object.entries(changes).map(([key, value]) => {
      const isDeep = key !== "image" && typeof value === "object" && value !== null && !Array.isArray(value)
      return [key, isDeep ? merged(fieldsOf(before[key]), fieldsOf(value)) : value]
    })
  )
})

/**
 * Changes the definition, as a PUT does; a running endpoint rolls over to it.
 *
 * @category changing
 * @since 0.1.0
 */
export const update = (self: Lifecycle, changes: Readonly<Record<string, unknown>>, now: number): void => {
  self.definition = merged(self.definition, changes)
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
  const { secrets: _, ...model } = fieldsOf(self.definition.model)
  return {
    ...self.definition,
    model: { revision: null, ...model },
    name: self.name.slice(self.name.indexOf("/") + 1),
    healthRoute: self.options.healthRoute === undefined ? "/health" : self.options.healthRoute,
    status: {
      state: current,
      message: current === self.base.state ? self.base.message : self.options.message ?? "",
      ...(deployed && { url: self.options.url ?? `https://${self.host}` }),
      readyReplica: current === "running" ? 1 : 0,
      targetReplica: current === "paused" || current === "scaledToZero" ? 0 : 1,
      createdAt: "2026-01-01T00:00:00.123456789Z",
      createdBy: { id: "6".repeat(24), name: "simulator" },
      updatedAt: "2026-01-01T00:00:00.123Z",
      updatedBy: { id: "6".repeat(24), name: "simulator" }
    }
  }
}

/**
 * What a replica printed, each line with its time.
 *
 * @category showing
 * @since 0.2.0
 */
export const logs = (self: Lifecycle): ReadonlyArray<{ readonly at: number; readonly line: string }> => {
  const { base, options } = self
  if (!base.starting && base.state !== "running") return []
  const ready = base.since + (base.starting ? startTime(self) : 0)
  const begun = base.starting ? ready - times(self).initializing : base.since
  const { image, repository } = fieldsOf(fieldsOf(self.definition).model)
  const said = [
    { at: begun, text: `INFO starting ${Object.keys(fieldsOf(image))[0] ?? "a container"} (simulated)` },
    { at: begun, text: `INFO loading ${String(repository)}` },
    { at: ready, text: "INFO ready" },
    ...(options.logs ?? []).map((text) => ({ at: ready, text }))
  ]
  return said.map(({ at, text }) => ({ at, line: `${new Date(at).toISOString()} ${text}` }))
}
