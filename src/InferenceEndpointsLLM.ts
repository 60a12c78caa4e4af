/**
 * The service that programs start from: messages in, generations out, whatever engine answers.
 *
 * The pipeline of one call: options are merged and checked; the endpoint is resolved, and woken; messages become a prompt
 * where there is a template; the dialect of the engine makes the body; the client sends it; its frames are folded.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { GenerateRequest } from "./dialect/Dialect.ts"
import type * as EndpointsApi from "./endpoint/dedicated/EndpointsApi.ts"
import * as Endpoint from "./endpoint/Endpoint.ts"
import * as EndpointConfig from "./endpoint/EndpointConfig.ts"
import type { EndpointError } from "./endpoint/EndpointError.ts"
import type { Target } from "./endpoint/EndpointTarget.ts"
import type * as Generation from "./Generation.ts"
import * as GenerationOptions from "./GenerationOptions.ts"
import * as Deadline from "./http/Deadline.ts"
import { RequestDefaults } from "./http/RequestDefaults.ts"
import * as Timeouts from "./http/Timeouts.ts"
import type * as Hub from "./hub/Hub.ts"
import * as HubEnv from "./hub/HubEnv.ts"
import type { InferenceError } from "./InferenceError.ts"
import type * as Message from "./Message.ts"
import * as About from "./pipeline/About.ts"
import * as Generating from "./pipeline/generate/Generating.ts"
import * as Telemetry from "./pipeline/generate/Telemetry.ts"
import type * as Objects from "./pipeline/object/Objects.ts"
import * as Structures from "./pipeline/object/Structures.ts"
import * as Conversing from "./pipeline/prepare/Conversing.ts"
import * as Preparing from "./pipeline/prepare/Preparing.ts"
import * as Prompting from "./pipeline/prepare/Prompting.ts"
import * as Revival from "./pipeline/Revival.ts"
import * as Scripting from "./pipeline/Scripting.ts"
import * as TargetClients from "./pipeline/TargetClients.ts"
import * as ThinkingPhases from "./pipeline/ThinkingPhases.ts"
import type { Proof } from "./Proof.ts"
import * as Settings from "./Settings.ts"
import type * as ObjectStream from "./structured/decode/ObjectStream.ts"
import type { OutputSpecInput } from "./structured/OutputSpec.ts"
import type * as StructuredOutput from "./structured/StructuredOutput.ts"
import type { StructuredOutputError } from "./structured/StructuredOutputError.ts"
import type { TemplateError } from "./template/TemplateError.ts"

export type {
  /**
   * One planned generation: what a script receives (`layerTest`).
   *
   * @category models
   * @since 0.2.0
   */
  Wanted
} from "./pipeline/prepare/Preparing.ts"

/**
 * Every way in which a generation can fail, by stage.
 *
 * @category errors
 * @since 0.1.0
 */
export type GenerateError = EndpointError | TemplateError | InferenceError | StructuredOutputError

/**
 * The generations of one input, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Generated {
  readonly generations: ReadonlyArray<Generation.Generation>
}

/**
 * US dollars per million tokens, read and written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pricing {
  readonly input: number
  readonly output: number
}

/**
 * Generates text with the model behind an endpoint.
 *
 * @category services
 * @since 0.1.0
 */
