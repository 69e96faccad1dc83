/** The columns of custom kinds: what a version of their CustomResourceDefinition says in `additionalPrinterColumns`. */
import * as Either from "effect/Either"
import { evaluate, parse } from "../../../internal/jsonpath.js"
import type { Json, JsonObject } from "../openapi.js"
import { goText, millisOf, since, textAt } from "./format.js"

/** A column as a CustomResourceDefinition has it. */
export interface PrinterColumn {
  readonly name: string
  readonly type: string
  readonly jsonPath: string
  readonly format?: string
  readonly description?: string
  readonly priority?: number
}

/** A column without a description of its own is described by its path. */
export const describe = ({ description, jsonPath }: PrinterColumn): string =>
  description === undefined || description === ""
    ? `Custom resource definition column (in JSONPath format): ${jsonPath}`
    : description

const most = 2 ** 63

const integer = (value: number): number => (Math.abs(value) < most ? Math.trunc(value) : -most)

/** What a value is in a column of a type; `null` where it does not fit. */
const cellOf = (type: string, value: Json, now: number): Json => {
  switch (type) {
    case "string":
      return goText(value)
    case "integer":
      return typeof value === "number" ? integer(value) : null
    case "number":
      return typeof value === "number" ? value : null
    case "boolean":
      return typeof value === "boolean" ? value : null
    case "date":
      if (typeof value !== "string") return null
      return value === "" || value === "null" || millisOf(value) !== undefined ? since(value, now) : "<invalid>"
    default:
      return null
  }
}

/** The columns until one whose path cannot be read: the API server prints no more than these. */
export const readable = (columns: ReadonlyArray<PrinterColumn>): ReadonlyArray<PrinterColumn> => {
  const end = columns.findIndex(({ jsonPath }) => Either.isLeft(parse(jsonPath)))
  return end < 0 ? columns : columns.slice(0, end)
}

/** The cells of a custom object: its name, and the first that each path leads to. */
export const customCells = (
  columns: ReadonlyArray<PrinterColumn>
): ((object: JsonObject, now: number) => ReadonlyArray<Json>) => {
  const paths = columns.map(({ jsonPath, type }) => ({ type, path: Either.getOrElse(parse(jsonPath), () => []) }))
  return (object, now) => [
    textAt(object, "metadata", "name"),
    ...paths.map(({ path, type }): Json => {
      const found = Either.getOrElse(evaluate(path, object), () => [])
      // What is in JSON is JSON.
      return found.length === 0 ? null : cellOf(type, found[0] as Json, now)
    })
  ]
}
