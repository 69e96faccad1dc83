/**
 * What the generated files under `resources/` are written with: the few schema shapes that the OpenAPI documents of
 * Kubernetes use, and tables that build a schema when it is first asked for.
 */
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
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

/** A property that may be absent. */
interface Optional {
  readonly type: AST.AST
  readonly annotations?: AST.Annotations
}

const orUndefined = ({ ast }: AnySchema): AST.AST => AST.Union.make([ast, AST.undefinedKeyword])

export const optional = (schema: AnySchema): Optional => ({ type: orUndefined(schema) })

/** A property that a writer may leave out and the server always sends: a struct value in Go. */
export const always = (schema: AnySchema): Optional => ({ type: orUndefined(schema), annotations: alwaysSent })

/**
 * A Go struct. `Schema.Struct` makes the same, but looks through all that is below each property to see whether something
 * there transforms: for a pod that takes longer than reading hundreds of them.
 */
export const struct = (
  name: string,
  fields: { readonly [name: string]: AnySchema | Optional },
  options?: { readonly mapType?: "atomic" | "granular" }
): AnySchema =>
  Schema.make(
    new AST.TypeLiteral(
      Object.entries(fields).map(([key, field]) =>
        "ast" in field
          ? new AST.PropertySignature(key, field.ast, false, true)
          : new AST.PropertySignature(key, field.type, true, true, field.annotations)
      ),
      [],
      { [AST.IdentifierAnnotationId]: name, ...(options === undefined ? {} : merge(options)) }
    )
  )

export const list = ({ ast }: AnySchema, options?: Merge): AnySchema =>
  Schema.make(new AST.TupleType([], [new AST.Type(ast)], true, options === undefined ? {} : merge(options)))

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