export class InferenceEndpointsLLM extends Context.Service<InferenceEndpointsLLM, {
  /** Generates for one input, `numGenerations` times. */
  readonly generate: (input: Message.Input, options?: Settings.CallOptions) => Effect.Effect<Generated, GenerateError>
  /**
   * Streams one generation: its parts as they arrive, and as the last event `Finish` with all of it. A stream that does
   * not finish fails, and its error says what had arrived. Ending it early closes the socket.
   */
  readonly stream: (
    input: Message.Input,
    options?: Settings.CallOptions
  ) => Stream.Stream<Generation.Event, GenerateError>
  /**
   * Generates for many inputs, in their order, within one limit on concurrency. Fails with the first failure; `generateEach`
   * keeps the other results.
   */
  readonly generateMany: (
    inputs: ReadonlyArray<Message.Input>,
    options?: Settings.CallOptions
  ) => Effect.Effect<ReadonlyArray<Generated>, GenerateError>
  /** As `generateMany`, with the result or the failure of each input. */
  readonly generateEach: (
    inputs: ReadonlyArray<Message.Input>,
    options?: Settings.CallOptions
  ) => Effect.Effect<ReadonlyArray<Result.Result<Generated, GenerateError>>>
  /** Generates a value of a Schema, or of a plain JSON Schema, or fails with exactly why there is none. */
  readonly generateObject: {
    <S extends Schema.Constraint>(
      input: Message.Input,
      options: Objects.ObjectOptions<S>
    ): Effect.Effect<Objects.ObjectResult<S["Type"]>, GenerateError, S["DecodingServices"]>
    (
      input: Message.Input,
      options: Objects.JsonObjectOptions
    ): Effect.Effect<Objects.ObjectResult<Schema.Json>, GenerateError>
  }
  /**
   * Streams a value of a Schema as it grows: partial values, elements of an array, and at the end the decoded value.
   */
  readonly streamObject: <S extends Schema.Constraint, I extends Schema.Constraint = Schema.Never>(
    input: Message.Input,
    options: Objects.ObjectStreamOptions<S, I>
  ) => Stream.Stream<
    ObjectStream.Event<S["Type"], I["Type"]>,
    GenerateError,
    S["DecodingServices"] | I["DecodingServices"]
  >
  /**
   * What would be sent for an input, without sending it: the prompt that is rendered here, or the messages that the server
   * renders. `isComplete` says whether it contains its special tokens.
   */
  readonly prompt: (
    input: Message.Input,
    options?: Settings.CallOptions
  ) => Effect.Effect<GenerateRequest["input"], GenerateError>
  /**
   * Sends JSON to a route of the endpoint that has no method here, such as `/tokenize`, and reads the response by a Schema:
   * with the token, the limits, the retries and the revival of every call. The path is appended to the endpoint's address.
   */
  readonly request: <A>(
    path: string,
    body: Readonly<Record<string, unknown>>,
    response: Schema.Codec<A, A>
  ) => Effect.Effect<A, GenerateError>
  /** Resolves the endpoint, waking it and waiting for it, so that a problem with it shows before any work begins. */
  readonly ready: Effect.Effect<void, EndpointError>
  /**
   * US dollars per million tokens, where it is known who serves the model and at what price: on the router, with one
   * provider.
   */
  readonly pricing: Effect.Effect<Pricing | undefined, EndpointError>
  /** The model's name where results are shown. */
  readonly displayName: Effect.Effect<string, EndpointError>
  /** What serves the endpoint, as far as is known once it is resolved. */
  readonly about: Effect.Effect<About.About, EndpointError>
  /**
   * What the generations depend on, as JSON: endpoint, template, options, structured output; no secret. Generations of
   * two services with the same fingerprint can be mixed in one data set.
   */
  readonly fingerprint: Schema.Json
}>()("effect-inference-endpoints/InferenceEndpointsLLM") {}

/**
 * Options of the service besides its endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Settings.Settings, Prompting.Options {
  /** Defaults of every call. */
  readonly generationOptions?: GenerationOptions.GenerationOptions | undefined
  /** Constrains every response of `generate` and `stream`, in the form of the Python original. */
  readonly structuredOutput?: OutputSpecInput | undefined
  /**
   * What this endpoint was measured to do (`Prove.prove`): options that it dropped or refused are refused before they are
   * sent, as `unsupported` says.
   */
  readonly proof?: Proof | undefined
  /** Limits, retries and the user agent of the transport. */
  readonly client?: TargetClients.Options | undefined
}

