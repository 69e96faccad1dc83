/** Server-side printing: objects as the tables that `kubectl get` shows. */
import { isJsonArray, isJsonObject } from "../json.js"
import { apiVersionOf } from "../kinds.js"
import type { GroupVersionKind, Json, JsonObject } from "../openapi.js"
import { metadataOf } from "../store.js"
import { text } from "./columns.js"
import { customCells, describe, readable, type PrinterColumn } from "./custom.js"
import { numberAt, textAt } from "./format.js"
import { printers, type Printer } from "./printers.js"

export interface TableOptions {
  /** The time that ages are counted to, in milliseconds. */
  readonly now: number
  /** What of the objects comes with their rows. Default: `Metadata`. */
  readonly includeObject?: "Metadata" | "None" | "Object" | undefined
  /** The version of the table. Default: `v1`. */
  readonly version?: string | undefined
  /** Whether it has columns; of a watch only the first table has. Default: true. */
  readonly headers?: boolean | undefined
  /** The metadata of the list. */
  readonly metadata?: JsonObject | undefined
  /** What makes a kind a custom one: the columns that its version says, of which there may be none. */
  readonly columns?: ReadonlyArray<PrinterColumn> | undefined
}

interface Known {
  readonly texts: ReadonlyArray<string>
  readonly kinds: {
    readonly [kind: string]: ReadonlyArray<
      readonly [name: string, type: string, format: string, priority: number, text: number]
    >
  }
}

let parsed: Known | undefined

/** Parsed on first use. */
// The generator wrote the text.
const known = (): Known => (parsed ??= JSON.parse(text) as Known)

const column = (name: string, type: string, format: string, description: string, priority = 0): JsonObject => ({
  name,
  type,
  format,
  description,
  priority
})

/** The columns of a built-in kind. */
const columnsOf = (kind: string): ReadonlyArray<JsonObject> => {
  const { kinds, texts } = known()
  const columns = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  return (columns ?? []).map(([name, type, format, priority, text]) =>
    column(name, type, format, texts[text] ?? "", priority)
  )
}

/** What is said of a column that all kinds have. */
const described = (name: string): string =>
  textAt(columnsOf("v1/Namespace").find((each) => each["name"] === name) ?? {}, "description")

/** How a kind is printed. */
interface Layout {
  readonly columns: ReadonlyArray<JsonObject>
  readonly cells: Printer
  /** The rows of no object, which the two ways to print have differently. */
  readonly empty: Json
}

const creation: Printer = (object) => [
  textAt(object, "metadata", "name"),
  textAt(object, "metadata", "creationTimestamp") || "0001-01-01T00:00:00Z"
]

const age = (): PrinterColumn => ({
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: described("Age")
})

const customLayout = (columns: ReadonlyArray<PrinterColumn>): Layout => {
  const all: ReadonlyArray<PrinterColumn> = columns.length === 0 ? [age()] : readable(columns)
  return {
    columns: [
      column("Name", "string", "name", described("Name")),
      ...all.map((each) => column(each.name, each.type, each.format ?? "", describe(each), each.priority))
    ],
    cells: customCells(all),
    empty: []
  }
}

/** The columns of the scale of a custom kind. */
export const customScaleColumns = (): ReadonlyArray<PrinterColumn> => [
  { name: "Desired", type: "integer", description: "Number of desired replicas", jsonPath: ".spec.replicas" },
  { name: "Available", type: "integer", description: "Number of actual replicas", jsonPath: ".status.replicas" },
  age()
]

const layoutOf = (kind: string): Layout => {
  const cells = Object.hasOwn(printers, kind) ? printers[kind] : undefined
  return cells === undefined
    ? { columns: columnsOf(kind), cells: creation, empty: null }
    : { columns: columnsOf(kind), cells, empty: [] }
}

/** Rows that say that a pod has ended. */
const ended: { readonly [phase: string]: JsonObject } = {
  Succeeded: { type: "Completed", status: "True", reason: "Succeeded", message: "The pod has completed successfully." },
  Failed: { type: "Completed", status: "True", reason: "Failed", message: "The pod failed." }
}

const initialEventsEnd = "k8s.io/initial-events-end"

/** What of an object its row has. */
const included = (object: JsonObject, { includeObject = "Metadata", version = "v1" }: TableOptions): Json => {
  const metadata = metadataOf(object)
  if (includeObject === "Object") return object
  // The bookmark after the initial events is known by its annotation only.
  return includeObject === "Metadata" || textAt(metadata, "annotations", initialEventsEnd) === "true"
    ? { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata }
    : null
}

/** Flow schemas come in the order in which they are tried. */
const byPrecedence = (a: JsonObject, b: JsonObject): number =>
  numberAt(a, "spec", "matchingPrecedence") - numberAt(b, "spec", "matchingPrecedence") ||
  (textAt(a, "metadata", "name") < textAt(b, "metadata", "name") ? -1 : 1)

/**
 * The `Table` of objects of one kind, wide columns included; those have a priority above 0.
 *
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
 */
export const tableOf = (
  { group, kind, version }: GroupVersionKind,
  objects: ReadonlyArray<JsonObject>,
  options: TableOptions
): JsonObject => {
  const apiVersion = apiVersionOf({ group, version })
  const name = `${apiVersion}/${kind}`
  const { cells, columns, empty } = options.columns === undefined ? layoutOf(name) : customLayout(options.columns)
  const isPod = name === "v1/Pod" && options.columns === undefined
  const ordered = kind === "FlowSchema" && options.columns === undefined ? objects.toSorted(byPrecedence) : objects
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${options.version ?? "v1"}`,
    metadata: options.metadata ?? {},
    columnDefinitions: options.headers === false ? null : columns,
    rows:
      ordered.length === 0
        ? empty
        : ordered.map((object) => {
            const condition = isPod ? ended[textAt(object, "status", "phase")] : undefined
            return {
              cells: cells(object, options.now),
              ...(condition === undefined ? {} : { conditions: [condition] }),
              object: included({ kind, apiVersion, ...object }, options)
            }
          })
  }
}

/** The `Table` of what a verb answers: one object, or a list. */
export const tableOfAnswer = (
  gvk: GroupVersionKind,
  answer: JsonObject,
  options: Omit<TableOptions, "metadata">
): JsonObject => {
  const { items } = answer
  if (isJsonArray(items)) return tableOf(gvk, items.filter(isJsonObject), { ...options, metadata: metadataOf(answer) })
  const { resourceVersion } = metadataOf(answer)
  return tableOf(gvk, [answer], {
    ...options,
    metadata: resourceVersion === undefined ? {} : { resourceVersion }
  })
}

const plainStatus = new Set([
  "apiservices.apiregistration.k8s.io",
  "customresourcedefinitions.apiextensions.k8s.io",
  "resourceclaims.resource.k8s.io"
])

/** Whether the API server makes tables of a resource: of all that can be listed, but not of all their subresources. */
export const hasTable = (
  { group, plural, verbs }: { readonly group: string; readonly plural: string; readonly verbs: ReadonlyArray<string> },
  subresource: string
): boolean =>
  subresource === "scale" ||
  (verbs.includes("list") &&
    (subresource === "" || (subresource === "status" && !plainStatus.has(`${plural}.${group}`))))
