/**
 * What a chat template does in minijinja, the engine with which TGI renders its chat route: as seen in the template's text.
 *
 * Of 154 real templates five stopped the router of TGI 3.3.7 at its start; of 346 conversations 258 were rendered as in
 * Python, 67 differed in white space only, 5 in more, and 16 failed. A prompt that is rendered here and sent to `/generate`
 * is not affected.
 *
 * @since 0.2.0
 */

/**
 * `stops`: the server does not start with this template. `fails`: requests that reach the place are refused. `differs`: the
 * text differs from Python's.
 *
 * @category models
 * @since 0.2.0
 */
export interface Finding {
  readonly effect: "stops" | "fails" | "differs"
  /** The feature of the template that has the effect, in words. */
  readonly feature: string
  /** The first line of the template where it occurs, counted from 1. */
  readonly line: number
}

interface Trait {
  readonly effect: Finding["effect"]
  readonly feature: string
  readonly pattern: RegExp
}

/** From the router of TGI 3.3.7 with minijinja 2.8: without `trim_blocks` and `lstrip_blocks`, with its own `tojson`. */
const traits: ReadonlyArray<Trait> = [
  {
    effect: "stops",
    feature:
      "a generation tag in a form other than `{% generation %}` and `{% endgeneration %}`, the only ones that are removed",
    pattern: /\{%(?! generation %\}| endgeneration %\})[-+]?\s*(?:end)?generation\s*[-+]?%\}/
  },
  {
    effect: "fails",
    feature: "tojson with separators, sort_keys or ensure_ascii",
    pattern: /\|\s*tojson\s*\([^)]*\b(?:separators|sort_keys|ensure_ascii)\s*=/
  },
  {
    effect: "differs",
    feature: "the line end after a block tag stays (no trim_blocks)",
    pattern: /[^-\s]\s*%\}\n/
  },
  {
    effect: "differs",
    feature: "whitespace before a block tag on its own line stays (no lstrip_blocks)",
    pattern: /^[ \t]+\{%(?!-)/m
  },
  {
    effect: "differs",
    feature:
      "the caller's variables are undefined: only messages, tools, bos_token, eos_token and add_generation_prompt exist",
    pattern: /\b(?:enable_thinking|thinking_budget|reasoning_effort|documents|date_string|builtin_tools|custom_tools)\b/
  },
  {
    effect: "differs",
    feature: "the calls of a message arrive as JSON text in its content, not as tool_calls",
    pattern: /\btool_calls\b/
  },
  {
    effect: "differs",
    feature: "tojson writes no spaces and escapes < > & and '",
    pattern: /\|\s*tojson\b/
  },
  {
    effect: "differs",
    feature:
      "tools arrive in another form: keys in alphabetical order, parameters renamed to arguments and written as text",
    pattern: /\btools\b/
  }
]

/**
 * What is known about a template's behaviour there, the worst first. An empty list does not prove that it renders the
 * same text.
 *
 * @category accessors
 * @since 0.2.0
 */
export const findings = (source: string): ReadonlyArray<Finding> =>
  traits.flatMap(({ effect, feature, pattern }) => {
    const at = source.search(pattern)
    return at < 0 ? [] : [{ effect, feature, line: source.slice(0, at).split("\n").length }]
  })