/**
 * What the service is built on: how one generation is made, and how one is streamed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Backend {
  readonly one: (wanted: Preparing.Wanted) => Effect.Effect<Objects.Constrained, GenerateError>
  readonly streamed: (wanted: Preparing.Wanted) => Effect.Effect<Objects.Streamed<GenerateError>, GenerateError>
  readonly prompt: (wanted: Preparing.Wanted) => Effect.Effect<GenerateRequest["input"], GenerateError>
  readonly request: InferenceEndpointsLLM["Service"]["request"]
  readonly ready: Effect.Effect<void, EndpointError>
  readonly pricing: Effect.Effect<Pricing | undefined, EndpointError>
  readonly displayName: Effect.Effect<string, EndpointError>
  readonly about: Effect.Effect<About.About, EndpointError>
  readonly fingerprint: Schema.Json
}

/**
 * Makes the service over an `Endpoint` and an `HttpClient`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}) => service(options, false)

/** `constrainedAlone` says that its template is used only for structured output. */
const service = Effect.fnUntraced(function*(options: Options, constrainedAlone: boolean) {
  const endpoint = yield* Endpoint.Endpoint
  const implied = options.tokenizerId === undefined && options.chatTemplate === undefined
  const prompting = yield* Prompting.make(options, constrainedAlone ? "constrained" : implied)
  const clientOf = yield* TargetClients.make(options.client)
  const { total } = Timeouts.make(options.client?.timeouts)

  const prepared = (target: Target, wanted: Preparing.Wanted, stream: boolean, deadline: number) => {
    const make = () => Preparing.prepare(clientOf(target), target, prompting, wanted, stream, options.proof)
    const { options: { seed }, shared } = wanted
    const ready = shared === undefined || seed === undefined ? make() : shared.of(target, seed, make)
    // what is already there needs no limit
    return Exit.isExit(ready) ? ready : Deadline.by(deadline)(ready)
  }

  let isKnown = false
  /** The target. It is resolved only the first time. */
  const known = (deadline: number): Effect.Effect<Target, EndpointError> =>
    isKnown
      ? endpoint.target
      : Effect.map(Deadline.by(deadline)(endpoint.target), (target) => {
        isKnown = true
        return target
      })

  const plain = (fiber: Running, target: Target, wanted: Preparing.Wanted, deadline: number) => {
    const stream = Preparing.isFolded(target, wanted)
    return Effect.flatMapEager(prepared(target, wanted, stream, deadline), (ready) =>
      Effect.map(
        Deadline.before(fiber, deadline, total, generated(fiber, ready, stream)),
        (generation): Objects.Constrained => ({ generation, constraint: ready.constraint, capped: ready.capped })
      ))
  }

  /** Opens the stream of a request that is ready. */
  const opening = (ready: Preparing.Ready, stream: boolean, deadline: number): Opening => (scope) =>
    Effect.withFiber((fiber) => {
      const opened: ReturnType<Opening> = Telemetry.opened<Generation.Event, InferenceError>(
        fiber,
        ready.telemetry,
        scope,
        (scope, outcome) => (stream ? Generating.stream : Generating.atOnce)(ready, scope, outcome)
      )
      return Deadline.before(fiber, deadline, total, opened)
    })

  const plainStream = (target: Target, wanted: Preparing.Wanted, deadline: number) => {
    const stream = Preparing.isStreamed(target, wanted)
    const warning = Preparing.unstreamed(target)
    const ready = prepared(target, wanted, stream, deadline)
    return Effect.mapEager(
      warning === undefined ? ready : Effect.tap(ready, Effect.logWarning(warning)),
      (ready): Begun => ({
        constraint: ready.constraint,
        // calls that are part of the text are streamed like any other text
        open: opening(
          ready,
          stream || (ready.calls !== undefined && wanted.settings.delivery !== "unary"),
          deadline
        )
      })
    )
  }

  /** A request of a generation whose thinking budget is enforced here, by two requests. */
  const phase = (target: Target, { opening, prompt, wanted }: ThinkingPhases.Phase, stream: boolean) =>
    Effect.map(
      Preparing.prepare(clientOf(target), target, () => Effect.succeed(prompt), wanted, stream, options.proof),
      (ready): Preparing.Ready => ({ ...ready, splitReasoning: opening !== undefined, opening })
    )

  const once = (
    fiber: Running,
    target: Target,
    wanted: Preparing.Wanted,
    deadline: number
  ): Effect.Effect<Objects.Constrained, GenerateError> =>
    (wanted.options.thinkingBudget ?? 0) <= 0
      ? plain(fiber, target, wanted, deadline)
      : Deadline.by(deadline)(Effect.flatMap(
        ThinkingPhases.of(target, wanted, prompting),
        (plan) =>
          plan === undefined ? plain(fiber, target, wanted, deadline) : ThinkingPhases.generate(plan, (next) => {
            const stream = Preparing.isFolded(target, next.wanted)
            return Effect.flatMap(phase(target, next, stream), (ready) =>
              Effect.map(
                generated(fiber, ready, stream),
                (generation): Objects.Constrained => ({ generation, constraint: ready.constraint })
              ))
          })
      ))

  const begin = (
    target: Target,
    wanted: Preparing.Wanted,
    deadline: number
  ): Effect.Effect<Begun, GenerateError> => {
    if ((wanted.options.thinkingBudget ?? 0) <= 0) return plainStream(target, wanted, deadline)
    return Deadline.by(deadline)(Effect.flatMap(ThinkingPhases.of(target, wanted, prompting), (plan) => {
      if (plan === undefined) return plainStream(target, wanted, deadline)
      const stream = Preparing.isStreamed(target, wanted)
      const whole: ThinkingPhases.Phase = { wanted, prompt: plan.thought.prompt, opening: undefined }
      const opened = (next: ThinkingPhases.Phase): Opening => (scope) =>
        Effect.flatMap(phase(target, next, stream), (ready) => opening(ready, stream, deadline)(scope))
      // the constraint is known before anything is sent, so that a problem with it shows at once
      return Effect.map(phase(target, whole, stream), ({ constraint }): Begun => ({
        constraint,
        open: (scope) =>
          Effect.flatMap(opened(plan.thought)(scope), (thought) =>
            Channel.toPullScoped(
              ThinkingPhases.stream(plan, Stream.fromPull(Effect.succeed(thought)), (next) => streamOf(opened(next)))
                .channel,
              scope
            ))
      }))
    }))
  }

  return yield* assemble(options, {
    // finding the endpoint, reviving it and generating share one time limit
    one: (wanted) =>
      Effect.withFiber((fiber) => {
        const deadline = Deadline.of(fiber, total)
        const made = Effect.flatMap(known(deadline), (target) => once(fiber, target, wanted, deadline))
        return wanted.settings.revive === false ? made : Effect.catchIf(
          made,
          Revival.isAway,
          (error) =>
            Effect.flatMap(
              Deadline.by(deadline)(Revival.revive(endpoint, error)),
              (target) => once(fiber, target, wanted, deadline)
            )
        )
      }),
    streamed: (wanted) =>
      Effect.withFiber((fiber) => {
        const deadline = Deadline.of(fiber, total)
        const begun = (target: Effect.Effect<Target, EndpointError>) =>
          Effect.flatMap(target, (target) => begin(target, wanted, deadline))
        /** An endpoint may turn out to be away until its stream is open. Later failures stay: part of it was seen. */
        const again = (scope: Scope.Scope) => (error: InferenceError) =>
          Effect.flatMap(begun(Deadline.by(deadline)(Revival.revive(endpoint, error))), ({ open }) => open(scope))
        return Effect.map(begun(known(deadline)), ({ constraint, open }) => ({
          constraint,
          events: streamOf(
            wanted.settings.revive === false
              ? open
              : (scope) => Effect.catchIf(open(scope), Revival.isAway, again(scope))
          )
        }))
      }),
    prompt: ({ input, options, output }) =>
      Effect.flatMap(
        endpoint.target,
        ({ engine }) => prompting({ input, options, constrained: output !== undefined }, engine.kind, engine.bosToken)
      ),
    request: (path, body, response) => {
      const send = (target: Target) =>
        Effect.map(
          clientOf(target).json(response, path, body),
          ({ value }) => value
        )
      return Deadline.within(total)(Effect.catchIf(
        Effect.flatMap(endpoint.target, send),
        Revival.isAway,
        (error) => Effect.flatMap(Revival.revive(endpoint, error), send)
      ))
    },
    ready: Effect.asVoid(endpoint.target),
    pricing: Effect.map(endpoint.target, ({ pricing }) => pricing),
    displayName: endpoint.displayName,
    about: Effect.map(endpoint.target, (target) => About.of(target, renderedBy(options))),
    fingerprint: { endpoint: EndpointConfig.encode(endpoint.config), template: templateOf(options) }
  })
})

