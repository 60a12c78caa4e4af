import { assert, describe, it } from "@effect/vitest"
import { Template as Witness } from "@huggingface/jinja"
import { Arbitrary, Result, Schema } from "effect"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"

const render = (source: string, variables: Readonly<Record<string, unknown>> = {}): string =>
  Result.getOrThrow(
    Result.flatMap(ChatTemplate.compile(source), (template) => ChatTemplate.render(template, variables))
  )

const text = Arbitrary.schema(Schema.String)
const int = Arbitrary.schema(Schema.Int)
const ints = Schema.Array(Schema.Int)
const json = Schema.Json

describe("Python's laws", () => {
  it.prop("text without tags is itself, but for line ends and one last newline", { text }, ({ text }) => {
    const plain = text.replaceAll("{", "(")
    return render(plain) === plain.replace(/\r\n?/g, "\n").replace(/\n$/, "")
  })

  it.prop("a value printed is a value given, for text", { text }, ({ text }) => render("{{ x }}", { x: text }) === text)

  it.prop("tojson is read back by JSON.parse", { value: json }, ({ value }) => {
    const again: unknown = JSON.parse(render("{{ x | tojson }}", { x: value }))
    return JSON.stringify(again) === JSON.stringify(JSON.parse(JSON.stringify(value)))
  })

  it.prop(
    "floor division and rest belong together",
    { a: int, b: int },
    ({ a, b }) =>
      b === 0 || render("{{ (a // b) * b + a % b == a }}{{ b == 0 or (a % b) * b >= 0 }}", { a, b }) === "TrueTrue"
  )

  it.prop(
    "a list reversed twice is itself, and as long",
    { items: ints },
    ({ items }) => render("{{ x[::-1][::-1] == x }}{{ x | length }}", { x: items }) === `True${items.length}`
  )

  it.prop(
    "sorted lists ascend",
    { items: ints },
    ({ items }) =>
      render("{{ x | sort | join(',') }}", { x: items }) ===
        items.toSorted((a, b) => a - b).map((item) => String(item + 0)).join(",")
  )

  it.prop(
    "a slice that reaches beyond either end takes what is there",
    { items: ints, size: Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))) },
    ({ items, size }) =>
      render("{{ x[a:] }}|{{ x[:b] }}|{{ t[a:] }}", { x: items, a: -size, b: size, t: "abc" }) ===
        `[${items.slice(-size || 0).join(", ")}]|[${items.slice(0, size).join(", ")}]|${"abc".slice(-size || 0)}`
  )

  it("the last five of three items are the three", () =>
    assert.strictEqual(
      render("{{ x[-5:] }}{{ 'abc'[-5:] }}{{ range(3)[-5:] | list }}{{ (1, 2)[-5:] }}{{ x[-5:-1] }}{{ x[2:-9:-1] }}", {
        x: [1, 2, 3]
      }),
      "[1, 2, 3]abc[0, 1, 2](1, 2)[1, 2][3, 2, 1]"
    ))

  it("a slice of a range that reaches beyond either end stays within it", () =>
    assert.strictEqual(
      render(
        "{{ range(3)[:9] | list }}{{ range(3)[9::-1] | list }}{{ range(3)[:-9:-1] | list }}{{ range(3)[5:] | list }}"
      ),
      "[0, 1, 2][2, 1, 0][2, 1, 0][]"
    ))

  it.prop(
    "lengths count code points",
    { text },
    ({ text }) => render("{{ x | length }}", { x: text }) === String(Array.from(text).length)
  )

  it.prop("what was joined is split again", { items: Schema.NonEmptyArray(Schema.String) }, ({ items }) => {
    const words = items.map((item) => item.replaceAll("|", ""))
    return render("{{ x.split('|') == y }}", { x: words.join("|"), y: words }) === "True"
  })

  it.prop(
    "strip(chars) takes a set of characters from both ends",
    { text },
    ({ text }) => render("{{ (('xyx' ~ t ~ 'yy').strip('xy')) == t.strip('xy') }}", { t: text }) === "True"
  )

  it.prop(
    "rendering twice gives the same text",
    { value: json },
    ({ value }) => render("{{ x }}{{ x | string }}", { x: value }) === render("{{ x }}{{ x | string }}", { x: value })
  )
})

/** Templates on which `@huggingface/jinja` agrees with Python: both engines are witnesses of each other there. */
const common = [
  "{% for m in messages %}<|{{ m.role }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}",
  "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% elif m.role == 'system' %}({{ m.content }}){% else %} {{ m.content }} {% endif %}{% endfor %}",
  "{%- set ns = namespace(n=0) %}\n{%- for m in messages %}\n  {%- set ns.n = ns.n + 1 %}\n  {{- ns.n ~ ': ' ~ m.content }}\n{%- endfor %}",
  "{% if messages[0].role == 'system' %}{% set rest = messages[1:] %}{% else %}{% set rest = messages %}{% endif %}{% for m in rest %}{{ loop.index }}{{ m.role | upper }}{% if not loop.last %},{% endif %}{% endfor %}"
]
const Message = Schema.Struct({ role: Schema.Literals(["system", "user", "assistant"]), content: Schema.String })

describe("@huggingface/jinja and this engine agree where the former is right", () => {
  it.prop(
    "on plain conversations",
    { messages: Schema.NonEmptyArray(Message) },
    ({ messages }) =>
      common.every((source) => {
        const variables = { messages, bos_token: "<s>" }
        return render(source, variables) === new Witness(source).render(variables)
      })
  )
})

describe("white space", () => {
  it("of a CRLF template is that of an LF one", () =>
    assert.strictEqual(render("{% if true %}\r\na\r\n{% endif %}\r\n"), "a\n"))
  it("of literal text inside strings is left alone", () => assert.strictEqual(render("{{ '%}\n' }}x"), "%}\nx"))
})
