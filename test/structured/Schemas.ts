/**
 * Schemas in the manner of the programs that people bring them from, each with what becomes of it on each engine: what is
 * not enforced and what cannot be written, by keyword. `refused` says where and by which keyword.
 */
export interface Known {
  readonly name: string
  readonly schema: Readonly<Record<string, unknown>>
  readonly valid: ReadonlyArray<unknown>
  readonly invalid: ReadonlyArray<unknown>
}

const object = (properties: Readonly<Record<string, unknown>>, required = Object.keys(properties), more = {}) => ({
  type: "object",
  properties,
  required,
  ...more
})
const closed = { additionalProperties: false }
const string = { type: "string" }
const integer = { type: "integer" }
const number = { type: "number" }
const boolean = { type: "boolean" }
const nullable = (schema: unknown) => ({ anyOf: [schema, { type: "null" }] })
const array = (items: unknown, more = {}) => ({ type: "array", items, ...more })
const ref = (name: string, at = "$defs") => ({ $ref: `#/${at}/${name}` })
const position = array(number, { minItems: 2, maxItems: 3 })

const pydantic: ReadonlyArray<Known> = [
  {
    name: "pydantic: a model with titles",
    schema: object({ name: { title: "Name", ...string }, age: { title: "Age", ...integer } }, ["name", "age"], {
      title: "User"
    }),
    valid: [{ name: "a", age: 1 }],
    invalid: [{ name: "a" }, { name: 1, age: 1 }]
  },
  {
    name: "pydantic: Optional with a default",
    schema: object({ name: string, nick: { ...nullable(string), default: null, title: "Nick" } }, ["name"]),
    valid: [{ name: "a" }, { name: "a", nick: null }, { name: "a", nick: "b" }],
    invalid: [{ nick: "b" }]
  },
  {
    name: "pydantic: nested models under $defs",
    schema: {
      ...object({ home: ref("Address"), work: { anyOf: [ref("Address"), { type: "null" }], default: null } }, ["home"]),
      $defs: { Address: object({ city: string, zip: string }, ["city"]) }
    },
    valid: [{ home: { city: "x" } }, { home: { city: "x", zip: "1" }, work: { city: "y" } }],
    invalid: [{ home: {} }, { home: "x" }]
  },
  {
    name: "pydantic: Literal and Enum",
    schema: {
      ...object({ mode: { const: "fast", ...string }, color: ref("Color") }),
      $defs: { Color: { enum: ["red", "green"], title: "Color", ...string } }
    },
    valid: [{ mode: "fast", color: "red" }],
    invalid: [{ mode: "slow", color: "red" }, { mode: "fast", color: "blue" }]
  },
  {
    name: "pydantic: set[int]",
    schema: object({ ids: array(integer, { uniqueItems: true }) }),
    valid: [{ ids: [1, 2] }],
    invalid: [{ ids: ["a"] }]
  },
  {
    name: "pydantic: bytes",
    schema: object({ data: { ...string, format: "binary" } }),
    valid: [{ data: "x" }],
    invalid: [{ data: 1 }]
  },
  {
    name: "pydantic: dict[str, Any]",
    schema: object({ meta: { type: "object", additionalProperties: true } }),
    valid: [{ meta: {} }, { meta: { a: 1, b: "x" } }],
    invalid: [{ meta: [] }]
  },
  {
    name: "pydantic: dict[str, int]",
    schema: object({ counts: { type: "object", additionalProperties: integer } }),
    valid: [{ counts: { a: 1 } }, { counts: {} }],
    invalid: [{ counts: { a: "x" } }]
  },
  {
    name: "pydantic: Field(ge, le, multiple_of)",
    schema: object({ n: { ...integer, minimum: 0, maximum: 1000, multipleOf: 5 } }),
    valid: [{ n: 5 }, { n: 1000 }],
    invalid: [{ n: "x" }]
  },
  {
    name: "pydantic: constr with a pattern",
    schema: object({ code: { ...string, pattern: "^[A-Z]{3}\\d{2}$" } }),
    valid: [{ code: "ABC12" }],
    invalid: [{ code: "abc12" }, { code: "ABC1" }]
  },
  {
    name: "pydantic: a tuple",
    schema: object({ pair: { type: "array", prefixItems: [string, integer], minItems: 2, maxItems: 2 } }),
    valid: [{ pair: ["a", 1] }],
    invalid: [{ pair: [1, "a"] }, { pair: ["a"] }]
  },
  {
    name: "pydantic: a discriminated union",
    schema: {
      ...object({
        pet: {
          discriminator: { propertyName: "kind", mapping: { cat: "#/$defs/Cat", dog: "#/$defs/Dog" } },
          oneOf: [ref("Cat"), ref("Dog")]
        }
      }),
      $defs: {
        Cat: object({ kind: { const: "cat" }, lives: integer }),
        Dog: object({ kind: { const: "dog" }, good: boolean })
      }
    },
    valid: [{ pet: { kind: "cat", lives: 9 } }, { pet: { kind: "dog", good: true } }],
    invalid: [{ pet: { kind: "cow" } }]
  },
  {
    name: "pydantic: a recursive model",
    schema: {
      ...ref("Node"),
      $defs: { Node: object({ value: integer, children: array(ref("Node")) }, ["value"]) }
    },
    valid: [{ value: 1 }, { value: 1, children: [{ value: 2 }] }],
    invalid: [{ children: [] }, { value: "x" }]
  },
  {
    name: "pydantic: extra forbid",
    schema: object({ a: string }, ["a"], closed),
    valid: [{ a: "x" }],
    invalid: [{ a: "x", b: 1 }]
  },
  {
    name: "pydantic: datetime, date, UUID, EmailStr",
    schema: object({
      at: { ...string, format: "date-time" },
      on: { ...string, format: "date" },
      id: { ...string, format: "uuid" },
      mail: { ...string, format: "email" }
    }),
    valid: [{
      at: "2024-02-29T12:00:00Z",
      on: "2024-02-29",
      id: "123e4567-e89b-12d3-a456-426614174000",
      mail: "a@example.com"
    }],
    invalid: [{ at: "now", on: "2024-02-29", id: "1", mail: "a" }]
  },
  {
    name: "pydantic: Decimal",
    schema: object({ price: { anyOf: [number, { ...string, pattern: "^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$" }] } }),
    valid: [{ price: 1.5 }, { price: "1.50" }],
    invalid: [{ price: true }]
  }
]