type Running = Fiber.Fiber<unknown, unknown>

/** Opens a stream, and gives what pulls it for as long as the scope is open. */
type Opening = (
  scope: Scope.Scope
) => Effect.Effect<Pull.Pull<Arr.NonEmptyReadonlyArray<Generation.Event>, GenerateError>, GenerateError>

/** A generation that can be opened as a stream, and the constraint that it is made under. */
interface Begun {
  readonly open: Opening
  readonly constraint: Preparing.Ready["constraint"]
}

const streamOf = (open: Opening): Stream.Stream<Generation.Event, GenerateError> =>
  Stream.fromChannel(Channel.fromTransform((_upstream, scope) => open(scope)))

/** The service over a backend that makes generations. */
const assemble = (options: Options, backend: Backend): Effect.Effect<InferenceEndpointsLLM["Service"]> =>
  Effect.map(sourceOf(options.structuredOutput), (source) => serving(options, backend, source))

/** `source` is the service's own structured output as JSON. */
const serving = (
  options: Options,
  backend: Backend,
  source: unknown
): InferenceEndpointsLLM["Service"] => {
  const settings = Settings.pick(options)
  const defaults: Settings.CallOptions = {
    ...options.generationOptions,
    ...settings,
    structuredOutput: options.structuredOutput
  }

  const plain = Settings.resolve(defaults, {})
  const isSound = Conversing.check("", plain.options).length === 0

  const want = (
    input: Message.Input,
    call: Settings.CallOptions | undefined,
    output?: StructuredOutput.StructuredOutput<unknown, unknown>
  ): Effect.Effect<Preparing.Wanted, GenerateError> => {
    const { issues, options: sampling, settings } = call === undefined ? plain : Settings.resolve(defaults, call, plain)
    // a text beside options that were checked already
    const isPlain = isSound && sampling === plain.options && typeof input === "string" && input.isWellFormed()
    const wrong = isPlain ? issues : [
      ...issues,
      ...(isEmpty(input) && options.useMagpieTemplate !== true ? [noMessages] : []),
      ...Conversing.check(input, sampling)
    ]
    if (wrong.length > 0) return Effect.fail(Preparing.invalid("generate", wrong))
    const spec = output === undefined ? call?.structuredOutput ?? defaults.structuredOutput : undefined
    return spec === undefined || spec === false
      ? Effect.succeed({ input, options: sampling, settings, output })
      : Effect.map(outputOf(spec), (output) => ({ input, options: sampling, settings, output }))
  }

  const several = (wanted: Preparing.Wanted, permits: Semaphore.Semaphore) =>
    Effect.map(
      Effect.flatMap(seeds(wanted), (all) => {
        const shared = all.length === 1 ? undefined : new Preparing.Shared()
        return Effect.forEach(all, (options) => permits.withPermit(backend.one({ ...wanted, options, shared })), {
          concurrency: "unbounded"
        })
      }),
      (all): Generated => ({
        generations: all.map(({ generation }) => generation)
      })
    )

  const limit = (call?: Settings.CallOptions) => Semaphore.make(call?.concurrency ?? settings.concurrency ?? 16)

  const streamed = (
    input: Message.Input,
    call?: Settings.CallOptions,
    output?: StructuredOutput.StructuredOutput<unknown, unknown>
  ) => Effect.suspend(() => Effect.flatMapEager(want(input, call, output), backend.streamed))

  const objects: Objects.Means<GenerateError> = {
    defaults: options.generationOptions ?? {},
    ask: (input, call, output) => Effect.suspend(() => Effect.flatMapEager(want(input, call, output), backend.one)),
    stream: streamed
  }

  return InferenceEndpointsLLM.of({
    generate: (input, call) =>
      Effect.suspend(() =>
        Effect.flatMapEager(want(input, call), (wanted) =>
          (wanted.settings.numGenerations ?? 1) === 1
            // one generation needs no fiber and no permit of its own
            ? Effect.map(backend.one(wanted), alone)
            : Effect.flatMap(limit(call), (permits) => several(wanted, permits)))
      ),
    generateMany: (inputs, call) =>
      Effect.flatMap(limit(call), (permits) =>
        Effect.forEach(
          inputs,
          (input) => Effect.flatMapEager(want(input, call), (wanted) => several(wanted, permits)),
          { concurrency: "unbounded" }
        )),
    generateEach: (inputs, call) =>
      Effect.flatMap(limit(call), (permits) =>
        Effect.forEach(
          inputs,
          (input) => Effect.result(Effect.flatMapEager(want(input, call), (wanted) => several(wanted, permits))),
          { concurrency: "unbounded" }
        )),
    stream: (input, call) =>
      Stream.fromChannel(
        Channel.fromTransform((upstream, scope) =>
          Effect.flatMap(streamed(input, call), ({ events }) => Channel.toTransform(events.channel)(upstream, scope))
        )
      ),
    generateObject: (<S extends Schema.Constraint>(
      input: Message.Input,
      options: Objects.ObjectOptions<S> | Objects.JsonObjectOptions
    ) =>
      Effect.flatMap(Structures.load, ({ Objects }) =>
        Objects.isJsonSchema(options)
          ? Objects.generate(objects, input, Objects.fromJsonSchema(options))
          // by the overloads the values of a JSON Schema have the type JSON, and that is how they are decoded
          : Objects.generate(objects, input, options))) as InferenceEndpointsLLM["Service"]["generateObject"],
    streamObject: (input, options) =>
      Stream.unwrap(Effect.map(Structures.load, ({ Objects }) => Objects.stream(objects, input, options))),
    prompt: (input, call) => Effect.suspend(() => Effect.flatMapEager(want(input, call), backend.prompt)),
    request: backend.request,
    ready: backend.ready,
    pricing: backend.pricing,
    displayName: backend.displayName,
    about: backend.about,
    fingerprint: fingerprintOf(defaults, backend, source)
  })
}

