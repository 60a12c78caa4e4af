/**
 * `inference-endpoints completions`: a script for a shell, as text that never starts this program.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Program from "../terminal/Program.ts"

/** What is completed: a verb and its line in the help. */
interface Word {
  readonly name: string
  readonly summary: string
}

const scripts: Readonly<Record<string, (verbs: ReadonlyArray<Word>) => string>> = {
  bash: (verbs) =>
    `_inference_endpoints() {
  [ "$COMP_CWORD" -eq 1 ] && COMPREPLY=($(compgen -W "${
      verbs.map(({ name }) => name).join(" ")
    }" -- "\${COMP_WORDS[1]}")) || COMPREPLY=()
}
complete -o default -F _inference_endpoints inference-endpoints effect-inference-endpoints`,
  zsh: (verbs) =>
    `#compdef inference-endpoints effect-inference-endpoints
_inference_endpoints() {
  local -a verbs=(
${verbs.map(({ name, summary }) => `    '${name}:${summary.replaceAll("'", "")}'`).join("\n")}
  )
  if (( CURRENT == 2 )); then _describe 'command' verbs; else _files; fi
}
compdef _inference_endpoints inference-endpoints effect-inference-endpoints`,
  fish: (verbs) =>
    verbs.map(({ name, summary }) =>
      `complete -c inference-endpoints -n __fish_use_subcommand -a ${name} -d '${summary.replaceAll("'", "")}'`
    ).join("\n")
}

const command = (verbs: ReadonlyArray<Word>) =>
  Command.make("completions", {
    shell: Argument.Literals("shell", Object.keys(scripts)).pipe(Argument.withDescription("bash, zsh or fish"))
  }, ({ shell }) => Console.log(scripts[shell]?.(verbs) ?? "")).pipe(
    Command.withDescription("A completion script: inference-endpoints completions bash >> ~/.bashrc")
  )

/** `completions`, of these verbs. */
export const mainOf = (verbs: ReadonlyArray<Word>) => Program.make(command(verbs))
