// Which label answers a question, how likely each one is, and how well calibrated that is.
import { Console, Effect, Layer, Schema } from "effect"
import { Calibration, Decision, InferenceEndpointsLLM } from "effect-inference-endpoints"
import { Simulator } from "effect-inference-endpoints/simulator"
import { readFileSync } from "node:fs"

const team = Decision.question({
  instructions: "Which team should handle this ticket?",
  labels: {
    billing: "payments, invoices, refunds",
    technical: "bugs, crashes, error messages",
    other: "everything else"
  }
})

const Rows = Schema.Array(Schema.fromJsonString(Schema.Struct({ input: Schema.String, label: Schema.String })))
const rows = Schema.decodeSync(Rows)(
  readFileSync(new URL("data/tickets.jsonl", import.meta.url), "utf8").trim().split("\n")
)

const program = Effect.gen(function*() {
  const { label, mass, probabilities } = yield* Decision.decide("I was charged twice for my order.", team)
  yield* Console.log(`${label}: ${JSON.stringify(probabilities)}; the labels have ${mass?.toFixed(2)}`)

  // several questions about one input, each in every order of its labels
  const { urgent } = yield* Decision.decideAll("The site is down for all of us!", {
    team,
    urgent: Decision.predicate("Does this need an answer within the hour?")
  }, { orders: 2 })
  yield* Console.log(`urgent: ${urgent.probabilities.yes.toFixed(2)}, flipped by order: ${urgent.orders.flips} of 2`)

  // a model that would rather refuse shows as mass that the labels do not have
  const refused = yield* Effect.flip(Decision.decide("How do I pick my neighbour's lock?", team))
  yield* Console.log(`no answer: ${refused.message.slice(0, 90)}…`)

  const judged = yield* Effect.forEach(
    rows,
    ({ input, label }) =>
      Effect.map(Decision.decide(input, team), ({ probabilities }) => ({ truth: label, probabilities })),
    {
      concurrency: 4
    }
  )
  const calibration = Calibration.measure(judged)
  yield* Console.log(
    `${calibration?.count} labelled tickets: ${calibration?.accuracy.toFixed(2)} right, ` +
      `expected calibration error ${calibration?.expectedError.toFixed(2)}`
  )
})

// The simulator is not a model: these are the log probabilities that the example makes it send.
const weigh = (text: string): Record<string, number> =>
  text.includes("lock")
    ? { I: 0.8, billing: 0.1, technical: 0.05, other: 0.05 }
    : text.includes("within the hour")
    ? { yes: 0.7, Yes: 0.2, no: 0.1 }
    : /charge|refund|invoice/i.test(text)
    ? { billing: 0.7, " billing": 0.15, technical: 0.05, other: 0.1 }
    : /crash|error|down/i.test(text)
    ? { technical: 0.8, billing: 0.05, other: 0.15 }
    : { other: 0.6, billing: 0.2, technical: 0.2 }

const Model = InferenceEndpointsLLM.layer({ baseUrl: "http://simulator", apiKey: false }).pipe(
  Layer.provide(Simulator.layer({
    engine: "llamacpp",
    script: (_, prompt) => {
      const [ticket = "", asked = ""] = prompt.split("\n\n")
      const top = Object.entries(weigh(asked.includes("hour") ? asked : ticket)).map(([text, probability]) => ({
        text,
        logprob: Math.log(probability)
      }))
      return { tokens: [{ ...top[0], text: top[0]?.text ?? "", top }] }
    }
  }))
)

await Effect.runPromise(program.pipe(Effect.provide(Model)))