const zod: ReadonlyArray<Known> = [
  {
    name: "zod: .min(1)",
    schema: object({ title: { ...string, minLength: 1 } }, ["title"], closed),
    valid: [{ title: "a \"quoted\"\nline" }],
    invalid: [{ title: "" }]
  },
  {
    name: "zod: .max(20)",
    schema: object({ title: { ...string, maxLength: 20 } }, ["title"], closed),
    valid: [{ title: "short" }],
    invalid: [{ title: "a title of more than twenty" }]
  },
  {
    name: "zod: .min(2).max(500)",
    schema: object({ body: { ...string, minLength: 2, maxLength: 500 } }, ["body"], closed),
    valid: [{ body: "ab" }],
    invalid: [{ body: 1 }]
  },
  {
    name: "zod: .startsWith()",
    schema: object({ key: { ...string, format: "starts_with", pattern: "^sk-.*" } }, ["key"], closed),
    valid: [{ key: "sk-1" }],
    invalid: [{ key: "x" }]
  },
  {
    name: "zod: .cuid()",
    schema: object({ id: { ...string, format: "cuid", pattern: "^[cC][^\\s-]{8,}$" } }, ["id"], closed),
    valid: [{ id: "cjld2cjxh0000" }],
    invalid: [{ id: "x" }]
  },
  {
    name: "zod: .int().min(1.5)",
    schema: object({ n: { ...integer, minimum: 1.5 } }, ["n"], closed),
    valid: [{ n: 2 }],
    invalid: [{ n: "x" }]
  },
  {
    name: "zod: .uuid() with its own pattern",
    schema: object(
      {
        id: {
          ...string,
          format: "uuid",
          pattern: "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$"
        }
      },
      ["id"],
      closed
    ),
    valid: [{ id: "123e4567-e89b-12d3-a456-426614174000" }],
    invalid: [{ id: "123" }]
  },
  {
    name: "zod: z.record(z.any())",
    schema: object({ meta: { type: "object", propertyNames: string, additionalProperties: {} } }, ["meta"], closed),
    valid: [{ meta: { a: 1 } }],
    invalid: [{ meta: 1 }]
  },
  {
    name: "zod: z.any()",
    schema: object({ value: {} }, ["value"], closed),
    valid: [{ value: 1 }, { value: "x" }, { value: [1] }],
    invalid: [{}]
  },
  {
    name: "zod: .optional()",
    schema: object({ a: string, b: number }, ["a"], closed),
    valid: [{ a: "x" }, { a: "x", b: 1 }],
    invalid: [{ b: 1 }]
  },
  {
    name: "zod: .nullable()",
    schema: object({ a: { type: ["string", "null"] } }, ["a"], closed),
    valid: [{ a: null }, { a: "x" }],
    invalid: [{ a: 1 }]
  },
  {
    name: "zod: an intersection",
    schema: { allOf: [object({ a: string }), object({ b: number })] },
    valid: [{ a: "x", b: 1 }],
    invalid: [{ a: "x" }, { b: 1 }]
  },
  {
    name: "zod: a union of literals",
    schema: object({ a: { anyOf: [{ const: 1 }, { const: "x" }, { const: null }] } }, ["a"], closed),
    valid: [{ a: 1 }, { a: null }],
    invalid: [{ a: 2 }]
  },
  {
    name: "zod: a tuple with a rest",
    schema: object({ a: { type: "array", prefixItems: [string], items: number, minItems: 1 } }, ["a"], closed),
    valid: [{ a: ["x"] }, { a: ["x", 1, 2] }],
    invalid: [{ a: [] }]
  },
  {
    name: "zod: .positive()",
    schema: object({ n: { ...number, exclusiveMinimum: 0 } }, ["n"], closed),
    valid: [{ n: 0.5 }],
    invalid: [{ n: "x" }]
  },
  {
    name: "zod: a list at the root",
    schema: array(object({ a: string }, ["a"], closed)),
    valid: [[], [{ a: "x" }]],
    invalid: [[1], {}]
  }
]

