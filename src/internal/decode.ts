/** From parsed JSON to typed values. */
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import { DecodeError, type RequestInfo } from "../KubeError.js"
import type { Request } from "../Request.js"
import { formatActual, formatPath, formatType, shapeOf, type Check, type Problem } from "./check.js"

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

/** A Secret's values have no place in an error. */
const isSecret = (request: Request): boolean => request.about?.kind === "Secret"

export const fromProblem = (request: Request, problem: Problem, prefix: ReadonlyArray<PropertyKey> = []): DecodeError =>
  decodeError(request, {
    at: formatPath([...prefix, ...problem.path.toReversed()]),
    problem: `expected ${problem.expected}, got ${isSecret(request) ? formatType(problem.actual) : formatActual(problem.actual)}`
  })

/** How values of a schema are read: in place by a check, or by the Schema where it transforms. */
export type Codec<A> =
  | { readonly _tag: "InPlace"; readonly check: Check }
  | {
      readonly _tag: "Transform"
      readonly check: Check
      readonly decode: (value: unknown) => Either.Either<A, ParseResult.ParseIssue>
    }

// Unknown fields belong to whoever wrote them: a newer server, another controller.
export const keepUnknown = { onExcessProperty: "preserve" } as const

/** A Schema copies field by field, by assignment: this one would become the prototype of the copy. */
const dropPrototypes = (root: unknown): void => {
  const pending = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== "object" || value === null) continue
    if (Object.hasOwn(value, "__proto__")) Reflect.deleteProperty(value, "__proto__")
    const parts: ReadonlyArray<unknown> = Object.values(value)
    for (const part of parts) pending.push(part)
  }
}

export const codecOf = <A, I>(schema: Schema.Schema<A, I>): Codec<A> => {
  const { check, plain } = shapeOf(schema.ast)
  if (plain) return { _tag: "InPlace", check }
  const decode = ParseResult.decodeUnknownEither(schema, keepUnknown)
  return {
    _tag: "Transform",
    check,
    decode: (value) => {
      dropPrototypes(value)
      return decode(value)
    }
  }
}

export const run = <A>(
  codec: Codec<A>,
  request: Request,
  value: unknown,
  prefix: ReadonlyArray<PropertyKey> = []
): Either.Either<A, DecodeError> => {
  const checked = Either.try({
    try: () => codec.check(value),
    // Types that contain themselves: thousands of levels are more than the stack holds.
    catch: () => decodeError(request, { at: formatPath(prefix), problem: "nested too deeply to be read" })
  })
  if (Either.isLeft(checked)) return Either.left(checked.left)
  if (checked.right !== undefined) return Either.left(fromProblem(request, checked.right, prefix))
  // The check has shown it.
  if (codec._tag === "InPlace") return Either.right(value as A)
  return Either.mapLeft(codec.decode(value), (issue) => {
    const [first] = ParseResult.ArrayFormatter.formatIssueSync(issue)
    const at = formatPath([...prefix, ...(first?.path ?? [])])
    // What a Schema says of a value, and its issue, have the value in them.
    return isSecret(request)
      ? decodeError(request, { at, problem: "not of the schema" })
      : decodeError(request, {
          at,
          problem: first?.message ?? "not of the schema",
          cause: ParseResult.parseError(issue)
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