/** What the generated text depends on, as JSON without secrets. */
const fingerprintOf = (
  defaults: Settings.CallOptions,
  { fingerprint }: Backend,
  source: unknown
): Schema.Json => {
  const { options, settings } = Settings.resolve({}, defaults)
  return JSON.parse(JSON.stringify({
    backend: fingerprint,
    options,
    settings: {
      splitReasoning: settings.splitReasoning,
      numGenerations: settings.numGenerations,
      continuation: settings.continuation,
      continueFrom: settings.continueFrom
    },
    structuredOutput: source
  }, (_key, value: unknown) => typeof value === "bigint" ? value.toString() : value))
}

const sourceOf = (spec: Options["structuredOutput"]): Effect.Effect<unknown> =>
  spec === undefined
    ? Effect.succeed(undefined)
    : Effect.map(
      Structures.load,
      ({ OutputSpec }) => Result.getOrUndefined(OutputSpec.interpret(spec))?.output.source
    )

const isEmpty = (input: Message.Input): boolean => typeof input === "object" && "length" in input && input.length === 0

const noMessages = { path: ["messages"], message: "messages must not be empty; only Magpie generates from nothing" }

const generated = (fiber: Running, ready: Preparing.Ready, stream: boolean) =>
  Telemetry.observed(fiber, ready.telemetry, stream ? Generating.folded(ready) : Generating.unary(ready))

