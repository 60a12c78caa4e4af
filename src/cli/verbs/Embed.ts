/**
 * `inference-endpoints embed`: texts to vectors.
 *
 * @since 0.2.0
 */
import * as EmbeddingModel from "effect/ai/EmbeddingModel"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as HuggingFaceEmbeddingModel from "../../ai/HuggingFaceEmbeddingModel.ts"
import * as NodeInferenceEndpoints from "../../node/NodeInferenceEndpoints.ts"
import { yes } from "../input/Flags.ts"
import * as Input from "../input/Input.ts"
import * as Target from "../input/Target.ts"
import * as Json from "../terminal/Json.ts"
import * as Notice from "../terminal/Notice.ts"
import * as Program from "../terminal/Program.ts"

const flags = {
  texts: Argument.String("text").pipe(
    Argument.withDescription("Each argument is a text; - reads one per line from standard input"),
    Argument.variadic()
  ),
  lines: yes("lines", "One text per line of standard input"),
  target: Target.flags
}

const layer = (target: Target.Target) =>
  Layer.unwrap(
    Effect.map(Target.optionsOf(target), (options) =>
      HuggingFaceEmbeddingModel.layer<HuggingFaceEmbeddingModel.LayerOptions>(options).pipe(
        Layer.provide(NodeInferenceEndpoints.platform())
      ))
  )

const command = Command.make("embed", flags, ({ lines, target, texts }) =>
  Effect.gen(function*() {
    const piped = lines || texts.includes("-") || texts.length === 0
    const inputs = [
      ...texts.filter((text) => text !== "-"),
      ...(piped ? (yield* Input.stdin).split("\n").filter((line) => line !== "") : [])
    ]
    const model = yield* EmbeddingModel.EmbeddingModel
    const { embeddings, usage } = yield* model.embedMany(inputs)
    for (const [index, { vector }] of embeddings.entries()) {
      yield* Console.log(Json.line({ index, text: inputs[index], vector }))
    }
    yield* Notice.say(`${embeddings.length} vectors, ${usage.inputTokens ?? "an unknown number of"} tokens`)
  }).pipe(Effect.provide(layer(target)))).pipe(
    Command.withDescription("Texts to vectors, one JSON line each, on an endpoint that embeds"),
    Command.withExamples([{ command: "inference-endpoints embed \"a text\" \"another\" -u http://localhost:8080" }, {
      command: "cat texts.txt | inference-endpoints embed --lines --endpoint my-embedder"
    }])
  )

/** `embed`. */
export const main = Program.make(command)
