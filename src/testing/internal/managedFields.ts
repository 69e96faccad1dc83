/**
 * Who manages which fields of an object: server-side apply, and the upkeep of `metadata.managedFields` by all other writes.
 *
 * The order of things in the server, which callers keep to:
 * - apply: `applyConfiguration` on the stored object, then defaults, admission and what the kind's strategy does;
 * - other writes: decode, defaults, `updateManaged`, then admission and strategy;
 * - at last, before an update is stored, `keepTimes`: a write that changes nothing but times is none.
 *
 * Fields of other versions of a kind are taken as they are: nothing is converted.
 *
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply
 */
import * as Either from "effect/Either"
import { normalized } from "./decode.js"
import * as FieldSet from "./fieldSet.js"
import { fromEntries, isJsonArray, isJsonObject, jsonEquals, own } from "./json.js"
import { builtIn, schemaOf, type GroupVersionKind, type Json, type JsonObject, type OpenApi } from "./openapi.js"
import { badRequest, unforeseen, type PatchFailure } from "./patchFailure.js"
import * as Structured from "./structuredMerge.js"

/** A write, as far as managed fields care. */
export interface ManagedWrite {
  /** What is stored: nothing if the write creates the object. */
  readonly live: JsonObject | undefined
  /** Of the kind, also if the write is to a subresource. */
  readonly schema: OpenApi
  readonly gvk: GroupVersionKind
  /** See `managerOf`. */
  readonly manager: string
  /** Of the server, in RFC 3339 and whole seconds. */
  readonly time: string
  readonly subresource?: string | undefined
  /** What the write does not reach: see `resetFields`. */
  readonly reset?: ReadonlyArray<ReadonlyArray<string>> | undefined
  /** The schemas of all versions of a custom kind, by `apiVersion`. */
  readonly versions?: ReadonlyMap<string, OpenApi> | undefined
}

export interface ApplyWrite extends ManagedWrite {
  readonly applied: JsonObject
  readonly force: boolean
}

export interface UpdateWrite extends ManagedWrite {
  readonly updated: JsonObject
}

type Operation = "Apply" | "Update"

/** What one manager has done by one operation to one part of the object. */
interface Entry {
  readonly manager: string
  readonly operation: Operation
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly set: FieldSet.FieldSet
}

type Managed = ReadonlyMap<string, Entry>

/** What makes an entry the same: an applier has one for all versions. The server sorts by this text. */
const idOf = ({ apiVersion, manager, operation, subresource }: Omit<Entry, "set" | "time">): string =>
  FieldSet.goJson({
    ...(manager === "" ? {} : { manager }),
    operation,
    ...(operation === "Apply" || apiVersion === "" ? {} : { apiVersion }),
    ...(subresource === "" ? {} : { subresource })
  })

const apiVersionOf = ({ group, version }: GroupVersionKind): string => (group === "" ? version : `${group}/${version}`)

const metadataOf = (object: JsonObject): JsonObject => {
  const metadata = own(object, "metadata")
  return isJsonObject(metadata) ? metadata : {}
}

const textOf = (object: JsonObject, key: string): string => {
  const value = own(object, key)
  return typeof value === "string" ? value : ""
}

const entriesOf = (object: JsonObject): ReadonlyArray<Json> | undefined => {
  const entries = own(metadataOf(object), "managedFields")
  return isJsonArray(entries) ? entries : undefined
}

/** The entries of an object, unless one of them is malformed. */
const decode = (entries: ReadonlyArray<Json>): Managed | undefined => {
  const managed = new Map<string, Entry>()
  for (const each of entries) {
    if (!isJsonObject(each)) return undefined
    const operation = textOf(each, "operation")
    const apiVersion = textOf(each, "apiVersion")
    if (operation !== "Apply" && operation !== "Update") return undefined
    if (apiVersion === "" || textOf(each, "fieldsType") !== "FieldsV1") return undefined
    const set = FieldSet.fromFields(own(each, "fieldsV1") ?? {})
    if (set === undefined) return undefined
    const time = textOf(each, "time")
    const entry: Entry = {
      manager: textOf(each, "manager"),
      operation,
      apiVersion,
      subresource: textOf(each, "subresource"),
      time: time === "" ? undefined : time,
      set
    }
    managed.set(idOf(entry), entry)
  }
  return managed
}