const alone = ({ generation }: Objects.Constrained): Generated => ({ generations: [generation] })

/** The structured output of a call, in the form of the Python original. */
const outputOf = (spec: OutputSpecInput) =>
  Effect.flatMap(
    Effect.flatMap(Structures.load, ({ OutputSpec }) => Effect.fromResult(OutputSpec.interpret(spec))),
    ({ output, warnings }) => Effect.as(Effect.forEach(warnings, (warning) => Effect.logWarning(warning)), output)
  )

/**
 * The options of each generation: seeds counted up from the one given, within a u64. Without one each of several gets its
 * own, drawn from 1 to 2^31 - 1, which every engine takes: requests that are equal byte by byte may be answered from a
 * cache.
 */
const seeds = (
  { options, settings }: Preparing.Wanted
): Effect.Effect<ReadonlyArray<GenerationOptions.GenerationOptions>> => {
  const count = settings.numGenerations ?? 1
  const { seed } = options
  if (count === 1) return Effect.succeed([options])
  if (seed !== undefined) {
    return Effect.succeed(
      Array.from(
        { length: count },
        (_, index) => index === 0 ? options : { ...options, seed: GenerationOptions.seedAfter(seed, index) }
      )
    )
  }
  return Effect.map(drawn(count), (all) => all.map((seed) => ({ ...options, seed })))
}

