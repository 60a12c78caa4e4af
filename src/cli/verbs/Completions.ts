/**
 * `inference-endpoints completions`: a script for a shell, as text that never starts this program.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Program from "../Program.ts"
import * as Verbs from "../Verbs.ts"

const names = () => Verbs.all.map(({ name }) => name).join(" ")

const scripts: Readonly<Record<string, () => string>> = {
  bash: () =>
    `_inference_endpoints() {
  [ "$COMP_CWORD" -eq 1 ] && COMPREPLY=($(compgen -W "${names()}" -- "\${COMP_WORDS[1]}")) || COMPREPLY=()
}
complete -o default -F _inference_endpoints inference-endpoints effect-inference-endpoints`,
  zsh: () =>
    `#compdef inference-endpoints effect-inference-endpoints
_inference_endpoints() {
  local -a verbs=(
${Verbs.all.map(({ name, summary }) => `    '${name}:${summary.replaceAll("'", "")}'`).join("\n")}
  )
  if (( CURRENT == 2 )); then _describe 'command' verbs; else _files; fi
}
compdef _inference_endpoints inference-endpoints effect-inference-endpoints`,
  fish: () =>
    Verbs.all.map(({ name, summary }) =>
      `complete -c inference-endpoints -n __fish_use_subcommand -a ${name} -d '${summary.replaceAll("'", "")}'`
    ).join("\n")
}

const command = Command.make("completions", {
  shell: Argument.Literals("shell", Object.keys(scripts)).pipe(Argument.withDescription("bash, zsh or fish"))
}, ({ shell }) => Console.log(scripts[shell]?.() ?? "")).pipe(
  Command.withDescription("A completion script: inference-endpoints completions bash >> ~/.bashrc")
)

/** `completions`. */
export const main = Program.make(command)