const noManaged: Managed = new Map()

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Times count in whole seconds, and an entry without one is the oldest. */
const seconds = ({ time }: Entry): number =>
  time === undefined ? Number.MIN_SAFE_INTEGER : Math.floor(Date.parse(time) / 1000)

const encode = (managed: Managed): ReadonlyArray<JsonObject> =>
  [...managed.values()]
    .toSorted(
      (a, b) =>
        compareText(a.operation, b.operation) ||
        seconds(a) - seconds(b) ||
        compareText(a.manager, b.manager) ||
        compareText(a.apiVersion, b.apiVersion) ||
        compareText(a.subresource, b.subresource)
    )
    .map(({ apiVersion, manager, operation, set, subresource, time }) => ({
      ...(manager === "" ? {} : { manager }),
      operation,
      apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: "FieldsV1",
      fieldsV1: FieldSet.toFields(set),
      ...(subresource === "" ? {} : { subresource })
    }))

/** The object with these entries, and none of its own. */
const withEntries = (object: JsonObject, entries: ReadonlyArray<JsonObject>): JsonObject => {
  const metadata = own(object, "metadata")
  if (metadata !== undefined && !isJsonObject(metadata)) return object
  if (entries.length === 0) {
    if (metadata === undefined || !Object.hasOwn(metadata, "managedFields")) return object
    const { managedFields: _, ...rest } = metadata
    return { ...object, metadata: rest }
  }
  return { ...object, metadata: { ...metadata, managedFields: entries } }
}

const without = (set: FieldSet.FieldSet, reset: ManagedWrite["reset"]): FieldSet.FieldSet =>
  reset === undefined || reset.length === 0
    ? set
    : FieldSet.recursiveDifference(set, FieldSet.fieldSet(reset.map((path) => path.map(FieldSet.name))))

/** What nobody manages. */
const identity = FieldSet.fieldSet(
  [
    ["apiVersion"],
    ["kind"],
    ["metadata"],
    ...[
      "name",
      "namespace",
      "creationTimestamp",
      "selfLink",
      "uid",
      "clusterName",
      "generation",
      "managedFields",
      "resourceVersion"
    ].map((field) => ["metadata", field])
  ].map((path) => path.map(FieldSet.name))
)

/** The entry without what nobody manages, if anything is left. */
const stripped = (managed: Managed, id: string): Managed => {
  const entry = managed.get(id)
  if (entry === undefined) return managed
  const set = FieldSet.difference(entry.set, identity)
  const result = new Map(managed)
  if (FieldSet.isEmpty(set)) result.delete(id)
  else result.set(id, { ...entry, set })
  return result
}

/** Without the entries of versions that are served no longer. */
const present = (managed: Managed, { gvk, schema }: ManagedWrite): Managed => {
  const type = Structured.typeOf(schema)
  const { groups } = builtIn()
  const serves = (apiVersion: string) => {
    if (schemaOf(gvk) === undefined) return true
    const [version = "", group = ""] = apiVersion.split("/").toReversed()
    return groups[group]?.includes(version) === true
  }
  return new Map(
    [...managed].flatMap(([id, entry]) =>
      serves(entry.apiVersion) ? [[id, { ...entry, set: Structured.reconciled(entry.set, type) }] as const] : []
    )
  )
}

interface Conflict {
  readonly entry: Entry
  readonly path: FieldSet.Path
}

interface Taken {
  readonly managed: Managed
  readonly conflicts: ReadonlyArray<Conflict>
}

