/** What names, labels and the rest of an object's metadata have to be, in the words of apimachinery. */
import { isIP } from "node:net"
import { isJsonObject, jsonEquals, listOf } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { forbiddenValue, invalidValue, required, type Cause } from "./status.js"
import { metadataOf } from "./store.js"
import type { NameRule } from "./strategies.js"

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const subdomainProblem =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const qualified = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const qualifiedProblem =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const value = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/
const valueProblem =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

const tooLong = (limit: number) => `must be no more than ${limit} characters`

/** Of labels it says bytes. */
const tooManyBytes = (limit: number) => `must be no more than ${limit} bytes`

const bytes = (text: string): number => Buffer.byteLength(text)

/** A pattern and its length: what is wrong with a text, if anything. */
const matching =
  (pattern: RegExp, problem: string, limit: number, long = tooLong) =>
  (text: string): ReadonlyArray<string> => [
    ...(bytes(text) > limit ? [long(limit)] : []),
    ...(pattern.test(text) ? [] : [problem])
  ]

const label = matching(
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  63
)

/** What is wrong with a name, by its rule. */
export const rules: { readonly [R in NameRule]: (name: string) => ReadonlyArray<string> } = {
  subdomain: matching(subdomain, subdomainProblem, 253),
  // Of a name that is one but for its dots it says just that.
  label: (name) => (name.includes(".") && subdomain.test(name) ? ["must not contain dots"] : label(name)),
  label1035: matching(
    /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    63
  ),
  path: (name) =>
    name === "." || name === ".."
      ? [`may not be '${name}'`]
      : ["/", "%"].filter((illegal) => name.includes(illegal)).map((illegal) => `may not contain '${illegal}'`),
  ip: (name) => (isIP(name) === 0 ? ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"] : [])
}

/** A prefix that a name will get a suffix to may end with a dash. What stands before it goes with it. */
const maskTrailingDash = (prefix: string): string =>
  prefix.length > 1 && prefix.endsWith("-") ? `${prefix.slice(0, -2)}a` : prefix

export const labelKeyProblem = (key: string): string | undefined => labelKeyProblems(key)[0]

export const labelKeyProblems = (key: string): ReadonlyArray<string> => {
  const parts = key.split("/")
  const [first = "", second] = parts
  if (parts.length > 2) {
    return [
      `a valid label key ${qualifiedProblem} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`
    ]
  }
  const name = second ?? first
  return [
    ...(second === undefined
      ? []
      : first === ""
        ? ["prefix part must be non-empty"]
        : rules.subdomain(first).map((problem) => `prefix part ${problem}`)),
    ...(name === ""
      ? ["name part must be non-empty", `name part ${qualifiedProblem}`]
      : [
          ...(bytes(name) > 63 ? [`name part ${tooManyBytes(63)}`] : []),
          ...(qualified.test(name) ? [] : [`name part ${qualifiedProblem}`])
        ])
  ]
}

export const labelValueProblems = matching(value, valueProblem, 63, tooManyBytes)

export const labelValueProblem = (text: string): string | undefined => labelValueProblems(text)[0]

const quoted = (text: string): string => JSON.stringify(text)

const textOf = (object: JsonObject, key: string): string => {
  const text = object[key]
  return typeof text === "string" ? text : ""
}

const invalids = (field: string, text: string, problems: ReadonlyArray<string>): ReadonlyArray<Cause> =>
  problems.map((problem) => invalidValue(field, quoted(text), problem))

const entries = (map: Json | undefined): ReadonlyArray<readonly [string, Json]> =>
  isJsonObject(map) ? Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)) : []

const annotationsLimit = 256 * 1024

const labels = (metadata: JsonObject): ReadonlyArray<Cause> =>
  entries(metadata["labels"]).flatMap(([key, text]) => [
    ...invalids("metadata.labels", key, labelKeyProblems(key)),
    ...invalids("metadata.labels", String(text), labelValueProblems(String(text)))
  ])

const annotations = (metadata: JsonObject): ReadonlyArray<Cause> => {
  const all = entries(metadata["annotations"])
  const size = all.reduce((sum, [key, text]) => sum + bytes(key) + bytes(String(text)), 0)
  return [
    // Only labels are case-sensitive about the prefix.
    ...all.flatMap(([key]) => invalids("metadata.annotations", key, labelKeyProblems(key.toLowerCase()))),
    ...(size > annotationsLimit
      ? [
          {
            reason: "FieldValueTooLong",
            message: `Too long: may not be more than ${annotationsLimit} bytes`,
            field: "metadata.annotations"
          }
        ]
      : [])
  ]
}

/** A reference with its fields in the order that Go writes them. */
const goOwner = ({ apiVersion, kind, name, uid, ...rest }: JsonObject): JsonObject => ({
  apiVersion: apiVersion ?? "",
  kind: kind ?? "",
  name: name ?? "",
  uid: uid ?? "",
  ...rest
})

