import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"

const reasonOf = (source: string): string => {
  const rendered = Result.flatMap(ChatTemplate.compile(source), (template) => ChatTemplate.render(template, {}))
  return Result.isSuccess(rendered) ? "rendered" : rendered.failure.reason._tag
}

const grow = (step: string) =>
  `{% set ns = namespace(s='xx', l=[1]) %}{% for i in range(99) %}{% set ${step} %}{% endfor %}{{ ns.l }}`

const stopped: ReadonlyArray<readonly [string, string]> = [
  ["a source of more than 256 KiB", "a".repeat(262_145)],
  ["nested loops without a body", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"],
  ["a macro that forks", "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"],
  ["a macro that never ends", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"],
  ["a recursive loop that never ends", "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}"],
  ["a range of a billion", "{{ range(1000000000) | list }}"],
  ["a string doubled by ~", grow("ns.s = ns.s ~ ns.s")],
  ["a string doubled by +", grow("ns.s = ns.s + ns.s")],
  ["a string doubled by replace", grow("ns.s = ns.s | replace('x', 'xx')")],
  ["a list that holds itself twice, printed", grow("ns.l = [ns.l, ns.l]")],
  [
    "lists that hold themselves twice, compared",
    `{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}`
  ],
  [
    "a list nested too deeply to print",
    "{% set ns = namespace(l=[1]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}"
  ],
  ["a tower of powers", "{{ 2 ** 1000000000 }}"],
  ["a padded string", "{{ 'a'.ljust(1000000000) }}"],
  ["a padded number", "{{ '%1000000000d' % 1 }}"],
  ["a repeated list", "{{ [1] * 1000000000 }}"],
  ["a long output", "{% set s = 'a' * 1000000 %}{% for i in range(99) %}{{ s }}{% endfor %}"],
  [
    "a search repeated over a long string",
    "{% set s = 'a' * 8000000 %}{% for i in range(99999) %}{% set n = s.count('b') %}{% endfor %}"
  ],
  ["fifty thousand parentheses", `{{ ${"(".repeat(50_000)}1${")".repeat(50_000)} }}`],
  ["fifty thousand filters", `{{ 'a'${"|e".repeat(50_000)} }}`],
  ["fifty thousand attributes", `{{ a${".b".repeat(50_000)} }}`],
  ["twenty thousand nested ifs", "{% if 1 %}".repeat(20_000)]
]

/** Ways to make a long string out of a long one, none of which is too long by itself and none of which is written out. */
const builders: ReadonlyArray<readonly [string, string]> = [
  ["~", "s ~ 'b'"],
  ["+", "s + 'b'"],
  ["*", "s * 2"],
  ["%", "'%s' % s"],
  ["replace", "s | replace('b', 'c')"],
  ["join", "[s, s] | join"],
  ["the method join", "'-'.join([s, s])"],
  ["upper", "s | upper"],
  ["a slice", "s[1:]"],
  ["indent", "s | indent"],
  ["tojson", "s | tojson"],
  ["string of a list", "[s] | string"],
  ["format", "'{}'.format(s)"],
  ["strip", "s.strip('b')"],
  ["split", "s.split('b')"],
  ["ljust", "s.ljust(1500000)"],
  ["escape", "s | escape"],
  ["a macro", "m(s)"]
]

const repeated = (times: number, body: string): string =>
  "{% macro m(x) %}{{ x }}{% endmacro %}{% set s = 'a' * 1000000 %}" +
  `{% for i in range(${times}) %}${body}{% endfor %}`

describe("building a string is paid for by its length:", () => {
  it.effect.each([
    ...builders.map(([name, expression]) => [name, `{% set n = ${expression} %}`] as const),
    ["a set block", "{% set n %}{{ s }}{% endset %}"] as const
  ])("%s", ([, body]) =>
    Effect.sync(() => {
      assert.strictEqual(reasonOf(repeated(1, body)), "rendered")
      assert.strictEqual(reasonOf(repeated(1000, body)), "TooMuchWork")
    }))
})

/** Ways to make a string beyond the limit of 8 388 608 characters out of a shorter one, that little work suffices for. */
const oversized: ReadonlyArray<readonly [string, string]> = [
  ["~", "{% set n = s ~ s %}"],
  ["+", "{% set n = s + s %}"],
  ["*", "{% set n = s * 2 %}"],
  ["%", "{% set n = '%s%s' % (s, s) %}"],
  ["replace", "{% set n = s | replace('b', 'c' * 1000) %}"],
  ["the method replace", "{% set n = s.replace('b', 'c' * 1000) %}"],
  ["join", "{% set n = [s, s] | join %}"],
  ["a separator of join", "{% set n = [1, 1, 1] | join(s) %}"],
  ["the method join", "{% set n = s.join(['', '', '']) %}"],
  ["string of a list", "{% set n = [s, s] | string %}"],
  ["tojson", "{% set n = [s, s] | tojson %}"],
  ["format", "{% set n = '{}{}'.format(s, s) %}"],
  ["indent", "{% set n = 'a\n\na' | indent(s) %}"],
  ["ljust", "{% set n = 'a'.ljust(9000000) %}"],
  ["center", "{% set n = 'a' | center(9000000) %}"],
  ["a macro", "{% macro m() %}{{ s }}{{ s }}{% endmacro %}{% set n = m() %}"],
  ["a set block", "{% set n %}{{ s }}{{ s }}{% endset %}"]
]

describe("a string beyond the limit is refused though nobody writes it out:", () => {
  it.effect.each(oversized)("%s", ([, body]) =>
    Effect.gen(function*() {
      const source = `{% set s = ('a' * 999 ~ 'b') * 5000 %}${body}`
      const rendered = Result.flatMap(ChatTemplate.compile(source), (template) => ChatTemplate.render(template, {}))
      const { reason } = yield* Effect.flip(Effect.fromResult(rendered))
      assert.strictEqual(reason._tag, "TooMuchWork")
      assert.match(reason.message, /grew beyond 8388608 characters/)
    }))
})

describe("a hostile template ends as TooMuchWork:", () => {
  it.effect.each(stopped)("%s", ([, source]) => Effect.sync(() => assert.strictEqual(reasonOf(source), "TooMuchWork")))
})

const harmless: ReadonlyArray<readonly [string, string, string]> = [
  ["a quarter of a million blanks in a tag", `{%${" ".repeat(250_000)}if 1 %}x{% endif %}`, "rendered"],
  ["a quarter of a million blanks before a tag", `${" ".repeat(250_000)}{% if 1 %}x{% endif %}`, "rendered"],
  ["fifty thousand open raw tags", `{% raw %}${"{% ".repeat(50_000)}`, "InvalidTemplate"],
  [
    "six thousand branches with a name each",
    Array.from({ length: 6000 }, (_, i) => `{% if x %}{% set a${i} = 1 %}{% endif %}`).join(""),
    "rendered"
  ],
  ["fifty thousand additions", `{{ 1${"+1".repeat(50_000)} }}`, "rendered"]
]

describe("what only looks hostile is handled in linear time:", () => {
  it.effect.each(harmless)(
    "%s",
    ([, source, outcome]) => Effect.sync(() => assert.strictEqual(reasonOf(source), outcome))
  )
})

describe("the sandbox", () => {
  it.effect.each([
    "''.__class__.__mro__",
    "messages.constructor.constructor('return 1')()",
    "[].__init__.__globals__",
    "range.__self__.x",
    "'{0.__class__.__mro__}'.format(1)",
    "cycler.__init__.__globals__",
    "{}.update({'a': 1})",
    "[1].pop()"
  ])(
    "refuses %s",
    (expression) => Effect.sync(() => assert.strictEqual(reasonOf(`{{ ${expression} }}`), "RenderError"))
  )

  it.effect("keeps keys named like JavaScript's own as plain data", () =>
    Effect.gen(function*() {
      const template = yield* Effect.fromResult(
        ChatTemplate.compile("{{ d.__proto__ }}{{ d['constructor'] }}{{ d | tojson }}")
      )
      const text = yield* Effect.fromResult(
        ChatTemplate.render(template, { d: JSON.parse("{\"__proto__\": 1, \"constructor\": 2}") })
      )
      assert.strictEqual(text, "12{\"__proto__\": 1, \"constructor\": 2}")
      assert.isUndefined(Object.getOwnPropertyDescriptor(Object.prototype, "a"))
    }))
})
