import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeTransport from "../../dist/node/NodeTransport.js"
import * as TgiClient from "../../dist/transport/TgiClient.js"

const call = TgiClient.TgiClient.use((client) => client.generate({ inputs: "Hello" })).pipe(
  Effect.provide(TgiClient.layer({ url: process.argv[2] }).pipe(Layer.provide(NodeTransport.layer)))
)
const { value } = await Effect.runPromise(call)
if (!value.generated_text) process.exitCode = 1
process.exit()
