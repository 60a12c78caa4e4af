/**
 * A typed client for models behind Hugging Face Inference Endpoints. The modules, in the order of the data:
 *
 * @since 0.1.0
 */

/** What a caller writes: roles, content parts, tool calls. @since 0.1.0 */
export * as Message from "./Message.ts"

/** Every sampling and limit option, checked before a request is sent. @since 0.1.0 */
export * as GenerationOptions from "./GenerationOptions.ts"

/** How the service generates, besides the sampling options. @since 0.1.0 */
export * as Settings from "./Settings.ts"

/** Tools from Schemas, and their calls as values. @since 0.1.0 */
export * as Tool from "./Tool.ts"

/** The configuration of the service as data. @since 0.1.0 */
export * as LLMConfig from "./LLMConfig.ts"

/** The service users start from. @since 0.1.0 */
export * as InferenceEndpointsLLM from "./InferenceEndpointsLLM.ts"

/** Values of a Schema: the options, and the results. @since 0.2.0 */
export type * as Objects from "./pipeline/object/Objects.ts"

/** The resolved target, as a service. @since 0.1.0 */
export * as Endpoint from "./endpoint/Endpoint.ts"

/** The configuration of an endpoint: one of a model id, an endpoint's name, or a base URL. @since 0.1.0 */
export * as EndpointConfig from "./endpoint/EndpointConfig.ts"

/** Why an endpoint cannot be found or woken. @since 0.1.0 */
export * as EndpointError from "./endpoint/EndpointError.ts"

/** The management API of dedicated endpoints. @since 0.1.0 */
export * as EndpointsApi from "./endpoint/dedicated/EndpointsApi.ts"

/** The catalogue of models for dedicated endpoints, and what is deployed from it. @since 0.2.0 */
export * as Catalogue from "./endpoint/dedicated/Catalogue.ts"

/** What dedicated endpoints can run on. @since 0.2.0 */
export * as Hardware from "./endpoint/dedicated/Hardware.ts"

/** Which engine responds, and what it can do. @since 0.1.0 */
export * as Engine from "./endpoint/address/Engine.ts"

/** Files, model info and providers on the Hub. @since 0.1.0 */
export * as Hub from "./hub/Hub.ts"

/** Why a request to the Hub failed. @since 0.2.0 */
export * as HubError from "./hub/HubError.ts"

/** Large files of data sets by Xet. @since 0.2.0 */
export * as DatasetXet from "./hub/DatasetXet.ts"

/** Data sets on the Hub: trees, ranges, commits. @since 0.2.0 */
export * as HubDatasets from "./hub/HubDatasets.ts"

/** Files of data sets on this machine, shared with Python's clients. @since 0.2.0 */
export * as DatasetCache from "./hub/DatasetCache.ts"

/** The cache of Hub files, in Python's layout. @since 0.1.0 */
export * as HubCache from "./hub/HubCache.ts"

/** What happens to each option on each engine and route. @since 0.1.0 */
export * as Dialect from "./dialect/Dialect.ts"

/** The dialect of each engine. @since 0.1.0 */
export * as Dialects from "./dialect/Dialects.ts"

/** One method for each route of TGI's protocol. @since 0.1.0 */
export * as TgiClient from "./transport/TgiClient.ts"

/** When a call is retried. @since 0.1.0 */
export * as Retry from "./http/Retry.ts"

/** The policy of all requests of a program, including those that find its endpoint. @since 0.2.0 */
export * as RequestDefaults from "./http/RequestDefaults.ts"

/** The moment by which a whole call must have ended. @since 0.2.0 */
export * as Deadline from "./http/Deadline.ts"

/** An HTTP client over `fetch` that keeps the limits: browsers, Bun, Deno, the edge. @since 0.2.0 */
export * as FetchTransport from "./http/FetchTransport.ts"

/** The limits on time of a call. @since 0.1.0 */
export * as Timeouts from "./http/Timeouts.ts"

/** Bytes to events, by the grammar of event streams. @since 0.1.0 */
export * as EventStream from "./transport/events/EventStream.ts"

/** What a generation is, and the fold that makes one. @since 0.1.0 */
export * as Generation from "./Generation.ts"

/** What the errors of all stages have in common. @since 0.2.0 */
export * as StageError from "./StageError.ts"

/** Why talking to a server failed. @since 0.1.0 */
export * as InferenceError from "./InferenceError.ts"

/** Messages to the exact prompt of Python's tokenizers. @since 0.1.0 */
export * as ChatTemplate from "./template/ChatTemplate.ts"

/** The engine that runs templates, as a choice. @since 0.2.0 */
export * as TemplateEngine from "./template/engine/TemplateEngine.ts"

/** Jinja as Python runs it: the default engine. @since 0.2.0 */
export * as PythonJinja from "./template/engine/PythonJinja.ts"

/** `@huggingface/jinja` as the engine. @since 0.2.0 */
export * as HuggingFaceJinja from "./template/engine/HuggingFaceJinja.ts"

/** The prompt that a server makes, as the server reports it. @since 0.2.0 */
export * as ServerPrompt from "./template/ServerPrompt.ts"

/** Versions of transformers, and what changed between them. @since 0.2.0 */
export * as Compatibility from "./template/engine/Compatibility.ts"

/** Text of a user that would become control tokens. @since 0.2.0 */
export * as ControlTokens from "./template/prompt/ControlTokens.ts"

/** The tags that model families put around thoughts. @since 0.2.0 */
export * as ThinkingTags from "./template/thinking/ThinkingTags.ts"

/** What an endpoint was measured to honour. @since 0.2.0 */
export * as Proof from "./Proof.ts"

/** Measures what a live endpoint honours. @since 0.2.0 */
export * as Prove from "./prove/Prove.ts"

/** Finds servers that mix up their callers. @since 0.2.0 */
export * as Canary from "./prove/Canary.ts"

/** A distribution over labels instead of text. @since 0.2.0 */
export * as Decision from "./decide/Decision.ts"

/** A question with its labels, as data. @since 0.2.0 */
export * as Question from "./decide/Question.ts"

/** Why there is no distribution over the labels. @since 0.2.0 */
export * as DecisionError from "./decide/DecisionError.ts"

/** How well probabilities are calibrated, by labelled data. @since 0.2.0 */
export * as Calibration from "./decide/Calibration.ts"

/** How Hugging Face's own JavaScript engine renders the same template. @since 0.1.0 */
export * as CrossCheck from "./template/CrossCheck.ts"

/** Instructions generated from nothing. @since 0.1.0 */
export * as Magpie from "./template/Magpie.ts"

/** Why messages could not become a prompt. @since 0.1.0 */
export * as TemplateError from "./template/TemplateError.ts"

/** What an engine accepts as a grammar. @since 0.1.0 */
export * as Grammar from "./structured/Grammar.ts"

/** Text to value by a Schema, whatever the server promised. @since 0.1.0 */
export * as StructuredOutput from "./structured/StructuredOutput.ts"

/** Why there is no value. @since 0.1.0 */
export * as StructuredOutputError from "./structured/StructuredOutputError.ts"

/** Values that arrive in pieces. @since 0.2.0 */
export * as ObjectStream from "./structured/decode/ObjectStream.ts"

/** JSON as it grows, in linear time. @since 0.1.0 */
export * as PartialJson from "./structured/decode/PartialJson.ts"

/** The form in which configurations ask for structured output. @since 0.1.0 */
export * as OutputSpec from "./structured/OutputSpec.ts"