const openapi: ReadonlyArray<Known> = [
  {
    name: "OpenAPI: inheritance by allOf",
    schema: {
      allOf: [{ $ref: "#/components/schemas/Base" }, object({ bark: boolean })],
      components: { schemas: { Base: object({ id: { ...integer, format: "int64" } }) } }
    },
    valid: [{ id: 1, bark: true }],
    invalid: [{ id: 1 }, { bark: true }]
  },
  {
    name: "OpenAPI: nullable",
    schema: object({ a: { ...string, nullable: true } }),
    valid: [{ a: null }, { a: "x" }],
    invalid: [{ a: 1 }]
  },
  {
    name: "OpenAPI: formats byte, int32, float, password",
    schema: object({
      a: { ...string, format: "byte" },
      b: { ...integer, format: "int32" },
      c: { ...number, format: "float" },
      d: { ...string, format: "password" }
    }),
    valid: [{ a: "aGk=", b: 1, c: 1.5, d: "x" }],
    invalid: [{ a: 1, b: 1, c: 1, d: "x" }]
  },
  {
    name: "OpenAPI: a reference with an escape",
    schema: {
      ...object({ a: { $ref: "#/components/schemas/a~1b%20c" } }),
      components: { schemas: { "a/b c": integer } }
    },
    valid: [{ a: 1 }],
    invalid: [{ a: "x" }]
  },
  {
    name: "OpenAPI: exclusive bounds as flags",
    schema: object({ n: { ...integer, minimum: 0, exclusiveMinimum: true, maximum: 3 } }),
    valid: [{ n: 1 }, { n: 3 }],
    invalid: [{ n: 0 }]
  },
  {
    name: "OpenAPI: oneOf with required alternatives",
    schema: object({ a: string, b: string }, [], { oneOf: [{ required: ["a"] }, { required: ["b"] }] }),
    valid: [{ a: "x" }, { b: "x" }],
    invalid: [{}]
  },
  {
    name: "OpenAPI: x- keys by pattern",
    schema: object({ name: string }, ["name"], { patternProperties: { "^x-": {} }, ...closed }),
    valid: [{ name: "a" }],
    invalid: [{}]
  },
  {
    name: "OpenAPI: a free-form object",
    schema: object({ payload: { type: "object" } }),
    valid: [{ payload: {} }, { payload: { a: "x" } }],
    invalid: [{ payload: 1 }]
  },
  {
    name: "OpenAPI: an enum beside nullable",
    schema: object({ a: { ...string, enum: ["x", null], nullable: true } }),
    valid: [{ a: "x" }, { a: null }],
    invalid: [{ a: "y" }]
  },
  {
    name: "OpenAPI: required without properties",
    schema: { type: "object", required: ["a"] },
    valid: [{ a: 1 }],
    invalid: [{}]
  },
  {
    name: "OpenAPI: minProperties",
    schema: { type: "object", additionalProperties: string, minProperties: 1 },
    valid: [{ a: "x" }],
    invalid: [{}, { a: 1 }]
  }
]