/** Takes from all managers but `self` what a write has changed or removed. What was changed is in conflict. */
const take = (managed: Managed, changes: Structured.Comparison, self: string | undefined): Taken => {
  const changed = FieldSet.union(changes.modified, changes.added)
  const gone = FieldSet.union(changed, changes.removed)
  const result = new Map<string, Entry>()
  const conflicts: Array<Conflict> = []
  for (const [id, entry] of [...managed].toSorted(([a], [b]) => compareText(a, b))) {
    if (id === self) {
      if (!FieldSet.isEmpty(entry.set)) result.set(id, entry)
      continue
    }
    conflicts.push(...FieldSet.paths(FieldSet.intersection(entry.set, changed)).map((path) => ({ entry, path })))
    const set = FieldSet.difference(entry.set, gone)
    if (!FieldSet.isEmpty(set)) result.set(id, { ...entry, set })
  }
  return { managed: result, conflicts }
}

const comparison = (before: JsonObject, after: JsonObject, { reset, schema }: ManagedWrite): Structured.Comparison => {
  const { added, modified, removed } = Structured.compare(before, after, Structured.typeOf(schema))
  return { added: without(added, reset), modified: without(modified, reset), removed: without(removed, reset) }
}

const maxUpdaters = 10

/** Of too many managers that update, the oldest become one. */
const capped = (managed: Managed): Managed => {
  const updaters = [...managed]
    .filter(([, { operation }]) => operation === "Update")
    .toSorted(([a, left], [b, right]) => seconds(left) - seconds(right) || compareText(a, b))
  if (updaters.length <= maxUpdaters) return managed
  const result = new Map(managed)
  const firsts = new Map<string, string>()
  let count = updaters.length
  for (const [id, entry] of updaters) {
    if (count <= maxUpdaters) break
    const { apiVersion } = entry
    const first = firsts.get(apiVersion)
    if (first === undefined) {
      firsts.set(apiVersion, id)
      continue
    }
    const ancient = { manager: "ancient-changes", operation: "Update" as const, apiVersion, subresource: "" }
    const bucket = idOf(ancient)
    const merged = result.get(bucket) ?? result.get(first)
    if (!result.has(bucket)) result.delete(first)
    result.set(bucket, {
      ...ancient,
      time: entry.time,
      set: FieldSet.union(entry.set, merged?.set ?? FieldSet.empty)
    })
    result.delete(id)
    count--
  }
  return result
}

/** Whether an object has fields that another version, in which some of its fields are managed, does not have. */
const isForeign = (managed: Managed, object: JsonObject, { gvk, versions }: ManagedWrite): boolean =>
  [...new Set([...managed.values()].map(({ apiVersion }) => apiVersion))].some((apiVersion) => {
    const schema = apiVersion === apiVersionOf(gvk) ? undefined : versions?.get(apiVersion)
    return (
      schema !== undefined &&
      Structured.problemOf(object, Structured.typeOf(schema), { duplicates: true }) !== undefined
    )
  })

/** Gives the writer the fields that it has changed. Nothing if an object does not fit the schema. */
const update = (managed: Managed, before: JsonObject, after: JsonObject, write: ManagedWrite): Managed | undefined => {
  const type = Structured.typeOf(write.schema)
  const duplicates = { duplicates: true }
  if (Structured.problemOf(after, type, duplicates) ?? Structured.problemOf(before, type, duplicates)) return undefined
  const changes = comparison(before, after, write)
  const taken = take(present(managed, write), changes, undefined).managed
  const changed = FieldSet.difference(without(FieldSet.union(changes.modified, changes.added), write.reset), identity)
  const { manager, subresource = "", time } = write
  const own = {
    manager: manager === "" ? "unknown" : manager,
    operation: "Update" as const,
    apiVersion: apiVersionOf(write.gvk),
    subresource
  }
  const id = idOf(own)
  const set = FieldSet.union(changed, taken.get(id)?.set ?? FieldSet.empty)
  return capped(FieldSet.isEmpty(changed) ? taken : new Map([...taken, [id, { ...own, time, set }]]))
}

/** An object of the kind that is still to be filled: what has no `omitempty` is there. */
const blank = ({ gvk }: ManagedWrite): JsonObject => ({
  ...(schemaOf(gvk) === undefined ? {} : normalized(gvk, {})),
  apiVersion: apiVersionOf(gvk),
  kind: gvk.kind
})

