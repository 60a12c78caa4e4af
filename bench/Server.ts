/**
 * The stand-in model server: responses that were serialised before, over plain sockets, so that only the client is measured.
 * The first segment of the path sets the answer: `/t200-b8-l50/generate_stream` gives 200 tokens, 8 in a write, after 50 ms.
 * Every token is an HTTP chunk of its own, as model servers send it.
 *
 * Run as a process it prints its port.
 */
import * as Net from "node:net"

interface Settings {
  readonly tokens: number
  readonly burst: number
  readonly latency: number
}

/** An answer: writes in order, with the socket's backpressure between them. */
interface Answer {
  readonly writes: ReadonlyArray<Buffer>
  readonly latency: number
}

/** Mostly words; one in twenty a line break, as in prose with lists, and one in fifty beyond ASCII. */
const word = (index: number) => index % 20 === 7 ? "\n" : index % 50 === 3 ? " größer" : ` token${index % 1000}`

/** A log probability as a server prints it: the shortest digits of a 32-bit float, a different one per token. */
const logprob = (index: number) => Number(-Math.fround(((index * 7919) % 10_007) / 1237).toPrecision(8))

const text = (tokens: number) => Array.from({ length: tokens }, (_, index) => word(index)).join("")

const whole = (json: unknown): ReadonlyArray<Buffer> => {
  const body = JSON.stringify(json)
  return [Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: r\r\ncontent-length: ${
      Buffer.byteLength(body)
    }\r\n\r\n` +
      body
  )]
}

const chunk = (data: string) => {
  const event = `data:${data}\n\n`
  return `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`
}

const streamed = (events: Iterable<string>, burst: number): ReadonlyArray<Buffer> => {
  const writes = [Buffer.from(
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: r\r\ntransfer-encoding: chunked\r\n\r\n"
  )]
  let pending = ""
  let count = 0
  for (const event of events) {
    pending += chunk(event)
    if (++count % burst === 0) {
      writes.push(Buffer.from(pending))
      pending = ""
    }
  }
  writes.push(Buffer.from(`${pending}0\r\n\r\n`))
  return writes
}

const usage = (tokens: number) => ({ prompt_tokens: 8, completion_tokens: tokens, total_tokens: tokens + 8 })

const chatHead = { id: "", created: 1_700_000_000, model: "stand-in", system_fingerprint: "3.3.7-native" }

const generateEvents = function*({ tokens }: Settings) {
  for (let index = 0; index < tokens; index++) {
    const last = index === tokens - 1
    yield JSON.stringify({
      index: index + 1,
      token: { id: index % 32_000, text: word(index), logprob: logprob(index), special: false },
      generated_text: last ? text(Math.min(tokens, 1000)) : null,
      details: last ? { finish_reason: "length", generated_tokens: tokens, seed: 1, input_length: 8 } : null
    })
  }
}

const chatEvents = function*({ tokens }: Settings) {
  const head = { object: "chat.completion.chunk", ...chatHead }
  for (let index = 0; index < tokens; index++) {
    yield JSON.stringify({
      ...head,
      choices: [{
        index: 0,
        delta: { role: "assistant", content: word(index) },
        logprobs: null,
        finish_reason: index === tokens - 1 ? "length" : null
      }],
      usage: null
    })
  }
  yield JSON.stringify({ ...head, choices: [], usage: usage(tokens) })
  yield "[DONE]"
}

const routes: Readonly<Record<string, (settings: Settings, stream: boolean) => ReadonlyArray<Buffer>>> = {
  "/generate": ({ tokens }) =>
    whole({
      generated_text: text(tokens),
      details: {
        finish_reason: "length",
        generated_tokens: tokens,
        seed: 1,
        prefill: [],
        tokens: Array.from({ length: tokens }, (_, id) => ({
          id,
          text: word(id),
          logprob: logprob(id),
          special: false
        }))
      }
    }),
  "/generate_stream": (settings) => streamed(generateEvents(settings), settings.burst),
  "/v1/chat/completions": (settings, stream) =>
    stream ? streamed(chatEvents(settings), settings.burst) : whole({
      object: "chat.completion",
      ...chatHead,
      choices: [{
        index: 0,
        message: { role: "assistant", content: text(settings.tokens) },
        logprobs: null,
        finish_reason: "length"
      }],
      usage: usage(settings.tokens)
    })
}

const answers = new Map<string, Answer>()

const answerTo = (path: string, stream: boolean): Answer => {
  const key = `${path}${stream ? "#stream" : ""}`
  const known = answers.get(key)
  if (known !== undefined) return known
  const [, tokens = "", burst = "", latency = "", route = ""] = /^\/t(\d+)-b(\d+)-l(\d+)(\/[^?]*)/.exec(path) ?? []
  const make = routes[route]
  const answer = {
    latency: Number(latency),
    writes: make === undefined
      ? [Buffer.from("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")]
      : make({ tokens: Number(tokens), burst: Number(burst), latency: Number(latency) }, stream)
  }
  answers.set(key, answer)
  return answer
}

let connections = 0

const count = () => whole({ connections })

const send = (socket: Net.Socket, writes: ReadonlyArray<Buffer>, from: number): void => {
  // a response in several writes shares the loop with the others, one write per turn
  const write = writes[from]
  if (write === undefined || socket.destroyed) return
  const next = () => send(socket, writes, from + 1)
  if (!socket.write(write)) socket.once("drain", next)
  else if (from + 1 < writes.length) setImmediate(next)
}

const head = /^(\S+) (\S+) HTTP\/1.1\r\n/
const length = /\r\ncontent-length: (\d+)/i
const streaming = /"stream":\s*true/

const server = Net.createServer({ noDelay: true }, (socket) => {
  connections++
  let received = ""
  socket.setEncoding("latin1").on("error", () => undefined).on("data", (data: string) => {
    received += data
    for (;;) {
      const end = received.indexOf("\r\n\r\n")
      if (end < 0) return
      const headers = received.slice(0, end + 2)
      const size = end + 4 + Number(length.exec(headers)?.[1] ?? 0)
      if (received.length < size) return
      const body = received.slice(end + 4, size)
      received = received.slice(size)
      const path = head.exec(headers)?.[2] ?? ""
      if (path === "/connections") {
        send(socket, count(), 0)
        continue
      }
      const { latency, writes } = answerTo(path, streaming.test(body))
      if (latency === 0) send(socket, writes, 0)
      else setTimeout(send, latency, socket, writes, 0)
    }
  })
})

server.listen(0, "127.0.0.1", 4096, () => {
  const address = server.address()
  process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`)
})