const mcp: ReadonlyArray<Known> = [
  { name: "MCP: a tool without parameters", schema: { type: "object", properties: {} }, valid: [{}], invalid: [1] },
  {
    name: "MCP: a search tool",
    schema: object({ query: { ...string, description: "what to look for" }, limit: { ...integer, default: 10 } }, [
      "query"
    ]),
    valid: [{ query: "x" }, { query: "x", limit: 1 }],
    invalid: [{ limit: 1 }]
  },
  {
    name: "MCP: arguments of any shape",
    schema: object({ tool: string, arguments: { type: "object", additionalProperties: true } }),
    valid: [{ tool: "x", arguments: { a: 1 } }],
    invalid: [{ tool: "x" }]
  },
  {
    name: "MCP: content blocks",
    schema: object({
      content: array({
        anyOf: [
          object({ type: { const: "text" }, text: string }),
          object({ type: { const: "image" }, data: { ...string, format: "byte" }, mimeType: string })
        ]
      })
    }),
    valid: [{ content: [{ type: "text", text: "x" }] }],
    invalid: [{ content: [{ type: "text" }] }]
  },
  {
    name: "MCP: draft-07 with definitions",
    schema: {
      $schema: "http://json-schema.org/draft-07/schema#",
      ...object({ path: ref("Path", "definitions"), edits: array(ref("Edit", "definitions")) }),
      definitions: { Path: string, Edit: object({ old: string, new: string }, ["old", "new"], closed) }
    },
    valid: [{ path: "a", edits: [{ old: "x", new: "y" }] }],
    invalid: [{ path: "a", edits: [{ old: "x" }] }]
  },
  {
    name: "MCP: a dependency between keys",
    schema: object({ from: string, to: string }, [], { dependentRequired: { from: ["to"] } }),
    valid: [{}, { from: "a", to: "b" }],
    invalid: [{ from: 1 }]
  }
]

const geo: ReadonlyArray<Known> = [
  {
    name: "GeoJSON: a point",
    schema: object({ type: { enum: ["Point"] }, coordinates: position }),
    valid: [{ type: "Point", coordinates: [1, 2.5] }],
    invalid: [{ type: "Point", coordinates: [1] }, { type: "Line", coordinates: [1, 2] }]
  },
  {
    name: "GeoJSON: a line",
    schema: object({ type: { const: "LineString" }, coordinates: array(position, { minItems: 2 }) }),
    valid: [{ type: "LineString", coordinates: [[1, 2], [3, 4]] }],
    invalid: [{ type: "LineString", coordinates: [[1, 2]] }]
  },
  {
    name: "GeoJSON: a polygon",
    schema: object({ type: { const: "Polygon" }, coordinates: array(array(position, { minItems: 4 })) }),
    valid: [{ type: "Polygon", coordinates: [[[0, 0], [1, 0], [1, 1], [0, 0]]] }],
    invalid: [{ type: "Polygon", coordinates: [[0, 0]] }]
  },
  {
    name: "GeoJSON: a geometry of several kinds",
    schema: {
      oneOf: [
        object({ type: { const: "Point" }, coordinates: position }),
        object({ type: { const: "MultiPoint" }, coordinates: array(position) })
      ]
    },
    valid: [{ type: "Point", coordinates: [1, 2] }, { type: "MultiPoint", coordinates: [[1, 2]] }],
    invalid: [{ type: "Point", coordinates: [[1, 2]] }]
  },
  {
    name: "GeoJSON: a feature with any properties",
    schema: object({
      type: { const: "Feature" },
      geometry: nullable(object({ type: { const: "Point" }, coordinates: position })),
      properties: nullable({ type: "object" })
    }),
    valid: [{ type: "Feature", geometry: null, properties: null }, {
      type: "Feature",
      geometry: { type: "Point", coordinates: [1, 2] },
      properties: { a: "x" }
    }],
    invalid: [{ type: "Feature" }]
  },
  {
    name: "GeoJSON: a bounding box",
    schema: object({ bbox: array(number, { minItems: 4, maxItems: 6 }) }),
    valid: [{ bbox: [1, 2, 3, 4] }],
    invalid: [{ bbox: [1] }]
  }
]