const isReset = (entries: ReadonlyArray<Json> | undefined): boolean =>
  entries !== undefined && (entries.length === 0 || (entries.length === 1 && jsonEquals(entries[0], {})))

/**
 * The object with the entries that it has after a write other than apply. A client may write entries of its own: a list
 * that is empty, or of one empty entry, ends all management. What does not fit the schema is managed by nobody.
 */
export const updateManaged = (write: UpdateWrite): JsonObject => {
  const { live, subresource = "", updated } = write
  const stored = decode(live === undefined ? [] : (entriesOf(live) ?? [])) ?? noManaged
  const given = entriesOf(updated)
  const sent = subresource === "" && given !== undefined ? decode(given) : undefined
  const managed = subresource === "" && isReset(given) ? noManaged : sent !== undefined && sent.size > 0 ? sent : stored
  const bare = withEntries(updated, [])
  // Who does not manage fields does not begin to before the first apply.
  if (managed.size === 0 && live !== undefined) return bare
  // What cannot be said in the version of a manager ends all management.
  if (isForeign(managed, bare, write)) return bare
  const before = live === undefined ? blank(write) : live
  return withEntries(bare, encode(update(managed, before, bare, write) ?? noManaged))
}

const nullsDropped = (value: Json): Json =>
  isJsonObject(value)
    ? fromEntries(
        Object.entries(value).flatMap(([key, child]) => (child === null ? [] : [[key, nullsDropped(child)] as const]))
      )
    : value

const describeKind = ({ group, kind, version }: GroupVersionKind): string => `${group}/${version}, Kind=${kind}`

const kindOf = (object: JsonObject): GroupVersionKind => {
  const apiVersion = textOf(object, "apiVersion")
  const at = apiVersion.lastIndexOf("/")
  return {
    group: apiVersion.slice(0, Math.max(at, 0)),
    version: apiVersion.slice(at + 1),
    kind: textOf(object, "kind")
  }
}

const describe = (object: JsonObject, gvk: GroupVersionKind): string => {
  const metadata = metadataOf(object)
  return `${textOf(metadata, "namespace")}/${textOf(metadata, "name")}; ${describeKind(gvk)}`
}