const ownerReferences = (metadata: JsonObject): ReadonlyArray<Cause> => {
  const owners = listOf(metadata["ownerReferences"]).filter(isJsonObject)
  const controllers = owners.filter((owner) => owner["controller"] === true)
  const missing = (owner: JsonObject, key: string): ReadonlyArray<Cause> =>
    textOf(owner, key) === "" ? [invalidValue(`metadata.ownerReferences.${key}`, '""', "must not be empty")] : []
  return [
    ...owners.flatMap((owner) => [
      ...(textOf(owner, "apiVersion") === "" || textOf(owner, "apiVersion").split("/").length > 2
        ? [
            invalidValue(
              "metadata.ownerReferences.apiVersion",
              quoted(textOf(owner, "apiVersion")),
              "version must not be empty"
            )
          ]
        : []),
      ...missing(owner, "kind"),
      ...missing(owner, "name"),
      ...missing(owner, "uid"),
      ...(owner["kind"] === "Event" && owner["apiVersion"] === "v1"
        ? [
            invalidValue(
              "metadata.ownerReferences",
              JSON.stringify(goOwner(owner)),
              "/v1, Kind=Event is disallowed from being an owner"
            )
          ]
        : [])
    ]),
    ...(controllers.length > 1
      ? [
          invalidValue(
            "metadata.ownerReferences",
            JSON.stringify(owners.map(goOwner)),
            `Only one reference can have Controller set to true. Found "true" in references for ${textOf(controllers[0] ?? {}, "kind")}/${textOf(controllers[0] ?? {}, "name")} and ${textOf(controllers[1] ?? {}, "kind")}/${textOf(controllers[1] ?? {}, "name")}`
          )
        ]
      : [])
  ]
}

export const standardFinalizers = new Set(["kubernetes", "orphan", "foregroundDeletion"])

/** `any`: it need not be of a domain. */
const finalizers = (metadata: JsonObject, any: boolean): ReadonlyArray<Cause> => {
  const all = listOf(metadata["finalizers"]).map(String)
  return [
    ...all.flatMap((finalizer, index) => [
      ...invalids("metadata.finalizers", finalizer, labelKeyProblems(finalizer)),
      ...(any || finalizer.includes("/") || standardFinalizers.has(finalizer)
        ? []
        : [
            invalidValue(
              `metadata.finalizers[${index}]`,
              quoted(finalizer),
              "name is neither a standard finalizer name nor is it fully qualified"
            )
          ])
    ]),
    ...(all.includes("orphan") && all.includes("foregroundDeletion")
      ? [
          invalidValue(
            "metadata.finalizers",
            JSON.stringify(all),
            "finalizer orphan and foregroundDeletion cannot be both set"
          )
        ]
      : [])
  ]
}

/** What is wrong with the metadata of an object that is created. */
export const metadataCauses = (object: JsonObject, rule: NameRule, any = false): ReadonlyArray<Cause> => {
  const metadata = metadataOf(object)
  const [name, generateName] = [textOf(metadata, "name"), textOf(metadata, "generateName")]
  return [
    ...(generateName === ""
      ? []
      : invalids("metadata.generateName", generateName, rules[rule](maskTrailingDash(generateName)))),
    ...(name === ""
      ? [required("metadata.name", "name or generateName is required")]
      : invalids("metadata.name", name, rules[rule](name))),
    ...shared(metadata, any)
  ]
}

const shared = (metadata: JsonObject, any: boolean): ReadonlyArray<Cause> => {
  const generation = metadata["generation"]
  return [
    ...(typeof generation === "number" && generation < 0
      ? [invalidValue("metadata.generation", String(generation), "must be greater than or equal to 0")]
      : []),
    ...labels(metadata),
    ...annotations(metadata),
    ...ownerReferences(metadata),
    ...finalizers(metadata, any)
  ]
}

const immutable = ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]

/** What is wrong with the metadata of an object that takes the place of another. */
export const metadataUpdateCauses = (object: JsonObject, old: JsonObject, any = false): ReadonlyArray<Cause> => {
  const [metadata, before] = [metadataOf(object), metadataOf(old)]
  const known = listOf(before["finalizers"])
  const added = listOf(metadata["finalizers"]).filter((finalizer) => !known.includes(finalizer))
  const once: ReadonlyArray<Cause> = [
    ...(before["deletionTimestamp"] !== undefined && added.length > 0
      ? [
          forbiddenValue(
            "metadata.finalizers",
            `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((each) => quoted(String(each))).join(", ")}}`
          )
        ]
      : []),
    ...immutable
      .filter((key) => !jsonEquals(metadata[key], before[key]))
      .map((key) => invalidValue(`metadata.${key}`, JSON.stringify(metadata[key] ?? null), "field is immutable"))
  ]
  // The API server looks twice: for the kind, and for all kinds.
  return [...shared(metadata, any), ...once, ...once]
}
