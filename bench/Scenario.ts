/** What is measured. A scenario is the same for every client; only the route may differ. */

export interface Scenario {
  readonly title: string
  /** The name of one unit of work, such as a request or a token. */
  readonly unit: "requests" | "events"
  readonly stream: boolean
  /** Whether making the client counts too; otherwise it is made before. */
  readonly opening?: boolean
  /** Tokens per response, tokens per write of the server, milliseconds before a response. */
  readonly tokens: number
  readonly burst: number
  readonly latency: number
  /** Calls in all, and at once; `warmup` calls come before. */
  readonly calls: number
  readonly concurrency: number
  readonly warmup: number
}

const unary = { unit: "requests", stream: false, tokens: 20, burst: 1 } as const

const streaming = { unit: "events", stream: true, burst: 16, latency: 0 } as const

export const scenarios: Readonly<Record<string, Scenario>> = {
  S1: { ...unary, title: "unary, 64 at once", latency: 0, calls: 10_000, concurrency: 64, warmup: 10_000 },
  S1s: {
    ...streaming,
    burst: 1,
    title: "streams of 20 tokens, 64 at once",
    tokens: 20,
    calls: 10_000,
    concurrency: 64,
    warmup: 5000
  },
  C1: {
    ...unary,
    title: "cold: making the client and its first call, in a new process after the import",
    latency: 0,
    opening: true,
    calls: 1,
    concurrency: 1,
    warmup: 0
  },
  C2: {
    ...streaming,
    title: "cold: making the client and its first stream of 20 tokens, in a new process after the import",
    tokens: 20,
    opening: true,
    calls: 1,
    concurrency: 1,
    warmup: 0
  },
  S2: {
    ...streaming,
    title: "one stream of 200,000 tokens, three times after two that warm up",
    tokens: 200_000,
    calls: 3,
    concurrency: 1,
    warmup: 2
  },
  S2c: {
    ...streaming,
    title: "cold: the first stream of 2,000 tokens in a process",
    tokens: 2000,
    calls: 1,
    concurrency: 1,
    warmup: 0
  },
  S3: {
    ...streaming,
    title: "256 streams of 200 tokens at once",
    tokens: 200,
    calls: 1280,
    concurrency: 256,
    warmup: 512
  },
  S4: { ...unary, title: "50 ms latency, 512 at once", latency: 50, calls: 10_240, concurrency: 512, warmup: 10_240 },
  S4b: { ...unary, title: "50 ms latency, 64 at once", latency: 50, calls: 5120, concurrency: 64, warmup: 1280 },
  O1: { ...unary, title: "other libraries: unary, 64 at once", latency: 0, calls: 5000, concurrency: 64, warmup: 2500 },
  O3: {
    ...streaming,
    title: "other libraries: 256 streams of 200 tokens at once",
    tokens: 200,
    calls: 512,
    concurrency: 256,
    warmup: 256
  },
  F1: { ...unary, title: "on fetch: unary, 64 at once", latency: 0, calls: 5000, concurrency: 64, warmup: 5000 },
  F2: {
    ...streaming,
    burst: 1,
    title: "on fetch: streams of 20 tokens, 64 at once",
    tokens: 20,
    calls: 5000,
    concurrency: 64,
    warmup: 2500
  },
  L1: {
    ...streaming,
    title: "one stream of 20,000 tokens, ten times",
    tokens: 20_000,
    calls: 10,
    concurrency: 1,
    warmup: 10
  },
  L2: {
    ...streaming,
    title: "32 streams of 200 tokens at once",
    tokens: 200,
    calls: 2560,
    concurrency: 32,
    warmup: 512
  },
  L3: {
    ...streaming,
    title: "320 streams of 200 tokens at once",
    tokens: 200,
    calls: 2560,
    concurrency: 320,
    warmup: 640
  }
}

/** The same with fewer calls, for a quick look. Streams keep their length, which is what is measured. */
export const quick = (scenario: Scenario): Scenario =>
  scenario.calls <= 10 ? scenario : {
    ...scenario,
    calls: Math.max(scenario.concurrency, Math.ceil(scenario.calls / 5)),
    warmup: Math.max(scenario.concurrency, Math.ceil(scenario.warmup / 5))
  }

export const base = (origin: string, { burst, latency, tokens }: Scenario): string =>
  `${origin}/t${tokens}-b${burst}-l${latency}`

/** Runs `call` a number of times, with a limit on concurrency, and sums what the calls return. */
export const repeat = async (calls: number, concurrency: number, call: () => Promise<number>): Promise<number> => {
  let left = calls
  let sum = 0
  const worker = async () => {
    while (left > 0) {
      left--
      const units = await call()
      sum += units
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, calls) }, worker))
  return sum
}
