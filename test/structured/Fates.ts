/** What becomes of each schema on each engine: `-` for what is not enforced, `~` for what cannot be written. */
export const fates: Readonly<Record<string, Readonly<Record<"tgi" | "vllm" | "llamacpp" | "openai", string>>>> = {
  "pydantic: a model with titles": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "pydantic: Optional with a default": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "pydantic: nested models under $defs": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "pydantic: Literal and Enum": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "pydantic: set[int]": {
    tgi: "-uniqueItems ~additionalProperties",
    vllm: "-uniqueItems",
    llamacpp: "-uniqueItems",
    openai: "-uniqueItems ~additionalProperties"
  },
  "pydantic: bytes": {
    tgi: "-format ~additionalProperties",
    vllm: "-format",
    llamacpp: "-format",
    openai: "-format ~additionalProperties"
  },
  "pydantic: dict[str, Any]": { tgi: "~schema ~additionalProperties", vllm: "", llamacpp: "", openai: "-strict" },
  "pydantic: dict[str, int]": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "-strict" },
  "pydantic: Field(ge, le, multiple_of)": {
    tgi: "-minimum -maximum -multipleOf ~additionalProperties",
    vllm: "-multipleOf",
    llamacpp: "-multipleOf",
    openai: "~additionalProperties"
  },
  "pydantic: constr with a pattern": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "pydantic: a tuple": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "-strict" },
  "pydantic: a discriminated union": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "pydantic: a recursive model": {
    tgi: "~$ref ~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "pydantic: extra forbid": { tgi: "", vllm: "", llamacpp: "", openai: "" },
  "pydantic: datetime, date, UUID, EmailStr": {
    tgi: "-format ~additionalProperties",
    vllm: "-format",
    llamacpp: "-format",
    openai: "~additionalProperties"
  },
  "pydantic: Decimal": {
    tgi: "-pattern ~additionalProperties",
    vllm: "-pattern",
    llamacpp: "-pattern",
    openai: "-pattern ~additionalProperties"
  },
  "zod: .min(1)": { tgi: "", vllm: "", llamacpp: "", openai: "-minLength" },
  "zod: .max(20)": { tgi: "", vllm: "~maxLength", llamacpp: "", openai: "-maxLength" },
  "zod: .min(2).max(500)": { tgi: "-maxLength", vllm: "-maxLength", llamacpp: "", openai: "-minLength -maxLength" },
  "zod: .startsWith()": { tgi: "-format", vllm: "-format ~pattern", llamacpp: "-format", openai: "-format" },
  "zod: .cuid()": { tgi: "-format", vllm: "-format ~pattern", llamacpp: "-format", openai: "-format" },
  "zod: .int().min(1.5)": { tgi: "-minimum", vllm: "", llamacpp: "", openai: "" },
  "zod: .uuid() with its own pattern": { tgi: "-format", vllm: "-format", llamacpp: "-format", openai: "" },
  "zod: z.record(z.any())": { tgi: "~schema", vllm: "", llamacpp: "", openai: "-strict" },
  "zod: z.any()": { tgi: "~schema", vllm: "", llamacpp: "", openai: "-strict" },
  "zod: .optional()": { tgi: "", vllm: "", llamacpp: "", openai: "" },
  "zod: .nullable()": { tgi: "", vllm: "", llamacpp: "", openai: "" },
  "zod: an intersection": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "zod: a union of literals": { tgi: "", vllm: "", llamacpp: "", openai: "" },
  "zod: a tuple with a rest": { tgi: "", vllm: "", llamacpp: "-prefixItems", openai: "-strict" },
  "zod: .positive()": { tgi: "-exclusiveMinimum", vllm: "", llamacpp: "-exclusiveMinimum", openai: "" },
  "zod: a list at the root": { tgi: "", vllm: "", llamacpp: "", openai: "" },
  "OpenAPI: inheritance by allOf": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "OpenAPI: nullable": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "OpenAPI: formats byte, int32, float, password": {
    tgi: "-format ~additionalProperties",
    vllm: "-format",
    llamacpp: "-format",
    openai: "-format ~additionalProperties"
  },
  "OpenAPI: a reference with an escape": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "OpenAPI: exclusive bounds as flags": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "OpenAPI: oneOf with required alternatives": {
    tgi: "-oneOf ~additionalProperties",
    vllm: "-oneOf",
    llamacpp: "-oneOf",
    openai: "-oneOf ~additionalProperties"
  },
  "OpenAPI: x- keys by pattern": {
    tgi: "~patternProperties",
    vllm: "-patternProperties",
    llamacpp: "-patternProperties",
    openai: "-strict"
  },
  "OpenAPI: a free-form object": { tgi: "~schema ~additionalProperties", vllm: "", llamacpp: "", openai: "-strict" },
  "OpenAPI: an enum beside nullable": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "OpenAPI: required without properties": {
    tgi: "~schema ~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "-strict"
  },
  "OpenAPI: minProperties": { tgi: "", vllm: "", llamacpp: "-minProperties", openai: "-strict" },
  "MCP: a tool without parameters": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "MCP: a search tool": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "MCP: arguments of any shape": { tgi: "~schema ~additionalProperties", vllm: "", llamacpp: "", openai: "-strict" },
  "MCP: content blocks": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "-format ~additionalProperties"
  },
  "MCP: draft-07 with definitions": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "MCP: a dependency between keys": {
    tgi: "-dependentRequired ~additionalProperties",
    vllm: "-dependentRequired",
    llamacpp: "-dependentRequired",
    openai: "-dependentRequired ~additionalProperties"
  },
  "GeoJSON: a point": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "GeoJSON: a line": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "GeoJSON: a polygon": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "GeoJSON: a geometry of several kinds": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "GeoJSON: a feature with any properties": {
    tgi: "~additionalProperties ~schema",
    vllm: "",
    llamacpp: "",
    openai: "-strict"
  },
  "GeoJSON: a bounding box": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "FHIR: a coding": { tgi: "", vllm: "~pattern", llamacpp: "", openai: "" },
  "FHIR: a codeable concept": {
    tgi: "~additionalProperties",
    vllm: "~pattern",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "FHIR: an id": { tgi: "~additionalProperties", vllm: "", llamacpp: "", openai: "~additionalProperties" },
  "FHIR: a date of three precisions": {
    tgi: "~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "FHIR: extensions that hold extensions": {
    tgi: "~$ref ~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "FHIR: a resource by its type": {
    tgi: "-minimum ~additionalProperties",
    vllm: "",
    llamacpp: "",
    openai: "~additionalProperties"
  },
  "FHIR: a quantity": { tgi: "", vllm: "", llamacpp: "", openai: "" }
}
