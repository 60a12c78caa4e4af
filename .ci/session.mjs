// Records docs/session.md: what a terminal shows of the commands below, run by the bin of the last build against servers that
// it simulates itself. `npm run build && node .ci/session.mjs` rewrites it.
import { spawn } from "@lydell/node-pty"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stripVTControlCharacters } from "node:util"

const root = new URL("..", import.meta.url).pathname
const bin = join(root, "dist/bundle/cli.js")
const folder = mkdtempSync(join(tmpdir(), "session-"))
const env = {
  ...process.env,
  HF_TOKEN: "hf_any",
  INFERENCE_PROXY_KEY: "my-key",
  HF_ENDPOINT: "http://127.0.0.1:8080",
  INFERENCE_ROUTER_URL: "http://127.0.0.1:8080",
  INFERENCE_MANAGEMENT_URL: "http://127.0.0.1:8080/v2"
}

writeFileSync(
  join(folder, "user.json"),
  `${JSON.stringify({ type: "object", properties: { id: { type: "integer" } }, required: ["id"] })}\n`
)

/** What is typed, what is shown, and why it is in the page. */
const steps = [
  [
    "A platform to try everything on, whose endpoints sleep like real ones.",
    "inference-endpoints simulate --platform --port 8080 --start-time 3 --per-token 20",
    "background"
  ],
  ["Listing endpoints.", "inference-endpoints endpoints list --namespace simulator"],
  [
    "A prompt for an endpoint that sleeps: it is woken, with a notice.",
    "inference-endpoints generate \"Why is the sky blue?\" --endpoint asleep --namespace simulator --max-new-tokens 24"
  ],
  [
    "Piped input is appended to the prompt.",
    "echo 'one two three' | inference-endpoints generate \"Count the words:\" --endpoint awake --namespace simulator --max-new-tokens 12"
  ],
  [
    "A value that fits a schema.",
    "inference-endpoints generate \"A user\" --endpoint awake --namespace simulator --schema user.json"
  ],
  ["Who serves a model, at what price.", "inference-endpoints models simulator/chat"],
  ["Checking the setup.", "inference-endpoints doctor --endpoint awake --namespace simulator"],
  ["The hardware that endpoints can run on.", "inference-endpoints endpoints hardware --namespace simulator"],
  [
    "Pausing asks first, unless `--yes` says so.",
    "inference-endpoints endpoints pause awake --namespace simulator --yes"
  ],
  [
    "A port for other programs, in front of the one that is paused.",
    "inference-endpoints proxy --endpoint paused --namespace simulator --port 8000",
    "background"
  ],
  [
    "Any client of OpenAI's API is held while it wakes.",
    "curl -s http://127.0.0.1:8000/v1/chat/completions -H 'authorization: Bearer my-key' -d '{\"model\":\"paused\",\"max_tokens\":12,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}'"
  ],
  [
    "Listing models does not wake an endpoint.",
    "curl -s http://127.0.0.1:8000/v1/models -H 'authorization: Bearer my-key'"
  ]
]

const run = (command) =>
  new Promise((resolve) => {
    let text = ""
    const shell = spawn("bash", ["-c", `inference-endpoints() { "${process.execPath}" "${bin}" "$@"; }; ${command}`], {
      cols: 120,
      rows: 40,
      cwd: folder,
      env
    })
    shell.onData((data) => {
      text += data
    })
    const shown = () => stripVTControlCharacters(text).replaceAll("\r\n", "\n").trimEnd()
    shell.onExit(() => resolve({ text: shown(), shell }))
    running.push(shell)
    if (background) setTimeout(() => resolve({ text: shown(), shell }), 3000)
  })

const running = []
let background = false
const blocks = []
try {
  for (const [why, command, how] of steps) {
    background = how === "background"
    const { text } = await run(command)
    blocks.push(`${why}\n\n\`\`\`text\n$ ${command}${background ? " &" : ""}\n${text}\n\`\`\`\n`)
  }
} finally {
  for (const shell of running) {
    try {
      // the shell and what it started
      process.kill(-shell.pid, "SIGTERM")
    } catch {
      // it has ended
    }
  }
  rmSync(folder, { recursive: true, force: true })
}

const version = execFileSync(process.execPath, [bin, "--version"], { encoding: "utf8" }).trim()
writeFileSync(
  join(root, "docs/session.md"),
  `# A session in a terminal

Recorded by \`node .ci/session.mjs\` with ${version}: what a terminal shows, against servers that the command simulates itself. No model
answered; the words are the simulator's.

${blocks.join("\n")}`
)
process.exit(0)
