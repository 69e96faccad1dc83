/** Kinds that the package does not know. */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { InvalidRequest } from "../KubeError.js"
import type { Scope } from "../Resource.js"
import * as AutoscalingV1 from "../resources/AutoscalingV1.js"
import { codecOf, keepUnknown, run, type Codec } from "./decode.js"
import { apiVersionOf } from "./discovery.js"
import type * as requests from "./requests.js"
import { isObject } from "./isObject.js"
import { inPlace, make, readObjectMeta, type Envelope, type ObjectCodec } from "./resource.js"

const lowerPlural = (kind: string): string => {
  const word = kind.toLowerCase()
  if (/(s|x|z|ch|sh)$/.test(word)) return `${word}es`
  return /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`
}

/** The same type with every property optional and nullable, at every depth: what a patch or an apply may hold. */
const partialAST = (ast: AST.AST): AST.AST => {
  switch (ast._tag) {
    case "TypeLiteral":
      return new AST.TypeLiteral(
        ast.propertySignatures.map(
          (signature) =>
            new AST.PropertySignature(
              signature.name,
              AST.Union.make([partialAST(signature.type), AST.null, AST.undefinedKeyword]),
              true,
              signature.isReadonly
            )
        ),
        ast.indexSignatures.map(
          (index) =>
            new AST.IndexSignature(
              index.parameter,
              AST.Union.make([partialAST(index.type), AST.null]),
              index.isReadonly
            )
        )
      )
    case "TupleType":
      return new AST.TupleType(
        ast.elements,
        ast.rest.map((rest) => new AST.Type(partialAST(rest.type))),
        ast.isReadonly
      )
    case "Union":
      return AST.Union.make(ast.types.map(partialAST))
    case "Suspend":
      return new AST.Suspend(() => partialAST(ast.f()))
    case "Refinement":
      // A part need not satisfy what the whole has to.
      return partialAST(ast.from)
    case "Transformation":
      return partialTransformation(ast)
    default:
      return ast
  }
}

/** What has properties of its own has them here, too. Whatever else is transformed is so as a whole. */
const partialTransformation = (ast: AST.Transformation): AST.AST => {
  if (!AST.isTypeLiteralTransformation(ast.transformation)) return ast
  return new AST.Transformation(
    partialAST(ast.from),
    partialAST(ast.to),
    new AST.TypeLiteralTransformation(
      ast.transformation.propertySignatureTransformations.map(
        ({ decode, encode, from, to }) =>
          // Defaults and the like are for what is there.
          new AST.PropertySignatureTransformation(from, to, decode, (value) =>
            Option.isNone(value) || value.value === null || value.value === undefined ? value : encode(value)
          )
      )
    )
  )
}

/** The codec of a kind whose schema is the user's: it describes the fields besides the envelope. */
const custom = (apiVersion: string, kind: string, schema: Schema.Schema.AnyNoContext): ObjectCodec => {
  const plain = inPlace(apiVersion, kind, () => schema)
  let codec: Codec<unknown> | undefined
  let partial: Schema.Schema.AnyNoContext | undefined
  const write = (
    to: Schema.Schema.AnyNoContext,
    value: unknown,
    what: string
  ): Either.Either<Record<string, unknown>, InvalidRequest> =>
    ParseResult.encodeUnknownEither(
      to,
      keepUnknown
    )(value).pipe(
      Either.mapBoth({
        onLeft: (issue) =>
          new InvalidRequest({
            message: `${what} ${kind} cannot be written: ${ParseResult.TreeFormatter.formatIssueSync(issue)}`
          }),
        onRight: (encoded) => (isObject(encoded) ? encoded : {})
      })
    )
  return {
    decode: (value, request, prefix) =>
      Either.gen(function* () {
        codec ??= codecOf(schema)
        const envelope: Envelope = isObject(value) ? value : {}
        yield* readObjectMeta(envelope.metadata, request, prefix)
        const decoded = yield* run(codec, request, value, prefix)
        if (codec._tag === "InPlace" || !isObject(decoded)) return decoded
        // A transformation may drop what it does not name; the envelope is ours. A class stays one.
        const object: object = Object.create(Object.getPrototypeOf(decoded))
        return Object.assign(object, decoded, { apiVersion, kind, metadata: envelope.metadata })
      }),
    encode: (object) => {
      codec ??= codecOf(schema)
      if (codec._tag === "InPlace" || !isObject(object)) return plain.encode(object)
      const envelope: Envelope = object
      return Either.map(write(schema, object, "this"), (encoded) => ({
        apiVersion,
        kind,
        ...encoded,
        // Its shape is the caller's affair and the server's; the path takes name and namespace from it.
        metadata: envelope.metadata as requests.Body["metadata"]
      }))
    },
    encodePartial: (part) => {
      codec ??= codecOf(schema)
      if (codec._tag === "InPlace" || !isObject(part)) return Either.right(part)
      partial ??= Schema.make(partialAST(schema.ast))
      return write(partial, part, "this part of a")
    }
  }
}

/** `Resource.define`. */
export const makeCustom = <R>(options: {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural?: string | undefined
  readonly singular?: string | undefined
  readonly shortNames?: ReadonlyArray<string> | undefined
  readonly categories?: ReadonlyArray<string> | undefined
  readonly scope?: Scope | undefined
  readonly schema: Schema.Schema.AnyNoContext
  readonly status?: boolean | undefined
  readonly scale?: boolean | undefined
}): R => {
  const { group, kind, schema, version } = options
  const reads = ["get", "patch", "update"]
  return make({
    group,
    version,
    kind,
    plural: options.plural ?? lowerPlural(kind),
    singular: options.singular ?? kind.toLowerCase(),
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    scope: options.scope ?? "Namespaced",
    verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    subresources: {
      ...(options.status === true ? { status: reads } : {}),
      ...(options.scale === true ? { scale: reads } : {})
    },
    schema: () => schema,
    answers: { scale: () => AutoscalingV1.schema("Scale") },
    codec: custom(apiVersionOf(group, version), kind, schema)
    // The public type of `define` names the verbs that this description gives.
  }) as R
}