const MAX_SEED = 2 ** 31 - 1

/** The given number of seeds, no two the same. */
const drawn = Effect.fnUntraced(function*(count: number) {
  const all = new Set<number>()
  while (all.size < count) {
    let seed = yield* Random.nextIntBetween(1, MAX_SEED)
    while (all.has(seed)) seed = seed === MAX_SEED ? 1 : seed + 1
    all.add(seed)
  }
  return [...all]
})

/** What renders prompts here, if anything does. */
const renderedBy = ({ chatTemplate, tokenizerId, tokenizerRevision = "main" }: Options): string | undefined =>
  chatTemplate ?? (tokenizerId === undefined ? undefined : `${tokenizerId}@${tokenizerRevision}`)

/** What the prompt of a message depends on. */
const templateOf = (options: Options): Schema.Json => ({
  tokenizerId: options.tokenizerId ?? null,
  tokenizerRevision: options.tokenizerRevision ?? null,
  chatTemplate: options.chatTemplate ?? null,
  specialTokens: options.specialTokens ?? null,
  ...(options.compatibility !== undefined && { compatibility: options.compatibility }),
  ...(options.sanitizeControlTokens === true && { sanitizeControlTokens: true }),
  ...(options.toolCalls === "engine" && { toolCalls: "engine" }),
  magpie: options.useMagpieTemplate === true ? options.magpiePreQueryTemplate ?? null : null
})

