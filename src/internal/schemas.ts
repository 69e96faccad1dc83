/**
 * What the generated files under `resources/` are written with: the few schema shapes that the OpenAPI documents of
 * Kubernetes use, and tables that build a schema when it is first asked for.
 */
import * as Schema from "effect/Schema"
import { alwaysSent, merge, type Merge } from "./annotations.js"

type AnySchema = Schema.Schema.AnyNoContext

export const string = Schema.String
export const number = Schema.Number
export const int = Schema.Number
export const boolean = Schema.Boolean
export const unknown = Schema.Unknown
/** An object about which the API says nothing more (`RawExtension`, `FieldsV1`). */
export const anyObject = /*#__PURE__*/ Schema.Record({ key: Schema.String, value: Schema.Unknown })
/** The server sends text; manifests may hold a number. */
export const quantity = /*#__PURE__*/ Schema.Union(Schema.String, Schema.Number)
export const intOrString = /*#__PURE__*/ Schema.Union(Schema.Number, Schema.String)

/** A Go struct. */
export const struct = (
  name: string,
  fields: { readonly [name: string]: AnySchema | ReturnType<typeof optional> },
  options?: { readonly mapType?: "atomic" | "granular" }
): AnySchema =>
  Schema.Struct(fields).annotations({ identifier: name, ...(options === undefined ? {} : merge(options)) })

/** A property that may be absent. */
export const optional = (schema: AnySchema) => Schema.optional(schema)

/** A property that a writer may leave out and the server always sends: a struct value in Go. */
export const always = (schema: AnySchema) => Schema.optional(schema).annotations(alwaysSent)

export const list = (schema: AnySchema, options?: Merge): AnySchema => {
  const array = Schema.Array(schema)
  return options === undefined ? array : array.annotations(merge(options))
}

export const record = (schema: AnySchema): AnySchema => Schema.Record({ key: Schema.String, value: schema })

/** A string with known values; a newer server may send others. */
export const open = (values: readonly [string, ...ReadonlyArray<string>]): AnySchema =>
  Schema.String.annotations({ examples: values })

export const literal = (value: string): AnySchema => Schema.Literal(value)

/** Closes a cycle between types. */
export const suspend = (schema: () => AnySchema): AnySchema => Schema.suspend(schema)

/** A table of types whose schemas are built on first use, each once. */
export const schemas = <Types>(table: { readonly [N in keyof Types]: () => AnySchema }): (<N extends keyof Types>(
  name: N
) => Schema.Schema<Types[N]>) => {
  const built = new Map<keyof Types, AnySchema>()
  return (name) => {
    let schema = built.get(name)
    if (schema === undefined) {
      schema = table[name]()
      built.set(name, schema)
    }
    // The generator writes the interface and the schema of a type from one OpenAPI schema.
    return schema as Schema.Schema<Types[typeof name]>
  }
}