const describeManager = ({ apiVersion, manager, operation, subresource }: Entry): string => {
  const from = `${JSON.stringify(manager)}${subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`}`
  return operation === "Update" ? `${from} using ${apiVersion}` : from
}

const conflictFailure = (conflicts: ReadonlyArray<Conflict>): PatchFailure => {
  const causes = conflicts.map(({ entry, path }) => ({
    reason: "FieldManagerConflict",
    message: `conflict with ${describeManager(entry)}`,
    field: FieldSet.showPath(path)
  }))
  const managers = [...new Set(conflicts.map(({ entry }) => entry))]
  const list = managers.flatMap((manager) => [
    `conflicts with ${describeManager(manager)}:`,
    ...conflicts.flatMap(({ entry, path }) => (entry === manager ? [`- ${FieldSet.showPath(path)}`] : []))
  ])
  const [only] = causes
  const what =
    only !== undefined && causes.length === 1
      ? `1 conflict: ${only.message}: ${only.field}`
      : `${causes.length} conflicts: ${list.join("\n")}`
  return { code: 409, reason: "Conflict", message: `Apply failed with ${what}`, details: { causes } }
}

/** `merged` without what the manager applied before and does not apply any more, unless others manage it. */
const pruned = (
  merged: JsonObject,
  managed: Managed,
  last: FieldSet.FieldSet | undefined,
  type: Structured.Type
): JsonObject => {
  if (last === undefined || FieldSet.isEmpty(last)) return merged
  const named = (set: FieldSet.FieldSet) => Structured.withNamed(set, type)
  const fields = (object: JsonObject) => named(Structured.fieldsIn(object, type))
  const all = fields(merged)
  const removed = Structured.remove(merged, named(last), type)
  const byAnyone = [...managed.values()].map(({ set }) => set).reduce(FieldSet.union, FieldSet.empty)
  const kept = FieldSet.union(fields(removed), named(byAnyone))
  const owned = Structured.remove(merged, FieldSet.difference(all, kept), type)
  // What nobody manages stays, unless the manager used to.
  const dangling = FieldSet.intersection(FieldSet.difference(all, fields(owned)), named(last))
  return Structured.remove(merged, dangling, type)
}

interface Applied {
  readonly object: JsonObject
  readonly managed: Managed
}

/** Why an apply did not go through: conflicts are kept as such, for who may pass over some. */
type Refusal = PatchFailure | { readonly conflicts: ReadonlyArray<Conflict> }

const apply = (
  managed: Managed,
  live: JsonObject,
  { applied, force, ...write }: ApplyWrite
): Either.Either<Applied, Refusal> => {
  const { gvk, manager, reset, schema, subresource = "", time } = write
  const type = Structured.typeOf(schema)
  const own: Omit<Entry, "set" | "time"> = {
    manager,
    operation: "Apply",
    apiVersion: apiVersionOf(gvk),
    subresource
  }
  const id = idOf(own)
  const before = present(managed, write)
  const last = before.get(id)
  const set = without(Structured.fieldsIn(applied, type), reset)
  const claimed = new Map([...before, [id, { ...own, time: last?.time, set }]])
  const object = pruned(Structured.merge(live, applied, type), claimed, last?.set, type)
  const taken = take(claimed, comparison(live, object, write), id)
  if (!force && taken.conflicts.length > 0) return Either.left({ conflicts: taken.conflicts })
  const result = stripped(taken.managed, id)
  if (jsonEquals(live, object)) return Either.right({ object: live, managed: result })
  const entry = result.get(id)
  return Either.right({
    object,
    managed: entry === undefined ? result : new Map([...result, [id, { ...entry, time }]])
  })
}

const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

const annotationsOf = (object: JsonObject): JsonObject | undefined => {
  const annotations = own(metadataOf(object), "annotations")
  return isJsonObject(annotations) ? annotations : undefined
}

const lastAppliedOf = (object: JsonObject): string => textOf(annotationsOf(object) ?? {}, lastAppliedAnnotation)

/** What `kubectl apply` of the client's side has applied and nobody has changed since: `kubectl` may take it over. */
const takenOver = (live: JsonObject, { gvk, schema }: ApplyWrite): FieldSet.FieldSet | undefined => {
  // What JSON.parse returns is JSON.
  const last = Either.getOrUndefined(Either.try(() => JSON.parse(lastAppliedOf(live)) as Json))
  const type = Structured.typeOf(schema)
  const strict = { duplicates: false }
  if (!isJsonObject(last) || textOf(last, "apiVersion") !== apiVersionOf(gvk)) return undefined
  if (Structured.problemOf(live, type, strict) ?? Structured.problemOf(last, type, strict)) return undefined
  const { added, modified, removed } = Structured.compare(last, live, type)
  return [modified, added, removed].reduce(FieldSet.difference, Structured.fieldsIn(last, type))
}

const maxAnnotations = 256 * 1024

const sorted = (value: Json): Json =>
  isJsonArray(value)
    ? value.map(sorted)
    : isJsonObject(value)
      ? fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => compareText(a, b))
            .map(([key, child]) => [key, sorted(child)] as const)
        )
      : value

/** Keeps the annotation of the client's side up to date, for a `kubectl` that goes back to it. */
const withLastApplied = (object: JsonObject, applied: JsonObject): JsonObject => {
  const annotations = annotationsOf(object)
  if (annotations === undefined || lastAppliedOf(object) === "") return object
  const { [lastAppliedAnnotation]: _, ...others } = annotationsOf(applied) ?? {}
  const plain = annotationsOf(applied) === undefined ? applied : withAnnotations(applied, others)
  const text = `${FieldSet.goJson(sorted(plain))}\n`
  const all = { ...annotations, [lastAppliedAnnotation]: text }
  const size = Object.entries(all).reduce((sum, [key, value]) => sum + Buffer.byteLength(`${key}${String(value)}`), 0)
  const { [lastAppliedAnnotation]: __, ...rest } = annotations
  return withAnnotations(object, size > maxAnnotations ? rest : all)
}

const withAnnotations = (object: JsonObject, annotations: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...metadataOf(object), annotations }
})

/**
 * The object after server-side apply, with the entries of all managers. It is as merged: without defaults, and with nulls
 * where the configuration has them or where a field of a custom object has lost all of its parts.
 */
export const applyConfiguration = (write: ApplyWrite): Either.Either<JsonObject, PatchFailure> => {
  const { applied, gvk, schema } = write
  const kind = kindOf(applied)
  if (kind.group !== gvk.group || kind.version !== gvk.version || kind.kind !== gvk.kind) {
    return Either.left(badRequest(`invalid object type: ${describeKind(kind)}`))
  }
  const live = write.live ?? (nullsDropped(blank(write)) as JsonObject)
  const stored = decode(entriesOf(live) ?? [])
  if (stored === undefined) return Either.left(unforeseen("failed to decode managed fields"))
  const managed =
    stored.size > 0 || write.live === undefined
      ? stored
      : (update(noManaged, blank(write), live, { ...write, manager: "before-first-apply" }) ?? noManaged)

  if (entriesOf(applied) !== undefined) return Either.left(badRequest("metadata.managedFields must be nil"))
  const type = Structured.typeOf(schema)
  const problem = Structured.problemOf(applied, type, { duplicates: false })
  if (problem !== undefined) {
    return Either.left(unforeseen(`failed to create typed patch object (${describe(applied, gvk)}): ${problem}`))
  }
  const liveProblem = Structured.problemOf(live, type, { duplicates: true })
  if (liveProblem !== undefined) {
    return Either.left(unforeseen(`failed to create typed live object (${describe(live, gvk)}): ${liveProblem}`))
  }

  const isKubectl = write.manager === "kubectl"
  const first = apply(managed, live, write)
  const result = Either.orElse(first, (refusal): Either.Either<Applied, PatchFailure> => {
    if (!("conflicts" in refusal)) return Either.left(refusal)
    const allowed = isKubectl ? takenOver(live, write) : undefined
    const conflicts = refusal.conflicts.filter(({ path }) => allowed === undefined || !FieldSet.has(allowed, path))
    if (conflicts.length > 0) return Either.left(conflictFailure(conflicts))
    return Either.mapLeft(apply(managed, live, { ...write, force: true }), (again) =>
      "conflicts" in again ? conflictFailure(again.conflicts) : again
    )
  })
  return Either.map(result, (done) =>
    withEntries(isKubectl ? withLastApplied(done.object, applied) : done.object, encode(done.managed))
  )
}

const withoutTimes = (entries: ReadonlyArray<Json>): Json =>
  entries.map((entry) => {
    if (!isJsonObject(entry)) return entry
    const { time: _, ...rest } = entry
    return rest
  })

/** The object as it is stored: if a write has changed nothing but the times of its entries, they stay as they were. */
export const keepTimes = (live: JsonObject, updated: JsonObject): JsonObject => {
  const before = entriesOf(live)
  const after = entriesOf(updated)
  if (before === undefined || after === undefined || after.length === 0) return updated
  return jsonEquals(withoutTimes(before), withoutTimes(after)) &&
    jsonEquals(withEntries(live, []), withEntries(updated, []))
    ? live
    : updated
}

const replicasOfScale = ["spec", "replicas"].map(FieldSet.name)

/** Where an object has the replicas of its scale. */
interface Scaled {
  readonly apiVersion: string
  readonly replicas: ReadonlyArray<string>
}

/** Who manages the replicas of an object, as entries of its scale. */
export const scaleEntries = (
  object: JsonObject,
  scale: GroupVersionKind,
  { apiVersion, replicas }: Scaled
): ReadonlyArray<JsonObject> =>
  encode(
    new Map(
      [...(decode(entriesOf(object) ?? []) ?? noManaged)].flatMap(([id, entry]) =>
        entry.apiVersion === apiVersion && FieldSet.has(entry.set, replicas.map(FieldSet.name))
          ? [[id, { ...entry, apiVersion: apiVersionOf(scale), set: FieldSet.fieldSet([replicasOfScale]) }] as const]
          : []
      )
    )
  )

/**
 * The object with the entries that it has after a write to its scale. Who manages the replicas by an update of the object
 * itself is not known again in the scale, and gets an entry of its own for them, without a time.
 */
export const withScaleEntries = (
  object: JsonObject,
  scale: JsonObject,
  { apiVersion, replicas }: Scaled
): JsonObject => {
  const field = FieldSet.fieldSet([replicas.map(FieldSet.name)])
  const scaling = new Map(decode(entriesOf(scale) ?? []) ?? noManaged)
  const result: Array<Entry> = []
  for (const [id, entry] of decode(entriesOf(object) ?? []) ?? noManaged) {
    if (!FieldSet.has(entry.set, replicas.map(FieldSet.name)) || scaling.delete(id)) result.push(entry)
    else {
      const set = FieldSet.difference(entry.set, field)
      if (!FieldSet.isEmpty(set)) result.push({ ...entry, set })
    }
  }
  for (const entry of scaling.values()) {
    if (FieldSet.has(entry.set, replicasOfScale)) result.push({ ...entry, apiVersion, set: field, time: undefined })
  }
  return withEntries(object, encode(new Map(result.map((entry, index) => [String(index), entry]))))
}

const maxManagerBytes = 128

/** The manager of a write: the one that the request names, or what its user agent begins with. */
export const managerOf = (fieldManager: string | undefined, userAgent: string | undefined): string => {
  if (fieldManager !== undefined && fieldManager !== "") return fieldManager
  const [agent = ""] = (userAgent ?? "").split("/")
  let result = ""
  for (const char of agent) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) continue
    if (Buffer.byteLength(result + char) > maxManagerBytes) break
    result += char
  }
  return result
}

/** Kinds whose status update leaves more alone than the spec. */
const statusLeaves: { readonly [group: string]: { readonly [kind: string]: ReadonlyArray<ReadonlyArray<string>> } } = {
  "": { Pod: [["spec"], ["metadata", "deletionTimestamp"], ["metadata", "ownerReferences"]] },
  apps: { Deployment: [["spec"], ["metadata", "labels"]] },
  "admissionregistration.k8s.io": { ValidatingAdmissionPolicy: [["spec"], ["metadata"]] },
  "certificates.k8s.io": { CertificateSigningRequest: [["spec"], ["status", "conditions"]] },
  "flowcontrol.apiserver.k8s.io": {
    FlowSchema: [["spec"], ["metadata"]],
    PriorityLevelConfiguration: [["spec"], ["metadata"]]
  },
  // The server has these under a group that does not exist.
  "networking.k8s.io": { ServiceCIDR: [] },
  "resource.k8s.io": { ResourceClaim: [["spec"], ["metadata"]] },
  "storage.k8s.io": { VolumeAttachment: [["spec"], ["metadata"]] }
}

/**
 * The fields that a write to an object, or to a subresource of it, leaves alone: whoever sends them does not manage them.
 * `hasStatus`: whether the kind has the subresource `status`.
 */
export const resetFields = (
  { group, kind }: GroupVersionKind,
  subresource: string,
  hasStatus: boolean
): ReadonlyArray<ReadonlyArray<string>> => {
  if (!hasStatus || (group === "networking.k8s.io" && kind === "ServiceCIDR")) return []
  const isRequest = group === "certificates.k8s.io" && kind === "CertificateSigningRequest"
  switch (subresource) {
    case "":
      return isRequest ? [["spec"], ["status"]] : [["status"]]
    case "finalize":
      return [["status"]]
    case "approval":
      return isRequest ? [["spec"], ["status", "certificate"]] : []
    case "status":
      return statusLeaves[group]?.[kind] ?? [["spec"]]
    default:
      return []
  }
}
