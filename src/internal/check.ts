/**
 * Validation of parsed JSON in place, derived from the AST of a Schema.
 *
 * Running the Schema itself would copy every object and cost several times what `JSON.parse` costs; a check walks the
 * value once and copies nothing, so unknown fields stay where they are. As in Go, `null` counts as absent.
 */
import * as AST from "effect/SchemaAST"
import { AlwaysSentId } from "./annotations.js"
import { isObject } from "./isObject.js"

/** Where and how a value differs from its type. The path is filled from the inside out while the check returns. */
export class Problem {
  readonly path: Array<string | number> = []
  readonly expected: string
  readonly actual: unknown
  constructor(expected: string, actual: unknown) {
    this.expected = expected
    this.actual = actual
  }
  /** The same problem, one level further up. */
  within(key: string | number): this {
    this.path.push(key)
    return this
  }
  /** At the same place, where another type of a union would have been right too. */
  or(other: Problem): Problem {
    return Object.assign(new Problem(`${this.expected} or ${other.expected}`, this.actual), { path: this.path })
  }
}

/** Returns nothing when the value is of the type. May replace `null` by what counts as absent there. */
export type Check = (value: unknown) => Problem | undefined

const any: Check = () => undefined
const string: Check = (value) => (typeof value === "string" ? undefined : new Problem("string", value))
const number: Check = (value) => (typeof value === "number" ? undefined : new Problem("number", value))
const boolean: Check = (value) => (typeof value === "boolean" ? undefined : new Problem("boolean", value))
const object: Check = (value) => (isObject(value) ? undefined : new Problem("object", value))
const objectOrArray: Check = (value) =>
  typeof value === "object" && value !== null ? undefined : new Problem("object", value)

/** Go sends null for an empty list or map inside of a list or map, too (`"extra":{"scopes":null}`). */
const array =
  (item: Check, forNull: (() => unknown) | undefined): Check =>
  (value) => {
    if (!Array.isArray(value)) return new Problem("array", value)
    for (let i = 0; i < value.length; i++) {
      const problem = item(value[i])
      if (problem === undefined) continue
      if (value[i] !== null || forNull === undefined) return problem.within(i)
      value[i] = forNull()
    }
    return undefined
  }

const record =
  (item: Check, forNull: (() => unknown) | undefined): Check =>
  (value) => {
    if (!isObject(value)) return new Problem("object", value)
    for (const key in value) {
      const field = value[key]
      if (typeof field === "string" && item === string) continue
      const problem = item(field)
      if (problem === undefined) continue
      if (field !== null || forNull === undefined) return problem.within(key)
      value[key] = forNull()
    }
    return undefined
  }

interface Property {
  readonly key: string
  readonly check: Check
  readonly required: boolean
  readonly expected: string
  /** What stands for a `null` that Go sends for an empty list or map; absent where null is a value of its own. */
  readonly forNull: (() => unknown) | undefined
  readonly nullable: boolean
  /** The Schema takes an absent property, but no undefined one. */
  readonly exact: boolean
}

/** The type with which a refinement or a transformation begins. */
const begins = (ast: AST.AST): AST.AST => (AST.isRefinement(ast) || AST.isTransformation(ast) ? begins(ast.from) : ast)

/**
 * Goes through the fields that are there, not those that could be: most are not, and looking for what is absent costs as
 * much as looking at what is there.
 */
const struct = (properties: ReadonlyArray<Property>): Check => {
  const byKey = new Map(properties.map((property) => [property.key, property]))
  const required = properties.filter((property) => property.required)
  const order: Array<Property | undefined> = []
  return (value) => {
    if (!isObject(value)) return new Problem("object", value)
    let missing = required.length
    let at = 0
    for (const key in value) {
      let property = order[at]
      if (property?.key !== key) {
        property = byKey.get(key)
        order[at] = property
      }
      at++
      if (property === undefined) continue
      const field = value[key]
      if (field === undefined) continue
      if (property.required) missing--
      if (property.check === string && typeof field === "string") continue
      if (field === null && !property.nullable) {
        if (property.exact) delete value[key]
        else if (!property.required) value[key] = undefined
        else if (property.forNull !== undefined) value[key] = property.forNull()
        else return new Problem(property.expected, null).within(key)
        continue
      }
      const problem = property.check(field)
      if (problem !== undefined) return problem.within(key)
    }
    if (missing === 0) return undefined
    for (let i = 0; i < required.length; i++) {
      // The index is within bounds; this loop is part of the hot path of decoding.
      const { expected, key } = required[i] as Property
      if (value[key] === undefined) return new Problem(expected, undefined).within(key)
    }
    return undefined
  }
}

interface Member {
  readonly check: Check
  /** The properties that can have one value only; they tell the members of a union apart. */
  readonly tags: ReadonlyArray<readonly [key: string, value: unknown]>
}

const tagsOf = (type: AST.AST): Member["tags"] => {
  const ast = begins(type)
  return AST.isTypeLiteral(ast)
    ? ast.propertySignatures.flatMap(({ isOptional, name, type }) =>
        AST.isLiteral(type) && !isOptional ? [[String(name), type.literal] as const] : []
      )
    : []
}

