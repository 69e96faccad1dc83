/** From parsed JSON to typed values. */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import { DecodeError, type RequestInfo } from "../KubeError.js"
import type { Request } from "../Request.js"
import { formatActual, formatPath, formatType, fromAST, type Check, type Problem } from "./check.js"

/** What every error says of the request. */
export const infoOf = ({ about, method, path }: Request): RequestInfo => ({
  method,
  path,
  verb: about?.verb,
  kind: about?.kind,
  namespace: about?.namespace,
  objectName: about?.name
})

/** The error of an answer to this request. */
export const decodeError = (
  request: Request,
  fields: { readonly at: string; readonly problem: string; readonly cause?: unknown }
): DecodeError => new DecodeError({ ...fields, ...infoOf(request) })

export const fromProblem = (request: Request, problem: Problem, prefix: ReadonlyArray<PropertyKey> = []): DecodeError =>
  decodeError(request, {
    at: formatPath([...prefix, ...problem.path.toReversed()]),
    // A Secret's values have no place in a message.
    problem: `expected ${problem.expected}, got ${request.about?.kind === "Secret" ? formatType(problem.actual) : formatActual(problem.actual)}`
  })

/** How values of a schema are read: in place by a check, or by the Schema where it transforms. */
export type Codec<A> =
  | { readonly _tag: "InPlace"; readonly check: Check }
  | { readonly _tag: "Transform"; readonly decode: (value: unknown) => Either.Either<A, ParseResult.ParseIssue> }

// Unknown fields belong to whoever wrote them: a newer server, another controller.
export const keepUnknown = { onExcessProperty: "preserve" } as const

export const codecOf = <A, I>(schema: Schema.Schema<A, I>): Codec<A> =>
  Option.match(fromAST(schema.ast), {
    onSome: (check): Codec<A> => ({ _tag: "InPlace", check }),
    onNone: (): Codec<A> => ({ _tag: "Transform", decode: ParseResult.decodeUnknownEither(schema, keepUnknown) })
  })

export const run = <A>(
  codec: Codec<A>,
  request: Request,
  value: unknown,
  prefix: ReadonlyArray<PropertyKey> = []
): Either.Either<A, DecodeError> => {
  if (codec._tag === "InPlace") {
    const problem = codec.check(value)
    return problem === undefined
      ? // The check has shown it.
        Either.right(value as A)
      : Either.left(fromProblem(request, problem, prefix))
  }
  return Either.mapLeft(codec.decode(value), (issue) => {
    const [first] = ParseResult.ArrayFormatter.formatIssueSync(issue)
    return decodeError(request, {
      at: formatPath([...prefix, ...(first?.path ?? [])]),
      problem: first?.message ?? "not of the schema",
      cause: issue
    })
  })
}

/** Decodes answers by a schema that is built when the first one is read. */
export const decoder = <A, I>(schema: () => Schema.Schema<A, I>) => {
  let codec: Codec<A> | undefined
  return (request: Request) =>
    (value: unknown): Effect.Effect<A, DecodeError> =>
      run((codec ??= codecOf(schema())), request, value)
}