/**
 * The service over an existing `Endpoint`, and over a `ChatTemplate` if there is one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (
  options: Options = {}
): Layer.Layer<InferenceEndpointsLLM, EndpointError, Endpoint.Endpoint | HttpClient.HttpClient> =>
  Layer.effect(InferenceEndpointsLLM, make(options))

/**
 * The options of the service and of its endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export interface LayerOptions extends Options, EndpointConfig.Options {}

/** Whether only the structured output asks for a tokenizer. */
const isConstrainedAlone = ({ chatTemplate, modelId, structuredOutput, tokenizerId }: LayerOptions): boolean =>
  tokenizerId === undefined && chatTemplate === undefined && structuredOutput !== undefined && modelId !== undefined

/**
 * With a model id and a structured output, but no tokenizer, the model's own tokenizer is used, as in the Python original.
 */
const tokenizerOf = (options: LayerOptions): string | undefined =>
  isConstrainedAlone(options) ? options.modelId : options.tokenizerId

/**
 * The service with the endpoint that the options name: exactly one of `modelId`, `endpointName` and `baseUrl`. With a
 * `tokenizerId` or `chatTemplate`, prompts are rendered here and sent raw.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { FetchTransport, InferenceEndpointsLLM } from "effect-inference-endpoints"
 *
 * const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080" }).pipe(Layer.provide(FetchTransport.layer))
 *
 * const program = Effect.gen(function*() {
 *   const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
 *   const { generations } = yield* llm.generate("Why is the sky red at sunset?", { maxNewTokens: 64 })
 *   return generations[0]?.text
 * }).pipe(Effect.provide(Model))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const O extends LayerOptions>(
  options: O & EndpointConfig.OneTarget<O, LayerOptions>
): Layer.Layer<
  InferenceEndpointsLLM | Endpoint.Endpoint | Hub.Hub | EndpointsApi.EndpointsApi,
  EndpointError | TemplateError,
  HttpClient.HttpClient
> =>
  Layer.effect(InferenceEndpointsLLM, service(options, isConstrainedAlone(options))).pipe(
    Layer.provide(Prompting.layer({ ...options, tokenizerId: tokenizerOf(options) })),
    Layer.provideMerge(Endpoint.layer<EndpointConfig.Options>(options)),
    // finding the endpoint and learning about it keeps the limits of a call
    Layer.provide(Layer.succeed(RequestDefaults, options.client ?? {}))
  )

/**
 * `layer` with every option from a `Config`.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import { InferenceEndpointsLLM } from "effect-inference-endpoints"
 *
 * const Model = InferenceEndpointsLLM.layerConfig({
 *   endpointName: Config.String("ENDPOINT"),
 *   endpointNamespace: Config.String("NAMESPACE")
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <const O extends Config.Wrap<LayerOptions>>(
  options: O & EndpointConfig.OneConfigured<O, LayerOptions>
) => Layer.unwrap(Effect.map(Config.unwrap<LayerOptions>(options), (given) => layer<LayerOptions>(given)))

/**
 * `layer` with the endpoint of the environment (see `EndpointConfig.fromEnv`), `INFERENCE_TOKENIZER_ID` if it is set, and
 * the options given.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEnv = (options: Options = {}) =>
  Layer.unwrap(Effect.gen(function*() {
    const endpoint = yield* EndpointConfig.fromEnv
    const tokenizerId = yield* HubEnv.variable("INFERENCE_TOKENIZER_ID")
    return layer({ ...endpoint, ...(tokenizerId !== undefined && { tokenizerId }), ...options })
  }))

/**
 * A scripted response: a text, parts of a generation, or an error.
 *
 * @category models
 * @since 0.1.0
 */
export type Scripted = string | Partial<Generation.Generation> | GenerateError

/**
 * The service without a network, for tests of programs that use it: each generation is what the script returns for it.
 * Options are checked, and values decoded, as in the real service; for the wire itself, use the simulator.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTest = (
  script: (wanted: Preparing.Wanted, index: number) => Scripted,
  options: Options = {}
): Layer.Layer<InferenceEndpointsLLM> =>
  Layer.effect(InferenceEndpointsLLM, Effect.suspend(() => assemble(options, Scripting.backend<GenerateError>(script))))