const oneOf = (members: ReadonlyArray<Member>): Check => {
  if (members.length === 1 && members[0] !== undefined) return members[0].check
  const tagged = members.some(({ tags }) => tags.length > 0)
  return (value) => {
    const alike =
      tagged && isObject(value)
        ? members.filter(({ tags }) => tags.every(([key, wanted]) => value[key] === wanted))
        : members
    const expected: Array<string> = []
    let inside: Problem | undefined
    for (const { check } of alike.length === 0 ? members : alike) {
      const problem = check(value)
      if (problem === undefined) return undefined
      if (problem.path.length === 0) expected.push(problem.expected)
      else inside = inside?.path.join() === problem.path.join() ? inside.or(problem) : problem
    }
    // What is wrong inside the struct that it resembles says more than the names of all members.
    return inside ?? new Problem(expected.join(" or "), value)
  }
}

const literal = (wanted: unknown): Check => {
  const expected = JSON.stringify(wanted)
  return (value) => (value === wanted ? undefined : new Problem(expected, value))
}

const expectedOf = (type: AST.AST): string => {
  const ast = begins(type)
  switch (ast._tag) {
    case "StringKeyword":
      return "string"
    case "NumberKeyword":
      return "number"
    case "BooleanKeyword":
      return "boolean"
    case "TupleType":
      return "array"
    case "Union":
      return ast.types
        .filter((type) => type._tag !== "UndefinedKeyword")
        .map(expectedOf)
        .join(" or ")
    case "Literal":
      return JSON.stringify(ast.literal)
    default:
      return "object"
  }
}

const emptyOf = (type: AST.AST): (() => unknown) | undefined => {
  const ast = begins(type)
  switch (ast._tag) {
    case "TupleType":
      return () => []
    case "TypeLiteral":
      return ast.propertySignatures.length === 0 ? () => ({}) : undefined
    case "Suspend":
      return emptyOf(ast.f())
    default:
      return undefined
  }
}

const acceptsNull = (type: AST.AST): boolean => {
  const ast = begins(type)
  switch (ast._tag) {
    case "UnknownKeyword":
    case "AnyKeyword":
      return true
    case "Literal":
      return ast.literal === null
    case "Union":
      return ast.types.some(acceptsNull)
    default:
      return false
  }
}

/**
 * The check of what a schema takes. `plain` is false where the schema does more than describe a shape: refinements,
 * transformations, classes, what JSON has not. There the check is of the shape that it begins with.
 */
export const shapeOf = (root: AST.AST): { readonly check: Check; readonly plain: boolean } => {
  const known = new Map<AST.AST, Check | { check: Check | undefined }>()
  let plain = true

  const go = (ast: AST.AST): Check => {
    const seen = known.get(ast)
    if (typeof seen === "function") return seen
    // A type that contains itself is looked up again when the check runs.
    if (seen !== undefined) return (value) => seen.check?.(value)
    const entry: { check: Check | undefined } = { check: undefined }
    known.set(ast, entry)
    entry.check = build(ast)
    known.set(ast, entry.check)
    return entry.check
  }

  const build = (ast: AST.AST): Check => {
    switch (ast._tag) {
      case "StringKeyword":
        return string
      case "NumberKeyword":
        return number
      case "BooleanKeyword":
        return boolean
      case "UnknownKeyword":
      case "AnyKeyword":
        return any
      case "ObjectKeyword":
        return objectOrArray
      case "Literal":
        return literal(ast.literal)
      case "Suspend":
        return go(ast.f())
      case "Refinement":
      case "Transformation":
        plain = false
        return go(ast.from)
      case "Union":
        return oneOf(
          ast.types
            .filter((type) => type._tag !== "UndefinedKeyword")
            .map((type) => ({ check: go(type), tags: tagsOf(type) }))
        )
      case "TupleType": {
        const [rest, ...more] = ast.rest
        if (ast.elements.length > 0 || rest === undefined || more.length > 0) break
        return array(go(rest.type), emptyOf(rest.type))
      }
      case "TypeLiteral": {
        const [index, ...more] = ast.indexSignatures
        if (ast.propertySignatures.length === 0 && index !== undefined && more.length === 0) {
          if (index.parameter._tag !== "StringKeyword") break
          const item = go(index.type)
          return item === any ? object : record(item, emptyOf(index.type))
        }
        if (index !== undefined) break
        return struct(
          ast.propertySignatures.map((signature): Property => {
            const type = withoutUndefined(signature.type)
            const required = !signature.isOptional || signature.annotations[AlwaysSentId] === true
            return {
              key: String(signature.name),
              check: go(type),
              required,
              expected: expectedOf(type),
              forNull: emptyOf(type),
              nullable: acceptsNull(type),
              exact: !required && type === signature.type
            }
          })
        )
      }
    }
    plain = false
    return any
  }

  const check = go(root)
  return { check, plain }
}

const withoutUndefined = (ast: AST.AST): AST.AST => {
  if (ast._tag !== "Union") return ast
  const types = ast.types.filter((type) => type._tag !== "UndefinedKeyword")
  return types.length === ast.types.length ? ast : AST.Union.make(types)
}

/** `items[3].spec.containers[0].image` */
export const formatPath = (path: ReadonlyArray<PropertyKey>): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === "number" || /^\d+$/.test(String(key))) return `${text}[${String(key)}]`
    const name = String(key)
    if (!/^[A-Za-z_$][\w$-]*$/.test(name)) return `${text}[${JSON.stringify(name)}]`
    return text === "" ? name : `${text}.${name}`
  }, "")

/** What kind of value it is, in an error message. */
export const formatType = (value: unknown): string => {
  if (value === undefined) return "nothing"
  if (value === null) return "null"
  if (Array.isArray(value)) return "an array"
  return typeof value === "object" ? "an object" : `a ${typeof value}`
}

/** A value in an error message: short, on one line. */
export const formatActual = (value: unknown): string => {
  if (value === undefined || (typeof value === "object" && value !== null)) return formatType(value)
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
