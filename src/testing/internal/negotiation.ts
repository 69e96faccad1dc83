/** In which form an answer is wanted: the `Accept` header. */
import * as Either from "effect/Either"
import { stringify } from "yaml"
import { isJsonArray, isJsonObject } from "./json.js"
import type { JsonObject } from "./openapi.js"
import { notAcceptable, type Failure } from "./status.js"
import { metadataOf } from "./store.js"

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

/** The first form that both sides know. */
export const formOf = (accept: string | undefined): Either.Either<Form, Failure> => {
  if (accept === undefined || accept.trim() === "") return Either.right(plain)
  let known = false
  for (const { media, parameters } of clausesOf(accept)) {
    const [as, group, version] = [parameters.get("as"), parameters.get("g"), parameters.get("v")]
    const matched =
      media === "application/json" || media === "application/*" || media === "*/*"
        ? "application/json"
        : media === "application/yaml"
          ? media
          : undefined
    if (matched === undefined) continue
    known = true
    if (as === undefined || as === "") return Either.right({ ...plain, media: matched })
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
          message: `406: Not Acceptable\n\nAvailable representations: ${offered.join(", ")}`,
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

/** The object as it was asked for. */
export const inForm = (
  { as, version }: Form,
  object: JsonObject,
  goType: string
): Either.Either<JsonObject, Failure> => {
  // A status, as a delete answers it, is not turned into anything.
  if (as === undefined || object["kind"] === "Status") return Either.right(object)
  const { items } = object
  if (as === "Table") {
    // tables.ts: server-side printing.
    return refused("the server does not print tables of this kind")
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
        metadata: object["metadata"] ?? {},
        items: items.filter(isJsonObject).map((item) => metadataOnly(item, version))
      })
    : refused(`you requested PartialObjectMetadataList, but the requested object is not a list (*${goType})`)
}

export const written = ({ media }: Pick<Form, "media">, object: JsonObject): string =>
  media === "application/yaml" ? stringify(object, { sortMapEntries: true }) : JSON.stringify(object)
