/**
 * Every option of every verb, and what it does on a real API server: on a built-in kind in namespaces, on one of the
 * whole cluster, and on a custom kind. An option that is added to a verb has to be added here, or this does not compile.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Chunk, Context, Effect, Layer, Stream, type Scope } from "effect"
import {
  ClusterRole,
  ConfigMap,
  Patch,
  type KubeClient,
  type KubeError,
  type Resource,
  type Stored
} from "effect-kubernetes"
import * as e2e from "../support/e2e.js"

// ---------------------------------------------------------------------------------------------------------------------
// The kinds
// ---------------------------------------------------------------------------------------------------------------------

interface Kind extends Resource.KubernetesObject {}

interface Meta {
  readonly name: string
  readonly labels?: { readonly [key: string]: string }
  readonly finalizers?: ReadonlyArray<string>
}

/** A kind, and objects of it that have a value. */
interface Subject {
  readonly kind: Resource.Cluster<Kind>
  readonly object: (metadata: Meta, value: string) => Kind & Resource.Named
  readonly value: (stored: Stored<Kind>) => unknown
  /** Has strategic merge patches: custom kinds have none. */
  readonly strategic: boolean
  /** The place of a field that the kind does not have. */
  readonly unknownField: readonly [string, ...ReadonlyArray<string>]
}

/** What is generic here is about all kinds alike: a kind's own type does not matter. */
const subject = <K, I>(
  kind: Resource.Cluster<K, I> | Resource.Namespaced<K, I>,
  own: {
    readonly object: (metadata: Meta, value: string) => K
    readonly value: (stored: Stored<K>) => unknown
    readonly strategic: boolean
    readonly unknownField: readonly [string, ...ReadonlyArray<string>]
  }
): Subject => ({ kind, ...own }) as unknown as Subject

type Body = (subject: Subject, name: string) => Effect.Effect<unknown, KubeError, KubeClient | Scope.Scope>

/** A custom kind that is there for all tests of this file. */
class Custom extends Context.Tag("test/Custom")<Custom, Subject>() {}

const customLayer = Layer.scoped(
  Custom,
  Effect.map(e2e.freshWidget, (Widget) =>
    subject(Widget, {
      object: (metadata, value) => ({ metadata, spec: { due: new Date("2030-01-02T03:04:05Z"), parts: [value] } }),
      value: ({ spec }) => spec.parts?.[0],
      strategic: false,
      unknownField: ["spec", "nope"]
    })
  )
)

const subjects: Record<string, Effect.Effect<Subject, never, Custom>> = {
  "a namespaced kind": Effect.succeed(
    subject(ConfigMap, {
      object: (metadata, value) => ({ metadata, data: { value } }),
      value: ({ data }) => data?.["value"],
      strategic: true,
      unknownField: ["nope"]
    })
  ),
  "a cluster-scoped kind": Effect.succeed(
    subject(ClusterRole, {
      object: (metadata, value) => ({ metadata, rules: [{ apiGroups: [""], resources: [value], verbs: ["get"] }] }),
      value: ({ rules }) => rules?.[0]?.resources?.[0],
      strategic: true,
      unknownField: ["nope"]
    })
  ),
  "a custom kind": Custom
}

// ---------------------------------------------------------------------------------------------------------------------
// What the tests share
// ---------------------------------------------------------------------------------------------------------------------

type Call = Effect.Effect<unknown, KubeError, KubeClient>

/** Of a name that no other test has: some kinds have no namespaces. */
const labelsOf = (name: string) => ({ test: name })

const create = ({ kind, object }: Subject, name: string, value = "pods", more: Omit<Meta, "name" | "labels"> = {}) =>
  kind.create(object({ name, labels: labelsOf(name), ...more }, value))

/** Three objects of one label: `NAME-a`, `NAME-b`, `NAME-c`. */
const three = ({ kind, object }: Subject, name: string) =>
  Effect.forEach(["a", "b", "c"], (letter) =>
    kind.create(object({ name: `${name}-${letter}`, labels: { ...labelsOf(name), letter } }, "pods"))
  )

const letters = (names: Iterable<string | undefined>) => [...names].map((name) => name?.at(-1)).toSorted()

