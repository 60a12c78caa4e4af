import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as InferenceEndpointsLLM from "../../dist/InferenceEndpointsLLM.js"
import * as NodeTransport from "../../dist/node/NodeTransport.js"

const call = InferenceEndpointsLLM.InferenceEndpointsLLM.use((llm) => llm.generate("Hello")).pipe(
  Effect.provide(
    InferenceEndpointsLLM.layer({ baseUrl: process.argv[2], engine: "tgi", apiKey: false }).pipe(
      Layer.provide(NodeTransport.layer)
    )
  )
)
const { generations } = await Effect.runPromise(call)
if (!generations[0].text) process.exitCode = 1
process.exit()