const coding = object({ system: string, code: { ...string, pattern: "^[^\\s]+(\\s[^\\s]+)*$" }, display: string }, [])
const fhir: ReadonlyArray<Known> = [
  {
    name: "FHIR: a coding",
    schema: { ...coding, ...closed },
    valid: [{}, { system: "s", code: "a b" }],
    invalid: [{ system: 1 }]
  },
  {
    name: "FHIR: a codeable concept",
    schema: { ...object({ coding: array(ref("Coding")), text: string }, []), $defs: { Coding: coding } },
    valid: [{ text: "x" }, { coding: [{ code: "a" }] }],
    invalid: [{ coding: [1] }]
  },
  {
    name: "FHIR: an id",
    schema: object({ id: { ...string, pattern: "^[A-Za-z0-9\\-\\.]{1,64}$" } }),
    valid: [{ id: "a-1.b" }],
    invalid: [{ id: "a b" }]
  },
  {
    name: "FHIR: a date of three precisions",
    schema: object({
      birthDate: {
        ...string,
        pattern: "^([0-9]{4})(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?$"
      }
    }),
    valid: [{ birthDate: "1999" }, { birthDate: "1999-12-31" }],
    invalid: [{ birthDate: "31.12.1999" }]
  },
  {
    name: "FHIR: extensions that hold extensions",
    schema: {
      ...object({ extension: array(ref("Extension", "definitions")) }),
      definitions: {
        Extension: object({ url: string, extension: array(ref("Extension", "definitions")), value: string }, ["url"])
      }
    },
    valid: [{ extension: [{ url: "u", extension: [{ url: "v" }] }] }],
    invalid: [{ extension: [{}] }]
  },
  {
    name: "FHIR: a resource by its type",
    schema: {
      ...object({ resource: { oneOf: [ref("Patient"), ref("Group")] } }),
      $defs: {
        Patient: object({ resourceType: { const: "Patient" }, active: boolean }, ["resourceType"], closed),
        Group: object({ resourceType: { const: "Group" }, size: { ...integer, minimum: 0 } }, ["resourceType"], closed)
      }
    },
    valid: [{ resource: { resourceType: "Patient" } }, { resource: { resourceType: "Group", size: 3 } }],
    invalid: [{ resource: { resourceType: "Bed" } }]
  },
  {
    name: "FHIR: a quantity",
    schema: object({ value: number, unit: string, comparator: { enum: ["<", "<=", ">=", ">"] } }, ["value"], closed),
    valid: [{ value: 1 }, { value: 1.5, unit: "mg", comparator: "<" }],
    invalid: [{ unit: "mg" }]
  }
]

export const known: ReadonlyArray<Known> = [...pydantic, ...zod, ...openapi, ...mcp, ...geo, ...fhir]

/** What is not a schema: refused on every engine, with the path of what is wrong. */
export const broken: ReadonlyArray<readonly [string, unknown, ReadonlyArray<string | number>]> = [
  ["an unknown type", object({ a: { type: "any" } }), ["properties", "a", "type"]],
  ["a reference to nowhere", object({ a: { $ref: "#/$defs/Gone" } }), ["properties", "a", "$ref"]],
  ["a reference to itself", object({ a: { $ref: "#/properties/a" } }), ["properties", "a", "$ref"]],
  ["required as text", object({ a: { type: "object", required: "b" } }), ["properties", "a", "required"]],
  ["properties as a list", object({ a: { type: "object", properties: ["b"] } }), ["properties", "a", "properties"]],
  ["an empty enum", object({ a: { enum: [] } }), ["properties", "a", "enum"]],
  ["a broken pattern", object({ a: { ...string, pattern: "(" } }), ["properties", "a", "pattern"]],
  ["alternatives that are no list", object({ a: { anyOf: {} } }), ["properties", "a", "anyOf"]],
  ["a negative count", object({ a: array(string, { minItems: -1 }) }), ["properties", "a", "minItems"]],
  ["a reference to another document", object({ a: { $ref: "https://example.test/s" } }), ["properties", "a", "$ref"]],
  ["recursion without an end", { ...object({ next: { $ref: "#" } }) }, ["properties", "next"]]
]