const left = ({ kind }: Subject, name: string) =>
  Effect.map(kind.list({ labels: labelsOf(name) }), ({ items }) => letters(items.map(({ metadata }) => metadata.name)))

const errorOf = (call: Call): Effect.Effect<KubeError | undefined, never, KubeClient> =>
  Effect.match(call, { onFailure: (error) => error, onSuccess: () => undefined })

const failsWith = (tag: KubeError["_tag"], calls: ReadonlyArray<Call>): Call =>
  Effect.forEach(calls, (call) => Effect.map(errorOf(call), (error) => assert.strictEqual(error?._tag, tag)))

const managers = (object: { readonly metadata: Stored<ConfigMap>["metadata"] }) =>
  (object.metadata.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`)

const elsewhere = "00000000-0000-0000-0000-000000000000"
const inNoTime = "1 nanos"

/** An option, and a test of it for every verb that takes it. */
type Tests<Options> = { readonly [O in keyof Options]-?: Body }

// ---------------------------------------------------------------------------------------------------------------------
// get, getOption, exists, getMetadata, getTable
// ---------------------------------------------------------------------------------------------------------------------

const gets = ({ kind }: Subject, name: string, options: Resource.GetOptions): ReadonlyArray<Call> => [
  kind.get(name, options),
  kind.getOption(name, options),
  kind.exists(name, options),
  kind.getMetadata(name, options),
  kind.getTable(name, options)
]

const ofGet: Tests<Resource.GetOptions> = {
  resourceVersion: (subject, name) =>
    Effect.gen(function* () {
      const { metadata } = yield* create(subject, name)
      yield* Effect.all(gets(subject, name, { resourceVersion: metadata.resourceVersion }))
      yield* failsWith("InternalError", gets(subject, name, { resourceVersion: "yesterday" }))
    }),
  timeout: (subject, name) => failsWith("TimeoutError", gets(subject, name, { timeout: inNoTime }))
}

// ---------------------------------------------------------------------------------------------------------------------
// list, listMetadata, listTable; stream
// ---------------------------------------------------------------------------------------------------------------------

/** The names that each verb finds. */
const lists = ({ kind }: Subject, options: Resource.ListOptions) =>
  Effect.all([
    Effect.map(kind.list(options), ({ items, ...rest }) => ({
      ...rest,
      names: letters(items.map(({ metadata }) => metadata.name))
    })),
    Effect.map(kind.listMetadata(options), ({ items, ...rest }) => ({
      ...rest,
      names: letters(items.map(({ metadata }) => metadata.name))
    })),
    Effect.map(kind.listTable(options), ({ metadata, rows }) => ({
      continue: metadata?.continue,
      names: letters(rows.map(({ object }) => object?.metadata.name))
    }))
  ])

const streams = ({ kind }: Subject, options: Resource.StreamOptions) =>
  Effect.map(Stream.runCollect(kind.stream(options)), (items) =>
    letters(Chunk.toReadonlyArray(items).map(({ metadata }) => metadata.name))
  )

const found = (subject: Subject, options: Resource.ListOptions) =>
  Effect.map(lists(subject, options), (answers) => answers.map(({ names }) => names))

const all = ["a", "b", "c"]

const ofList: Tests<Resource.ListOptions> = {
  labels: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const some = { labels: { ...labelsOf(name), letter: "b" } }
      assert.deepStrictEqual(yield* found(subject, some), [["b"], ["b"], ["b"]])
      assert.deepStrictEqual(yield* streams(subject, some), ["b"])
    }),
  fields: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const one = { fields: { "metadata.name": `${name}-c` } }
      assert.deepStrictEqual(yield* found(subject, one), [["c"], ["c"], ["c"]])
      assert.deepStrictEqual(yield* streams(subject, one), ["c"])
    }),
  limit: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      for (const page of yield* lists(subject, { labels: labelsOf(name), limit: 2 })) {
        assert.deepStrictEqual(page.names, ["a", "b"])
        assert.isString(page.continue)
      }
      // The pages of a stream.
      for (const limit of [1, 2, 3]) {
        assert.deepStrictEqual(yield* streams(subject, { labels: labelsOf(name), limit }), all)
      }
    }),
  continue: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = labelsOf(name)
      const first = yield* subject.kind.list({ labels, limit: 2 })
      assert.deepStrictEqual(yield* found(subject, { labels, continue: first.continue }), [["c"], ["c"], ["c"]])
    }),
  resourceVersion: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = labelsOf(name)
      const { resourceVersion } = yield* subject.kind.list({ labels })
      assert.deepStrictEqual(yield* found(subject, { labels, resourceVersion }), [all, all, all])
      assert.deepStrictEqual(yield* streams(subject, { labels, resourceVersion }), all)
      const wrong = { resourceVersion: "yesterday" }
      const { kind } = subject
      yield* failsWith("BadRequest", [kind.list(wrong), kind.listMetadata(wrong), kind.listTable(wrong)])
      yield* failsWith("BadRequest", [streams(subject, wrong)])
    }),
  resourceVersionMatch: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = labelsOf(name)
      const { resourceVersion } = yield* subject.kind.list({ labels })
      yield* subject.kind.delete(`${name}-a`)
      const then = { labels, resourceVersion, resourceVersionMatch: "Exact" } as const
      assert.deepStrictEqual(yield* found(subject, then), [all, all, all])
      assert.deepStrictEqual(yield* streams(subject, { ...then, limit: 1 }), all)
      const since = yield* subject.kind.list({ labels })
      const now = { ...then, resourceVersion: since.resourceVersion, resourceVersionMatch: "NotOlderThan" } as const
      const rest = ["b", "c"]
      assert.deepStrictEqual(yield* found(subject, now), [rest, rest, rest])
      assert.deepStrictEqual(yield* streams(subject, now), rest)
    }),
  timeoutSeconds: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = labelsOf(name)
      assert.deepStrictEqual(yield* found(subject, { labels, timeoutSeconds: 30 }), [all, all, all])
    }),
  timeout: (subject) =>
    failsWith("TimeoutError", [
      subject.kind.list({ timeout: inNoTime }),
      subject.kind.listMetadata({ timeout: inNoTime }),
      subject.kind.listTable({ timeout: inNoTime }),
      streams(subject, { timeout: inNoTime })
    ])
}

// ---------------------------------------------------------------------------------------------------------------------
// watch and watchMetadata, over one connection
// ---------------------------------------------------------------------------------------------------------------------

const show = (event: {
  readonly _tag: string
  readonly object?: { readonly metadata: { readonly name: string } }
}): string => (event.object === undefined ? event._tag : `${event._tag} ${event.object.metadata.name.at(-1)}`)

/** The first events of each verb, without the bookmarks that come when the server likes. */
const events = (
  { kind }: Subject,
  count: number,
  options: Omit<Resource.SingleWatchOptions, "resume">
): Effect.Effect<ReadonlyArray<ReadonlyArray<string>>, KubeError, KubeClient> =>
  Effect.forEach(
    [
      kind.watch({ ...options, resume: false }).pipe(Stream.map((event) => [event._tag, show(event)] as const)),
      kind.watchMetadata({ ...options, resume: false }).pipe(Stream.map((event) => [event._tag, show(event)] as const))
    ],
    (stream) =>
      stream.pipe(
        Stream.filter(([tag]) => tag !== "Bookmark"),
        Stream.take(count),
        Stream.runCollect,
        Effect.map((seen) => Chunk.toReadonlyArray(seen).map(([, shown]) => shown))
      ),
    { concurrency: "unbounded" }
  )

const twice = <A>(value: A) => [value, value]

const ofWatch: Tests<Resource.SingleWatchOptions> = {
  // Without it, a watch goes on when its connection ends: `watch.test.ts`.
  resume: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const options = { labels: labelsOf(name), timeoutSeconds: 1 }
      assert.deepStrictEqual(yield* events(subject, 99, options), twice(["Added a", "Added b", "Added c", "Synced"]))
    }),
  labels: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = { ...labelsOf(name), letter: "b" }
      assert.deepStrictEqual(yield* events(subject, 99, { labels, timeoutSeconds: 1 }), twice(["Added b", "Synced"]))
    }),
  fields: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const fields = { "metadata.name": `${name}-c` }
      assert.deepStrictEqual(yield* events(subject, 99, { fields, timeoutSeconds: 1 }), twice(["Added c", "Synced"]))
    }),
  resourceVersion: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = labelsOf(name)
      const { resourceVersion } = yield* subject.kind.list({ labels })
      yield* subject.kind.label(`${name}-b`, { changed: "yes" })
      yield* subject.kind.delete(`${name}-a`)
      assert.deepStrictEqual(yield* events(subject, 2, { labels, resourceVersion }), twice(["Modified b", "Deleted a"]))
    }),
  sendInitialEvents: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const options = { labels: labelsOf(name), sendInitialEvents: true }
      const [full = [], metadata = []] = yield* events(subject, 4, options)
      for (const seen of [full, metadata]) {
        assert.deepStrictEqual(seen.slice(0, 3).toSorted(), ["Added a", "Added b", "Added c"])
        assert.strictEqual(seen[3], "Synced")
      }
    }),
  allowWatchBookmarks: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const options = { labels: labelsOf(name), timeoutSeconds: 1 }
      // A bookmark says that these were all.
      const added = ["Added a", "Added b", "Added c"]
      assert.deepStrictEqual(
        yield* events(subject, 4, { ...options, allowWatchBookmarks: true }),
        twice([...added, "Synced"])
      )
      assert.deepStrictEqual(yield* events(subject, 99, { ...options, allowWatchBookmarks: false }), twice(added))
    }),
  timeoutSeconds: (subject, name) =>
    Effect.gen(function* () {
      // It ends, and so does this test.
      assert.deepStrictEqual(
        yield* events(subject, 99, { labels: labelsOf(name), timeoutSeconds: 1 }),
        twice(["Synced"])
      )
    }),
  timeout: (subject) =>
    failsWith("TimeoutError", [
      Stream.runDrain(subject.kind.watch({ resume: false, timeout: inNoTime })),
      Stream.runDrain(subject.kind.watchMetadata({ resume: false, timeout: inNoTime }))
    ])
}

// ---------------------------------------------------------------------------------------------------------------------
// create, replace, modify, patch, apply, label, annotate
// ---------------------------------------------------------------------------------------------------------------------

/** What each verb that writes makes of an object that is there, or of a new one. */
const writes = (
  { kind, object, strategic }: Subject,
  name: string,
  options: Resource.WriteOptions
): Readonly<Record<string, Effect.Effect<Stored<Kind>, KubeError, KubeClient>>> => {
  const labels = { ...labelsOf(name), written: "yes" }
  const metadata = { labels: { written: "yes" } }
  return {
    create: kind.create(object({ name: `${name}-new`, labels }, "secrets"), options),
    replace: Effect.flatMap(kind.get(name), ({ metadata: { resourceVersion } }) => {
      const written = object({ name, labels }, "secrets")
      return kind.replace({ ...written, metadata: { ...written.metadata, resourceVersion } }, options)
    }),
    modify: kind.modify(name, (found) => ({ ...found, metadata: { ...found.metadata, labels } }), options),
    json: kind.patch(name, Patch.json([{ op: "add", path: "/metadata/labels/written", value: "yes" }]), options),
    merge: kind.patch(name, Patch.merge<Kind>({ metadata }), options),
    ...(strategic ? { strategic: kind.patch(name, Patch.strategic<Kind>({ metadata }), options) } : {}),
    "apply patch": kind.patch(name, Patch.apply<Kind>({ metadata }), options),
    apply: kind.apply({ metadata: { name, ...metadata } }, options),
    label: kind.label(name, { written: "yes" }, options),
    annotate: kind.annotate(name, { written: "yes" }, options)
  }
}

/** A field that the kind does not have, at its place. */
const unknownField = ({ unknownField }: Subject) =>
  unknownField.reduceRight<unknown>((value, key) => ({ [key]: value }), 1) as Record<string, never>

const withUnknownField = <A extends object>(subject: Subject, object: A): A => {
  const [first, second] = subject.unknownField
  if (second === undefined) return { ...object, [first]: 1 }
  return { ...object, [first]: { ...(object as Record<string, object>)[first], [second]: 1 } }
}

const ofWrite: Tests<Resource.WriteOptions> = {
  dryRun: (subject, name) =>
    Effect.gen(function* () {
      const created = yield* create(subject, name)
      for (const [verb, write] of Object.entries(writes(subject, name, { dryRun: true }))) {
        const { annotations, labels } = (yield* write).metadata
        assert.strictEqual({ ...annotations, ...labels }["written"], "yes", verb)
      }
      assert.deepStrictEqual(yield* subject.kind.get(name), created)
      assert.isFalse(yield* subject.kind.exists(`${name}-new`))
    }),
  fieldManager: (subject, name) =>
    Effect.gen(function* () {
      const verbs = Object.keys(writes(subject, name, {}))
      for (const [index, verb] of verbs.entries()) {
        // Each on an object that nobody has written to but the one who created it.
        const own = `${name}-${index}`
        yield* create(subject, own)
        const write = writes(subject, own, { fieldManager: "alice" })[verb]
        assert(write !== undefined)
        const operation = verb.startsWith("apply") ? "Apply" : "Update"
        assert.include(managers(yield* write), `alice ${operation}`, verb)
      }
    }),
  fieldValidation: (subject, name) =>
    Effect.gen(function* () {
      const { kind, object, strategic } = subject
      const created = yield* create(subject, name)
      const odd = unknownField(subject)
      const path = Patch.pointer(...subject.unknownField)
      const whole = (name: string, resourceVersion?: string) => {
        const { metadata, ...rest } = withUnknownField(subject, object({ name, labels: labelsOf(name) }, "secrets"))
        return { ...rest, metadata: { ...metadata, name, resourceVersion } }
      }
      const calls = (options: Resource.WriteOptions): Readonly<Record<string, Call>> => ({
        create: kind.create(whole(`${name}-new`), options),
        replace: kind.replace(whole(name, created.metadata.resourceVersion), options),
        modify: kind.modify(name, (found) => withUnknownField(subject, { ...found }), options),
        json: kind.patch(name, Patch.json([{ op: "add", path, value: 1 }]), options),
        merge: kind.patch(name, Patch.merge<Kind>(odd), options),
        ...(strategic ? { strategic: kind.patch(name, Patch.strategic<Kind>(odd), options) } : {})
      })
      for (const [verb, call] of Object.entries(calls({ fieldValidation: "Strict", dryRun: true }))) {
        const error = yield* errorOf(call)
        assert.include(["BadRequest", "Invalid"], error?._tag, verb)
        assert.include(error?.message, 'unknown field "', verb)
      }
      for (const fieldValidation of ["Ignore", "Warn"] as const) {
        const field = subject.unknownField.join(".")
        for (const [verb, call] of Object.entries(calls({ fieldValidation, dryRun: true }))) {
          const logged = yield* e2e.loggedWarnings(call)
          // Each warning is logged once: the first verb that causes it tells it.
          if (fieldValidation === "Ignore") assert.deepStrictEqual(logged, [], verb)
          else for (const line of logged) assert.include(line, `unknown field "${field}"`, verb)
        }
      }
      // An apply has its own reader, which knows no field that the kind has not, whatever is asked for.
      yield* failsWith("InternalError", [
        kind.apply({ metadata: { name }, ...odd }),
        kind.patch(name, Patch.apply<Kind>(odd))
      ])
      yield* kind.label(name, { a: "1" }, { fieldValidation: "Strict" })
      yield* kind.annotate(name, { a: "1" }, { fieldValidation: "Strict" })
    }),
  timeout: (subject, name) =>
    Effect.zipRight(
      create(subject, name),
      failsWith("TimeoutError", Object.values(writes(subject, name, { timeout: inNoTime })))
    )
}

/** Options of `apply` and of a patch of that type. */
const ofApply: Tests<Omit<Resource.ApplyOptions, keyof Resource.WriteOptions>> = {
  force: (subject, name) =>
    Effect.gen(function* () {
      const { kind, object, value } = subject
      yield* kind.apply(object({ name, labels: labelsOf(name) }, "pods"), { fieldManager: "alice" })
      const { metadata: _, ...changed } = object({ name }, "secrets")
      const bob = { fieldManager: "bob" }
      yield* failsWith("Conflict", [
        kind.apply({ metadata: { name }, ...changed }, bob),
        kind.patch(name, Patch.apply<Kind>(changed), bob)
      ])
      const applied = yield* kind.apply({ metadata: { name }, ...changed }, { ...bob, force: true })
      assert.strictEqual(value(applied), "secrets")
      const carol = { fieldManager: "carol", force: true }
      const { metadata: __, ...again } = object({ name }, "services")
      assert.strictEqual(value(yield* kind.patch(name, Patch.apply<Kind>(again), carol)), "services")
    })
}

// ---------------------------------------------------------------------------------------------------------------------
// delete and deleteCollection
// ---------------------------------------------------------------------------------------------------------------------

/** Both, of an object of that name. */
const deletes = ({ kind }: Subject, name: string, options: Resource.DeleteOptions): Readonly<Record<string, Call>> => ({
  delete: kind.delete(name, options),
  deleteCollection: kind.deleteCollection({ fields: { "metadata.name": name }, ...options })
})

/** What each verb does with an object of its own, which a finalizer holds where it says so. */
const deleted = (
  subject: Subject,
  name: string,
  options: (metadata: Stored<ConfigMap>["metadata"]) => Resource.DeleteOptions,
  check: (
    own: string,
    outcome: { readonly error: KubeError["_tag"] | undefined; readonly created: Stored<Kind> }
  ) => Effect.Effect<void, KubeError, KubeClient>,
  more: Omit<Meta, "name" | "labels"> = {}
): Effect.Effect<void, KubeError, KubeClient> =>
  Effect.forEach(
    ["delete", "deleteCollection"],
    (verb) =>
      Effect.gen(function* () {
        const own = `${name}-${verb.toLowerCase()}`
        const created = yield* create(subject, own, "pods", more)
        const call = deletes(subject, own, options(created.metadata))[verb]
        assert(call !== undefined)
        const error = yield* errorOf(call)
        yield* check(own, { error: error?._tag, created })
      }),
    { concurrency: "unbounded", discard: true }
  )

const hold = "example.com/hold"

/** Every finalizer that the object has had since. The garbage collector is quick to remove its own. */
const finalizersSince = ({ kind }: Subject, { metadata }: Stored<Kind>) =>
  kind
    .watch({
      resume: false,
      fields: { "metadata.name": metadata.name },
      resourceVersion: metadata.resourceVersion,
      timeoutSeconds: 1
    })
    .pipe(
      Stream.runFold(new Set<string>(), (seen, event) => {
        if (event._tag === "Modified") for (const name of event.object.metadata.finalizers ?? []) seen.add(name)
        return seen
      }),
      Effect.map((seen) => [...seen].toSorted())
    )

/** Deletes with both verbs; a finalizer of the test holds the objects, so that what the server has added to it shows. */
const holding = (subject: Subject, name: string, options: Resource.DeleteOptions, finalizers: ReadonlyArray<string>) =>
  deleted(
    subject,
    name,
    () => options,
    (own, { created, error }) =>
      Effect.gen(function* () {
        assert.isUndefined(error)
        assert.deepStrictEqual(yield* finalizersSince(subject, created), [hold, ...finalizers].toSorted())
        yield* subject.kind.patch(own, Patch.merge<Kind>({ metadata: { finalizers: null } }))
      }),
    { finalizers: [hold] }
  )

const isGone = (subject: Subject, own: string, gone: boolean) =>
  Effect.map(subject.kind.exists(own), (there) => assert.strictEqual(there, !gone, own))

const ofDelete: Tests<Resource.DeleteOptions> = {
  dryRun: (subject, name) =>
    deleted(
      subject,
      name,
      () => ({ dryRun: true }),
      (own, { error }) => (assert.isUndefined(error), isGone(subject, own, false))
    ),
  // Only pods take their time, and `verbs.test.ts` has them.
  gracePeriodSeconds: (subject, name) =>
    deleted(
      subject,
      name,
      () => ({ gracePeriodSeconds: 0 }),
      (own, { error }) => (assert.isUndefined(error), isGone(subject, own, true))
    ),
  propagationPolicy: (subject, name) =>
    Effect.all(
      [
        holding(subject, `${name}-f`, { propagationPolicy: "Foreground" }, ["foregroundDeletion"]),
        holding(subject, `${name}-o`, { propagationPolicy: "Orphan" }, ["orphan"]),
        holding(subject, `${name}-b`, { propagationPolicy: "Background" }, [])
      ],
      { concurrency: "unbounded" }
    ),
  preconditions: (subject, name) =>
    Effect.gen(function* () {
      const wrong = [{ uid: elsewhere }, { resourceVersion: "1" }]
      for (const [index, preconditions] of wrong.entries()) {
        yield* deleted(
          subject,
          `${name}-${index}`,
          () => ({ preconditions }),
          (own, { error }) => (assert.strictEqual(error, "Conflict"), isGone(subject, own, false))
        )
      }
      yield* deleted(
        subject,
        name,
        ({ resourceVersion, uid }) => ({ preconditions: { uid, resourceVersion } }),
        (own, { error }) => (assert.isUndefined(error), isGone(subject, own, true))
      )
    }),
  orphan: (subject, name) =>
    Effect.all(
      [
        holding(subject, `${name}-t`, { orphan: true }, ["orphan"]),
        holding(subject, `${name}-f`, { orphan: false }, [])
      ],
      { concurrency: "unbounded" }
    ),
  timeout: (subject, name) => failsWith("TimeoutError", Object.values(deletes(subject, name, { timeout: inNoTime })))
}

/** Which objects a deleteCollection is about. */
const ofDeleteCollection: Tests<Omit<Resource.DeleteCollectionOptions, keyof Resource.DeleteOptions>> = {
  labels: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      yield* subject.kind.deleteCollection({ labels: { ...labelsOf(name), letter: "b" } })
      assert.deepStrictEqual(yield* left(subject, name), ["a", "c"])
    }),
  fields: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      yield* subject.kind.deleteCollection({ fields: { "metadata.name": `${name}-c` } })
      assert.deepStrictEqual(yield* left(subject, name), ["a", "b"])
    }),
  limit: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      yield* subject.kind.deleteCollection({ labels: labelsOf(name), limit: 2 })
      assert.deepStrictEqual(yield* left(subject, name), ["c"])
    }),
  continue: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = labelsOf(name)
      const first = yield* subject.kind.list({ labels, limit: 2 })
      yield* subject.kind.deleteCollection({ labels, continue: first.continue })
      assert.deepStrictEqual(yield* left(subject, name), ["a", "b"])
    }),
  resourceVersion: (subject) =>
    failsWith("BadRequest", [subject.kind.deleteCollection({ labels: "test=none", resourceVersion: "yesterday" })]),
  resourceVersionMatch: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      const labels = labelsOf(name)
      const { resourceVersion } = yield* subject.kind.list({ labels })
      yield* subject.kind.create(subject.object({ name: `${name}-d`, labels }, "pods"))
      yield* subject.kind.deleteCollection({ labels, resourceVersion, resourceVersionMatch: "Exact" })
      assert.deepStrictEqual(yield* left(subject, name), ["d"])
    }),
  timeoutSeconds: (subject, name) =>
    Effect.gen(function* () {
      yield* three(subject, name)
      yield* subject.kind.deleteCollection({ labels: labelsOf(name), timeoutSeconds: 30 })
      assert.deepStrictEqual(yield* left(subject, name), [])
    })
}

layer(Layer.provideMerge(customLayer, e2e.layer), e2e.live)("on a real API server", (it) => {
  const tests: Record<string, Readonly<Record<string, Body>>> = {
    "get, getOption, exists, getMetadata, getTable": ofGet,
    "list, listMetadata, listTable, stream": ofList,
    "watch, watchMetadata": ofWatch,
    "create, replace, modify, patch, apply, label, annotate": ofWrite,
    "apply, patch": ofApply,
    "delete, deleteCollection": ofDelete,
    deleteCollection: ofDeleteCollection
  }
  for (const [kind, made] of Object.entries(subjects)) {
    for (const [verbs, options] of Object.entries(tests)) {
      describe(`${verbs} of ${kind}`, () => {
        for (const [option, body] of Object.entries(options)) {
          it.scoped(option, () =>
            e2e.inFreshNamespace(() =>
              Effect.gen(function* () {
                const subject = yield* made
                const name = yield* e2e.randomName("option")
                // What is in no namespace does not go with one.
                const labels = `test in (${name})`
                yield* Effect.addFinalizer(() => Effect.ignoreLogged(subject.kind.deleteCollection({ labels })))
                yield* body(subject, name)
              })
            )
          )
        }
      })
    }
  }
})
