/**
 * How a field is declared in Go: whether it can be told from one that is absent, and the name of its type. The OpenAPI says
 * most of it; what it does not say is in `decodeTypes.ts`.
 */
import type { OpenApi } from "./openapi.js"

export interface Fact {
  /** The fields that are embedded on the way to it. */
  readonly embedded: ReadonlyArray<string>
  readonly pointer: boolean
  /** As Go prints it, without the pointer. */
  readonly type: string
  readonly omit: "" | "empty" | "zero"
}

/** The name of the definition that a schema refers to. */
export const definitionOf = (schema: OpenApi): string | undefined => {
  const ref = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined)
  return ref?.slice(ref.lastIndexOf("/") + 1)
}

/** As Go prints a type of a definition: `v1.Container`. */
export const goNameOf = (definition: string): string => definition.split(".").slice(-2).join(".")

/** The type that a field of this schema most likely has. */
export const likelyType = (schema: OpenApi): string => {
  const definition = definitionOf(schema)
  if (definition !== undefined) return goNameOf(definition)
  switch (schema.type) {
    case "array":
      return `[]${likelyType(schema.items ?? {})}`
    case "boolean":
      return "bool"
    case "integer":
      return schema.format ?? "int"
    case "number":
      return "float64"
    case "object":
      return `map[string]${typeof schema.additionalProperties === "object" ? likelyType(schema.additionalProperties) : "string"}`
    default:
      return schema.format === "byte" ? "[]uint8" : "string"
  }
}

/** What the OpenAPI of a field lets expect: `*int32,omitempty`. */
export const likelyFact = (schema: OpenApi, required: boolean): string => {
  const reference = definitionOf(schema) !== undefined
  const optional = !required && (schema.type === "boolean" || schema.type === "integer")
  const pointer = reference ? schema.default === undefined : optional
  return `${pointer ? "*" : ""}${likelyType(schema)}${required ? "" : ",omitempty"}`
}

export const factOf = (text: string): Fact => {
  const [path = "", option] = text.split(",")
  const embedded = path.split(">")
  const type = embedded.pop() ?? ""
  return {
    embedded,
    pointer: type.startsWith("*"),
    type: type.replace(/^\*/, ""),
    omit: option === "omitempty" ? "empty" : option === "omitzero" ? "zero" : ""
  }
}
