/** In which form an answer is wanted: the `Accept` header. */
import * as Either from "effect/Either"
import { stringify } from "yaml"
import { isJsonArray, isJsonObject } from "./json.js"
import type { JsonObject } from "./openapi.js"
import type { Kind } from "./kinds.js"
import { badRequest, notAcceptable, type Failure } from "./status.js"
import { metadataOf } from "./store.js"
import { customScaleColumns, tableOfAnswer, type TableOptions } from "./tables/tables.js"

export interface Form {
  readonly media: "application/json" | "application/yaml"
  /** `undefined` is the object itself. */
  readonly as: "PartialObjectMetadata" | "PartialObjectMetadataList" | "Table" | undefined
  /** Of `as`: `v1` or `v1beta1`. */
  readonly version: string
}

const plain: Form = { media: "application/json", as: undefined, version: "" }

const offered = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json;stream=watch",
  "application/vnd.kubernetes.protobuf;stream=watch"
]

const transformed = new Set(["PartialObjectMetadata", "PartialObjectMetadataList", "Table"])

/** The clauses of an `Accept` header, the one that is wanted most first. */
const clausesOf = (accept: string) =>
  accept
    .split(",")
    .map((clause) => {
      const [media = "", ...rest] = clause.split(";").map((part) => part.trim())
      const parameters = new Map(
        rest.map((part): [string, string] => [part.split("=")[0] ?? "", part.split("=")[1] ?? ""])
      )
      return { media, parameters, quality: Number(parameters.get("q") ?? "1") }
    })
    .toSorted((a, b) => b.quality - a.quality)

/** What of the offer a clause stands for. */
const mediaOf = (media: string): Form["media"] | undefined =>
  media === "application/json" || media === "*/*"
    ? "application/json"
    : media === "application/yaml"
      ? media
      : undefined

/** The form of discovery: an object, or the aggregated list in a version. */
export interface DiscoveryForm extends Pick<Form, "media"> {
  readonly aggregated: string | undefined
}

/** The first form that both sides know of what the cluster says of itself; only its roots are aggregated. */
export const discoveryFormOf = (accept: string | undefined, isRoot: boolean): Either.Either<DiscoveryForm, Failure> => {
  if (accept === undefined || accept.trim() === "") return Either.right({ ...plain, aggregated: undefined })
  for (const { media, parameters } of clausesOf(accept)) {
    const [matched, as, version] = [mediaOf(media), parameters.get("as") ?? "", parameters.get("v") ?? ""]
    if (matched === undefined) continue
    if (as === "") return Either.right({ media: matched, aggregated: undefined })
    const isOffered = as === "APIGroupDiscoveryList" && parameters.get("g") === "apidiscovery.k8s.io"
    if (isRoot && isOffered && (version === "v2" || version === "v2beta1")) {
      return Either.right({ media: matched, aggregated: version })
    }
  }
  return Either.left(notAcceptable(offered.slice(0, 3)))
}

/** The first form that both sides know. Not every resource has tables, and only lists are watched. */
export const formOf = (accept: string | undefined, tables = true, watchable = false): Either.Either<Form, Failure> => {
  if (accept === undefined || accept.trim() === "") return Either.right(plain)
  let known = false
  for (const { media, parameters } of clausesOf(accept)) {
    const [as, group, version] = [parameters.get("as"), parameters.get("g"), parameters.get("v")]
    const matched = mediaOf(media)
    if (matched === undefined) continue
    known = true
    if (as === undefined || as === "") return Either.right({ ...plain, media: matched })
    if (as === "Table" && !tables) continue
    if (transformed.has(as) && group === "meta.k8s.io" && (version === "v1" || version === "v1beta1")) {
      // The set has just these three.
      return Either.right({ media: matched, as: as as NonNullable<Form["as"]>, version })
    }
  }
  return Either.left(
    known
      ? notAcceptable(offered.slice(0, 3))
      : {
          code: 406,
          reason: "NotAcceptable",
          message: `406: Not Acceptable\n\nAvailable representations: ${(watchable ? offered : offered.slice(0, 3)).join(", ")}`,
          details: {}
        }
  )
}

export const metadataOnly = (object: JsonObject, version: string): JsonObject => ({
  kind: "PartialObjectMetadata",
  apiVersion: `meta.k8s.io/${version}`,
  metadata: metadataOf(object)
})

const refused = (message: string) => Either.left({ code: 406, reason: "NotAcceptable", message })

const inclusions = ["Metadata", "None", "Object"] as const

/** What of the objects a table is to have. */
export const includeObjectOf = (query: URLSearchParams): Either.Either<TableOptions["includeObject"], Failure> => {
  const said = query.get("includeObject") ?? ""
  const known = inclusions.find((each) => each === said)
  return said === "" || known !== undefined
    ? Either.right(known)
    : Either.left(
        badRequest(
          `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(said)}: must be 'Metadata', 'Object', 'None', or empty`
        )
      )
}

/** The table of what a verb of a kind answers. */
export const printed = (kind: Kind, object: JsonObject, options: Omit<TableOptions, "columns" | "metadata">) => {
  const isScale = object["kind"] === "Scale" && object["apiVersion"] === "autoscaling/v1"
  const columns = isScale && kind.custom ? customScaleColumns() : kind.custom?.columns
  return tableOfAnswer(isScale ? { group: "autoscaling", version: "v1", kind: "Scale" } : kind, object, {
    ...options,
    columns
  })
}

/** The object as it was asked for. */
export const inForm = (
  { as, version }: Form,
  object: JsonObject,
  {
    goType,
    kind,
    now,
    query
  }: {
    readonly goType: string
    readonly kind: Kind
    readonly query: URLSearchParams
    /** In milliseconds. */
    readonly now: number
  }
): Either.Either<JsonObject, Failure> => {
  // A status, as a delete answers it, is not turned into anything.
  if (as === undefined || object["kind"] === "Status") return Either.right(object)
  const { items } = object
  const { continue: next, ...metadata } = metadataOf(object)
  const listed = next === "" ? metadata : metadataOf(object)
  if (as === "Table") {
    return Either.map(includeObjectOf(query), (includeObject) =>
      printed(kind, isJsonArray(items) ? { ...object, metadata: listed } : object, { now, includeObject, version })
    )
  }
  if (as === "PartialObjectMetadata") {
    return isJsonArray(items)
      ? refused(`you requested PartialObjectMetadata, but the requested object is a list (*${goType})`)
      : Either.right(metadataOnly(object, version))
  }
  return isJsonArray(items)
    ? Either.right({
        kind: "PartialObjectMetadataList",
        apiVersion: `meta.k8s.io/${version}`,
        metadata: listed,
        items: items.filter(isJsonObject).map((item) => metadataOnly(item, version))
      })
    : refused(`you requested PartialObjectMetadataList, but the requested object is not a list (*${goType})`)
}

export const written = ({ media }: Pick<Form, "media">, object: JsonObject): string =>
  media === "application/yaml"
    ? stringify(object, { sortMapEntries: true, indentSeq: false, lineWidth: 0 })
    : JSON.stringify(object)
