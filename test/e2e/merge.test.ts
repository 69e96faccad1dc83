/**
 * What TestCluster does with patches, applies and managed fields is what the API server does: random writes go to both, and
 * objects, managed fields and errors have to be the same.
 */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Either, FastCheck as fc, Schema, Stream } from "effect"
import { KubeClient, Resource } from "effect-kubernetes"
import { isJsonArray, isJsonObject, jsonEquals } from "../../src/testing/internal/json.js"
import { jsonPatch } from "../../src/testing/internal/jsonPatch.js"
import {
  applyConfiguration,
  keepTimes,
  managerOf,
  resetFields,
  updateManaged
} from "../../src/testing/internal/managedFields.js"
import { mergePatch } from "../../src/testing/internal/mergePatch.js"
import {
  schemaOf,
  type GroupVersionKind,
  type Json,
  type JsonObject,
  type OpenApi
} from "../../src/testing/internal/openapi.js"
import type { PatchFailure } from "../../src/testing/internal/patchFailure.js"
import { strategicMerge } from "../../src/testing/internal/strategicMerge.js"
import * as e2e from "../support/e2e.js"

interface Kind {
  readonly gvk: GroupVersionKind
  readonly schema: OpenApi
  readonly collection: string
  readonly hasStatus: boolean
}

type Write = {
  readonly manager: string
  /** The body, made of the live object; it is not there yet before the first write. */
  readonly body: (live: JsonObject | undefined) => Json
  readonly subresource?: "status"
} & (
  | { readonly _tag: "Apply"; readonly force: boolean }
  | { readonly _tag: "Put" }
  | { readonly _tag: "Json" }
  | { readonly _tag: "Merge" }
  | { readonly _tag: "Strategic" }
)

const types = {
  Apply: "application/apply-patch+yaml",
  Put: "application/json",
  Json: "application/json-patch+json",
  Merge: "application/merge-patch+json",
  Strategic: "application/strategic-merge-patch+json"
} as const

const call = (
  method: "DELETE" | "GET" | "PATCH" | "POST" | "PUT",
  path: string,
  query: { readonly [name: string]: string } = {},
  body?: Json,
  type: string = "application/json"
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* KubeClient
      const answer = yield* client.exchange({
        method,
        path,
        search: `?${new URLSearchParams(query).toString()}`,
        headers: { accept: "application/json", "content-type": type, "user-agent": "merge-test/1.0" },
        ...(body === undefined ? {} : { body: new TextEncoder().encode(JSON.stringify(body)) })
      })
      const text = yield* Stream.mkString(Stream.decodeText(answer.body))
      return { status: answer.status, body: JSON.parse(text) as JsonObject }
    })
  )

const metadataOf = (object: JsonObject): JsonObject => (isJsonObject(object["metadata"]) ? object["metadata"] : {})

const managedOf = (object: JsonObject): ReadonlyArray<JsonObject> => {
  const entries = metadataOf(object)["managedFields"]
  return isJsonArray(entries) ? entries.filter(isJsonObject) : []
}

const withMetadata = (object: JsonObject, metadata: JsonObject): JsonObject => ({
  ...object,
  metadata: { ...metadataOf(object), ...metadata }
})

const without = (object: JsonObject, ...fields: ReadonlyArray<string>): JsonObject => ({
  ...object,
  metadata: Object.fromEntries(Object.entries(metadataOf(object)).filter(([key]) => !fields.includes(key)))
})

/** Lines and causes whose order the server leaves to chance. */
const comparable = ({
  code,
  details,
  message,
  reason
}: Omit<PatchFailure, "reason"> & { readonly reason?: string }) => ({
  code,
  reason: reason ?? "",
  message: message.split("\n").toSorted(),
  causes: (isJsonArray(details?.["causes"]) ? details["causes"] : []).map((cause) => JSON.stringify(cause)).toSorted()
})

/** A time that no server has, to know which entries we have renewed. */
const future = "2099-01-01T00:00:00Z"

const ours = (
  kind: Kind,
  write: Write,
  live: JsonObject | undefined,
  body: Json,
  time = future
): Either.Either<JsonObject, PatchFailure> => {
  const current = live ?? {}
  switch (write._tag) {
    case "Apply": {
      if (!isJsonObject(body)) throw new Error("an apply has an object")
      return applyConfiguration({ ...common(kind, write, live), time, applied: body, force: write.force })
    }
    case "Put":
      if (!isJsonObject(body)) throw new Error("a put has an object")
      return Either.right(body)
    case "Json":
      return jsonPatch(current, body)
    case "Merge":
      return mergePatch(current, body)
    case "Strategic":
      return strategicMerge(current, body, kind.schema)
  }
}

const common = ({ gvk, hasStatus, schema }: Kind, { manager, subresource }: Write, live: JsonObject | undefined) => ({
  live,
  schema,
  gvk,
  manager,
  subresource,
  time: future,
  reset: resetFields(gvk, subresource ?? "", hasStatus)
})

const get = (path: string) => Effect.map(call("GET", path), ({ body, status }) => (status === 404 ? undefined : body))

interface Counts {
  same: number
  refused: number
  invalid: number
}

/** Does one write on both sides, and compares. */
const step = (kind: Kind, name: string, write: Write, counts: Counts, dry: boolean) =>
  Effect.gen(function* () {
    const path = `${kind.collection}/${name}`
    const live = yield* get(path)
    if (live === undefined && (write._tag !== "Apply" || write.subresource !== undefined)) return
    const made = write.body(live)
    const body = write._tag === "Apply" && isJsonObject(made) ? withMetadata(made, { name }) : made
    const target = write.subresource === undefined ? path : `${path}/${write.subresource}`
    const method = write._tag === "Put" ? "PUT" : "PATCH"
    const query = {
      fieldManager: write.manager,
      ...(write._tag === "Apply" ? { force: String(write.force) } : {}),
      ...(dry ? { dryRun: "All" } : {})
    }
    const theirs = yield* call(method, target, query, body, types[write._tag])
    const expected = ours(kind, write, live, body)
    const context = () => JSON.stringify({ write, body, live, theirs: theirs.body })

    if (theirs.status >= 400) {
      // Of the server's JSON: what it is has been seen on the way.
      const status = theirs.body as unknown as PatchFailure
      if (Either.isLeft(expected)) {
        assert.deepStrictEqual(comparable(expected.left), comparable(status), context())
        counts.refused++
      } else {
        // What the kind's validation says is another module's.
        assert.deepStrictEqual([status.code, status.reason], [422, "Invalid"], context())
        assert.notStrictEqual(
          status.message,
          "the server rejected our request due to an error in our request",
          context()
        )
        counts.invalid++
      }
      return
    }
    if (Either.isLeft(expected)) return assert.fail(`${JSON.stringify(expected.left)}\n${context()}`)

    // The server's own defaults make of ours what would be stored.
    const volatile = ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"]
    const given = withMetadata(without(expected.right, "managedFields"), {
      name,
      ...(live === undefined ? {} : { resourceVersion: metadataOf(live)["resourceVersion"] ?? "" })
    })
    if (write._tag !== "Put") {
      const current = dry ? undefined : yield* get(path)
      const settled =
        live === undefined && dry
          ? yield* call("POST", kind.collection, { dryRun: "All" }, given)
          : yield* call(
              "PUT",
              target,
              { dryRun: "All" },
              current === undefined
                ? given
                : withMetadata(given, { resourceVersion: metadataOf(current)["resourceVersion"] ?? "" })
            )
      assert.deepStrictEqual(without(settled.body, ...volatile), without(theirs.body, ...volatile), context())
    }

    const actual = managedOf(theirs.body)
    const storedAt = (time: string) => {
      const at = { ...common(kind, write, live), time }
      const again = ours(kind, write, live, body, time)
      const given = Either.isRight(again) ? metadataOf(again.right)["managedFields"] : undefined
      const own: JsonObject = given === undefined ? {} : { managedFields: given }
      // What the write does not reach is put back only after its fields were managed.
      const sent = Either.isRight(again) && write.subresource !== undefined ? again.right["spec"] : undefined
      const bare = { ...without(theirs.body, "managedFields"), ...(sent === undefined ? {} : { spec: sent }) }
      const result =
        write._tag === "Apply" ? withMetadata(bare, own) : updateManaged({ ...at, updated: withMetadata(bare, own) })
      return managedOf(live === undefined ? result : keepTimes(live, result))
    }
    const times = actual.map(({ time }) => (typeof time === "string" ? time : ""))
    const entries = storedAt(times.toSorted().at(-1) ?? future)
    assert.deepStrictEqual(entries, actual, context())
    // Times are whole seconds: which entries were renewed shows only if ours is another one.
    const identity = ({ apiVersion, manager, operation, subresource }: JsonObject) =>
      JSON.stringify([apiVersion, manager, operation, subresource])
    for (const entry of storedAt(future)) {
      const after = actual.find((other) => identity(other) === identity(entry))
      if (entry["time"] === future) assert.isString(after?.["time"], context())
      else assert.strictEqual(after?.["time"], entry["time"], context())
    }
    if (
      live !== undefined &&
      !dry &&
      metadataOf(live)["resourceVersion"] === metadataOf(theirs.body)["resourceVersion"]
    ) {
      assert.isTrue(jsonEquals(storedAt(future), managedOf(live)), `the server changed nothing\n${context()}`)
    }
    counts.same++
  })

/** The same sequences in every run; another seed by hand finds others. */
const seed = Number(process.env["E2E_SEED"] ?? 1)

const sequences = (arbitrary: fc.Arbitrary<Write>, runs: number, length: number): ReadonlyArray<ReadonlyArray<Write>> =>
  fc.sample(fc.array(arbitrary, { minLength: length, maxLength: length, size: "max" }), { seed, numRuns: runs })

const run = (
  kind: (namespace: string) => Kind,
  arbitrary: fc.Arbitrary<Write>,
  options: { readonly runs: number; readonly length: number }
) =>
  e2e.inFreshNamespace((namespace) =>
    Effect.gen(function* () {
      const counts: Counts = { same: 0, refused: 0, invalid: 0 }
      const target = kind(namespace)
      for (const [index, writes] of sequences(arbitrary, options.runs, options.length).entries()) {
        const name = `run-${index}`
        for (const write of writes) yield* step(target, name, write, counts, false)
        yield* call("PATCH", `${target.collection}/${name}`, {}, { metadata: { finalizers: null } }, types.Merge)
      }
      yield* Effect.logInfo(`${target.gvk.kind}: ${JSON.stringify(counts)}`)
      const total = counts.same + counts.refused + counts.invalid
      assert.isAbove(counts.same, total / 3)
      assert.isAbove(counts.refused, 0)
    })
  )

const some = <A>(record: { readonly [K in keyof A]: fc.Arbitrary<A[K]> }): fc.Arbitrary<JsonObject> =>
  // Of the values' arbitraries, which are all of JSON.
  fc.record(record as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [] }) as fc.Arbitrary<JsonObject>

const oneOf = <A extends Json>(...values: ReadonlyArray<A>) => fc.constantFrom(...values)
const list = (of: fc.Arbitrary<Json>, maxLength = 3): fc.Arbitrary<Json> => fc.array(of, { maxLength })
const dictionary = (values: fc.Arbitrary<Json>): fc.Arbitrary<JsonObject> =>
  some({ a: values, b: values, c: values, "x.dev/y": values })
const managers = fc.constantFrom("one", "two", "three")
const rarely = (value: fc.Arbitrary<Json>, odd: fc.Arbitrary<Json>) =>
  fc.oneof({ weight: 15, arbitrary: value }, { weight: 1, arbitrary: odd })

const meta: fc.Arbitrary<JsonObject> = some({
  labels: dictionary(oneOf("1", "2")),
  annotations: dictionary(oneOf("1", "2")),
  finalizers: rarely(fc.uniqueArray(oneOf("x.dev/a", "x.dev/b", "x.dev/c")), fc.constant(["x.dev/a", "x.dev/a"]))
})

const manifest = (kind: GroupVersionKind, metadata: JsonObject, content: JsonObject): JsonObject => ({
  apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`,
  kind: kind.kind,
  metadata,
  ...content
})

/** `first`: what the object has to have to be created. */
const applies = (
  gvk: GroupVersionKind,
  content: fc.Arbitrary<JsonObject>,
  first: JsonObject = {}
): fc.Arbitrary<Write> =>
  fc
    .record({ manager: managers, force: fc.boolean(), metadata: meta, content })
    .map(({ content, force, manager, metadata }): Write => ({
      _tag: "Apply",
      manager,
      force,
      body: (live) => manifest(gvk, metadata, live === undefined ? { ...content, ...first } : content)
    }))

/** Puts that set, or drop, some of an object's content, and may tamper with the managed fields. */
const puts = (content: fc.Arbitrary<JsonObject>): fc.Arbitrary<Write> =>
  fc
    .record({
      manager: managers,
      metadata: meta,
      content,
      entries: rarely(fc.constant("keep"), oneOf("drop", "reset", "reset by an empty entry", "nonsense"))
    })
    .map(({ content, entries, manager, metadata }): Write => ({
      _tag: "Put",
      manager,
      body: (live) => {
        const { finalizers: _, ...kept } = metadataOf(live ?? {})
        const merged = { ...live, ...content, metadata: { ...kept, ...metadata } }
        const values: { readonly [_: string]: Json } = {
          reset: [],
          "reset by an empty entry": [{}],
          nonsense: [
            { manager: "x", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: { "f:x": {} } }
          ]
        }
        return entries === "keep"
          ? merged
          : entries === "drop"
            ? without(merged, "managedFields")
            : withMetadata(merged, { managedFields: values[String(entries)] ?? [] })
      }
    }))

const patches = (_tag: "Merge" | "Strategic", body: fc.Arbitrary<Json>): fc.Arbitrary<Write> =>
  fc.record({ manager: managers, body }).map(({ body, manager }): Write => ({ _tag, manager, body: () => body }))

const operations = (paths: ReadonlyArray<string>, values: fc.Arbitrary<Json>): fc.Arbitrary<Write> =>
  fc
    .record({
      manager: managers,
      body: fc.array(
        some({
          op: oneOf("add", "remove", "replace", "test", "copy", "move"),
          path: fc.constantFrom(...paths),
          from: fc.constantFrom(...paths),
          value: values
        }),
        { minLength: 1, maxLength: 2 }
      )
    })
    .map(({ body, manager }): Write => ({ _tag: "Json", manager, body: () => body }))

/** Values with nulls and without, as a patch has them. */
const orNull = (value: fc.Arbitrary<Json>) => fc.option(value, { freq: 5 })

const configMap = { group: "", version: "v1", kind: "ConfigMap" }

const schema = (gvk: GroupVersionKind): OpenApi => {
  const found = schemaOf(gvk)
  if (found === undefined) throw new Error(`no schema of ${gvk.kind}`)
  return found
}

const text = oneOf("1", "2", "<&>")

const configData = (values: fc.Arbitrary<Json>) => some({ a: values, b: values, c: values, "x.y": values })

const configMaps: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: applies(
      configMap,
      fc.oneof(
        { weight: 1, arbitrary: some({ foo: oneOf(1) }) },
        {
          weight: 20,
          arbitrary: some({
            data: rarely(configData(text), oneOf<Json>("text", 5, null, ["a"])),
            binaryData: some({ bin: oneOf("AA==") })
          })
        }
      )
    )
  },
  { weight: 2, arbitrary: puts(some({ data: configData(text) })) },
  { weight: 1, arbitrary: patches("Merge", some({ data: orNull(configData(orNull(text))), metadata: meta })) },
  {
    weight: 1,
    arbitrary: patches(
      "Strategic",
      some({
        data: orNull(
          rarely(
            configData(orNull(text)),
            oneOf<Json>(
              { $patch: "replace", a: "3" },
              { $patch: "delete" },
              { $patch: "other" },
              { $retainKeys: ["a"], a: "4" },
              { $retainKeys: ["a"], b: "4" }
            )
          )
        ),
        metadata: meta
      })
    )
  },
  {
    weight: 1,
    arbitrary: operations(
      ["/data/a", "/data/b", "/data", "/metadata/labels/a", "/metadata/finalizers/0", "/metadata/finalizers/-"],
      text
    )
  }
)

const service = { group: "", version: "v1", kind: "Service" }

const port = some({
  port: oneOf(80, 81, 82),
  protocol: oneOf("TCP", "UDP"),
  name: oneOf("a", "b", "c"),
  targetPort: oneOf<Json>(80, "http"),
  appProtocol: oneOf("http")
}).map((each) => ({
  port: 80,
  ...each,
  name: `p${String(each["port"] ?? 80)}${String(each["protocol"] ?? "TCP").toLowerCase()}`
}))

const serviceSpec = some({
  ports: rarely(
    fc.uniqueArray(port, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
    oneOf<Json>(
      [{ name: "x" }],
      [
        { port: 80, name: "a" },
        { port: 80, name: "b" }
      ],
      ["x"],
      [null],
      [{ port: "x" }]
    )
  ),
  selector: dictionary(oneOf("1", "2")),
  sessionAffinity: oneOf("None", "ClientIP")
})

const servicePatch = some({
  ports: list(
    rarely(
      port,
      oneOf<Json>(
        { port: 80, $patch: "delete" },
        { $patch: "replace" },
        { $patch: "merge" },
        { $patch: "delete" },
        { name: "x" }
      )
    )
  ),
  "$setElementOrder/ports": rarely(
    list(oneOf<Json>({ port: 80 }, { port: 81 }, { port: 82 })),
    oneOf<Json>("x", [1], [{ x: 1 }])
  ),
  selector: orNull(dictionary(orNull(oneOf("1", "2"))))
})

const services: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: applies(
      service,
      serviceSpec.map((spec) => ({ spec })),
      { spec: { ports: [{ port: 80, name: "p80tcp" }] } }
    )
  },
  {
    weight: 2,
    arbitrary: patches(
      "Merge",
      serviceSpec.map((spec) => ({ spec }))
    )
  },
  {
    weight: 3,
    arbitrary: patches(
      "Strategic",
      servicePatch.map((spec) => ({ spec }))
    )
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        manager: managers,
        hostname: oneOf("a.example.com", "b.example.com"),
        force: fc.boolean(),
        apply: fc.boolean()
      })
      .map(({ apply, force, hostname, manager }): Write => {
        const status = { loadBalancer: { ingress: [{ hostname }] } }
        return apply
          ? { _tag: "Apply", force, manager, subresource: "status", body: () => manifest(service, {}, { status }) }
          : { _tag: "Merge", manager, subresource: "status", body: () => ({ status }) }
      })
  }
)

const podTemplate = { group: "", version: "v1", kind: "PodTemplate" }

const container = some({
  image: oneOf("a:1", "b:1"),
  args: list(oneOf("x", "y"), 2),
  env: fc.uniqueArray(
    some({ name: oneOf("A", "B", "C"), value: oneOf("1", "2") }).map((each) => ({ name: "A", ...each })),
    { selector: ({ name }) => name, maxLength: 3 }
  ),
  ports: fc.uniqueArray(
    some({ containerPort: oneOf(80, 81), protocol: oneOf("TCP", "UDP") }).map((each) => ({
      containerPort: 80,
      ...each
    })),
    {
      selector: (each) => `${each.containerPort}${String("protocol" in each ? each["protocol"] : "TCP")}`,
      maxLength: 3
    }
  ),
  resources: some({ limits: some({ cpu: oneOf<Json>("1", "500m") }) }),
  volumeMounts: fc.uniqueArray(
    oneOf<JsonObject>(
      { mountPath: "/a", name: "v" },
      { mountPath: "/b", name: "v" },
      { mountPath: "/a", name: "v", readOnly: true }
    ),
    { selector: (each) => each["mountPath"] }
  )
})

const containers = (of: fc.Arbitrary<JsonObject>) =>
  fc.uniqueArray(
    fc.tuple(fc.constantFrom("one", "two", "three"), of).map(([name, rest]): JsonObject => ({ name, ...rest })),
    { selector: (each) => each["name"], minLength: 1, maxLength: 3 }
  )

const ownerReferences = fc.uniqueArray(
  fc
    .tuple(oneOf("a", "b"), oneOf("x", "y"))
    .map(([uid, name]): JsonObject => ({ apiVersion: "v1", kind: "Pod", uid, name })),
  { selector: (each) => each["uid"] }
)

const volumes = fc.uniqueArray(
  oneOf<JsonObject>(
    { name: "v", emptyDir: {} },
    { name: "v", configMap: { name: "c" } },
    { name: "w", emptyDir: { medium: "Memory" } }
  ),
  { selector: (each) => each["name"], minLength: 1 }
)

const podSpec = some({
  containers: containers(container),
  tolerations: list(oneOf<Json>({ key: "a", operator: "Exists" }, { key: "b", value: "c" })),
  nodeSelector: dictionary(oneOf("1", "2")),
  hostAliases: fc.uniqueArray(
    oneOf<JsonObject>({ ip: "10.0.0.1", hostnames: ["a"] }, { ip: "10.0.0.2", hostnames: ["b"] }),
    { selector: (each) => each["ip"] }
  ),
  volumes,
  imagePullSecrets: fc.uniqueArray(oneOf<JsonObject>({ name: "a" }, { name: "b" }), {
    selector: (each) => each["name"]
  }),
  securityContext: some({ runAsUser: oneOf(1, 2), supplementalGroups: list(oneOf(1, 2)) }),
  terminationGracePeriodSeconds: oneOf(1, 2),
  topologySpreadConstraints: fc.uniqueArray(
    fc
      .tuple(oneOf("zone", "host"), oneOf("DoNotSchedule", "ScheduleAnyway"), oneOf(1, 2))
      .map(([topologyKey, whenUnsatisfiable, maxSkew]): JsonObject => ({
        topologyKey,
        whenUnsatisfiable,
        maxSkew,
        labelSelector: { matchLabels: { a: topologyKey } }
      })),
    { selector: (each) => `${String(each["topologyKey"])}${String(each["whenUnsatisfiable"])}` }
  )
})

const podMeta = fc.tuple(meta, some({ ownerReferences })).map(([a, b]): JsonObject => ({ ...a, ...b }))

const template = fc.tuple(podMeta, podSpec).map(([metadata, spec]): JsonObject => ({ template: { metadata, spec } }))

const ordered = (key: string, mergeKey: string | undefined, values: ReadonlyArray<Json>) =>
  fc.option(fc.shuffledSubarray([...values]), { nil: undefined }).map((chosen): JsonObject =>
    chosen === undefined
      ? {}
      : {
          [`$setElementOrder/${key}`]: mergeKey === undefined ? chosen : chosen.map((value) => ({ [mergeKey]: value }))
        }
  )

const podPatch: fc.Arbitrary<JsonObject> = fc
  .tuple(
    podSpec,
    fc.uniqueArray(
      rarely(
        fc
          .tuple(fc.constantFrom("one", "two", "three"), container)
          .map(([name, rest]): JsonObject => ({ name, ...rest })),
        oneOf<Json>(
          { name: "one", $patch: "delete" },
          { name: "two", $patch: "delete" },
          { $patch: "replace" },
          { image: "x" },
          { name: "one", $patch: "x" }
        )
      ),
      { maxLength: 3 }
    ),
    ordered("containers", "name", ["one", "two", "three"]),
    list(
      oneOf<Json>(
        { name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "d" } },
        { name: "v", $retainKeys: ["name", "emptyDir"], emptyDir: {} },
        { name: "v", $retainKeys: ["name"], emptyDir: {} },
        { name: "w", $patch: "delete" }
      ),
      2
    ),
    some({
      nodeSelector: orNull(dictionary(orNull(oneOf("3")))),
      tolerations: orNull(list(oneOf<Json>({ key: "z", operator: "Exists" }))),
      securityContext: oneOf<Json>({ $patch: "replace", runAsUser: 3 }, { $patch: "delete" }, null, { runAsUser: null })
    })
  )
  .chain(([spec, containers, order, volumes, others]) =>
    // One of them at a time: of several errors the server shows any.
    fc.constantFrom<JsonObject>({ ...spec, containers, ...order }, { ...spec, volumes }, { ...spec, ...others })
  )

const metaPatch: fc.Arbitrary<JsonObject> = fc
  .tuple(
    meta,
    ordered("finalizers", undefined, ["x.dev/a", "x.dev/b", "x.dev/c"]),
    fc.option(fc.subarray(["x.dev/a", "x.dev/b"]), { nil: undefined, freq: 2 }),
    some({
      ownerReferences: list(
        rarely(
          oneOf<Json>({ uid: "a", name: "z" }, { uid: "a", $patch: "delete" }),
          oneOf<Json>({ name: "x" }, { $patch: "replace" })
        )
      )
    })
  )
  .map(([metadata, order, deleted, owners]) => ({
    ...(deleted === undefined
      ? { ...metadata, ...order }
      : { labels: metadata["labels"] ?? {}, "$deleteFromPrimitiveList/finalizers": deleted }),
    ...owners
  }))

const podTemplates: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: applies(podTemplate, template, {
      template: { spec: { containers: [{ name: "one", image: "a:1" }], volumes: [{ name: "v", emptyDir: {} }] } }
    })
  },
  { weight: 1, arbitrary: puts(template) },
  { weight: 1, arbitrary: patches("Merge", template) },
  {
    weight: 8,
    arbitrary: patches(
      "Strategic",
      fc
        .oneof(fc.tuple(metaPatch, podSpec), fc.tuple(podMeta, podPatch), fc.tuple(podMeta, podPatch))
        .map(([metadata, spec]) => ({ template: { metadata, spec } }))
    )
  }
)

const scalar = oneOf("1", "2")

const widgetSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: {
        byKey: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name", "protocol"],
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { type: "string" },
              protocol: { type: "string", default: "TCP" },
              size: { type: "integer" },
              tags: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } }
            }
          }
        },
        set: { type: "array", "x-kubernetes-list-type": "set", items: { type: "string" } },
        atomicList: { type: "array", items: { type: "object", properties: { a: { type: "string" } } } },
        map: { type: "object", additionalProperties: { type: "string" } },
        atomicMap: { type: "object", "x-kubernetes-map-type": "atomic", additionalProperties: { type: "string" } },
        granular: {
          type: "object",
          "x-kubernetes-map-type": "granular",
          properties: { a: { type: "string" }, b: { type: "object", properties: { c: { type: "integer" } } } }
        },
        atomic: {
          type: "object",
          "x-kubernetes-map-type": "atomic",
          properties: { a: { type: "string" }, b: { type: "object", properties: { c: { type: "integer" } } } }
        },
        free: {
          type: "object",
          "x-kubernetes-preserve-unknown-fields": true,
          properties: { known: { type: "string" } }
        },
        any: { "x-kubernetes-preserve-unknown-fields": true },
        either: { "x-kubernetes-int-or-string": true },
        maps: { type: "object", additionalProperties: { type: "object", properties: { a: { type: "string" } } } }
      }
    },
    status: {
      type: "object",
      properties: {
        phase: { type: "string" },
        conditions: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["type"],
          items: {
            type: "object",
            required: ["type"],
            properties: { type: { type: "string" }, status: { type: "string" } }
          }
        }
      }
    }
  }
} as const

const nested = some({ a: scalar, b: some({ c: oneOf(1, 2) }) })

const free = oneOf<Json>(
  {},
  { known: "1" },
  { x: 1 },
  { x: { y: 1 } },
  { x: { z: 1 } },
  { x: [1] },
  { x: [{ name: "a" }] },
  { x: "text", w: true }
)

const widgetSpec = some({
  byKey: rarely(
    fc.uniqueArray(
      some({
        name: oneOf("a", "b", "c"),
        protocol: oneOf("TCP", "UDP"),
        size: oneOf(1, 2),
        tags: fc.uniqueArray(oneOf("x", "y"))
      }).map((each): JsonObject => ({ name: "a", ...each })),
      { selector: (each) => `${String(each["name"])}${String(each["protocol"] ?? "TCP")}`, maxLength: 4 }
    ),
    oneOf<Json>([{ name: "a" }, { name: "a", protocol: "TCP" }], [{ size: 1 }], "x", [5], [{ name: "a", nope: 1 }])
  ),
  set: rarely(fc.uniqueArray(oneOf("a", "b", "c", "d")), oneOf<Json>(["a", "a"], [{}], [["a"]], [null], { a: 1 })),
  atomicList: list(
    nested.map(({ a }) => (a === undefined ? {} : { a })),
    2
  ),
  map: rarely(dictionary(scalar), oneOf<Json>({ a: 1 }, { a: null }, null)),
  atomicMap: dictionary(scalar),
  granular: rarely(nested, oneOf<Json>({ nope: 1 }, { a: { b: 1 } }, { b: "x" })),
  atomic: nested,
  free,
  any: fc.oneof(free, oneOf<Json>(1, "text", true, [1], [])),
  either: rarely(oneOf<Json>(1, "1"), oneOf(true)),
  maps: some({ p: nested.map(({ a }) => (a === undefined ? {} : { a })), q: fc.constant({}) })
})

const widgetStatus = some({
  phase: oneOf("a", "b"),
  conditions: fc.uniqueArray(
    fc.tuple(oneOf("A", "B"), oneOf("True", "False")).map(([type, status]): JsonObject => ({ type, status })),
    { selector: (each) => each["type"] }
  )
})

const widgets = (gvk: GroupVersionKind): fc.Arbitrary<Write> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: applies(
        gvk,
        widgetSpec.map((spec) => ({ spec }))
      )
    },
    { weight: 2, arbitrary: puts(widgetSpec.map((spec) => ({ spec }))) },
    {
      weight: 2,
      arbitrary: patches(
        "Merge",
        widgetSpec.map((spec) => ({ spec }))
      )
    },
    {
      weight: 1,
      arbitrary: operations(
        ["/spec/set/0", "/spec/byKey/0", "/spec/byKey/0/size", "/spec/granular/b", "/spec/map/a", "/spec/free/x"],
        oneOf<Json>("1", 1, {})
      )
    },
    {
      weight: 3,
      arbitrary: fc
        .record({ manager: managers, status: widgetStatus, force: fc.boolean(), apply: fc.boolean(), spec: widgetSpec })
        .map(({ apply, force, manager, spec, status }): Write =>
          apply
            ? {
                _tag: "Apply",
                force,
                manager,
                subresource: "status",
                body: () => manifest(gvk, {}, { status, spec: { map: spec["map"] ?? {} } })
              }
            : {
                _tag: "Merge",
                manager,
                subresource: "status",
                // It does not reach the spec, but one that does not fit the schema ends all management.
                body: () => ({ status, spec: { map: spec["map"] ?? {}, set: spec["set"] ?? [] } })
              }
        )
    }
  )

layer(e2e.layer, e2e.live)("beside the API server", (it) => {
  describe("random writes of three managers", () => {
    const core =
      (gvk: GroupVersionKind, plural: string, hasStatus: boolean) =>
      (namespace: string): Kind => ({
        gvk,
        schema: schema(gvk),
        collection: `/api/v1/namespaces/${namespace}/${plural}`,
        hasStatus
      })

    it.scoped("ConfigMaps", () => run(core(configMap, "configmaps", false), configMaps, { runs: 10, length: 10 }))
    it.scoped("Services", () => run(core(service, "services", true), services, { runs: 8, length: 12 }))
    it.scoped("PodTemplates", () =>
      run(core(podTemplate, "podtemplates", false), podTemplates, { runs: 12, length: 12 })
    )

    it.scoped("a custom kind", () =>
      Effect.gen(function* () {
        const group = `${yield* e2e.randomName("merge")}.example.com`
        const resource = yield* e2e.installed(
          Resource.define({ group, version: "v1", kind: "Widget", schema: Schema.Struct({}), status: true }),
          widgetSchema as never,
          { subresources: { status: {} } }
        )
        const gvk = { group, version: "v1", kind: "Widget" }
        yield* run(
          (namespace) => ({
            gvk,
            schema: widgetSchema,
            collection: `/apis/${group}/v1/namespaces/${namespace}/${resource.plural}`,
            hasStatus: true
          }),
          widgets(gvk),
          { runs: 12, length: 12 }
        )
      })
    )
  })

  it.scoped("what a create manages", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const spec = { containers: [{ name: "a", image: "a:1", ports: [{ containerPort: 80 }], env: [{ name: "A" }] }] }
        const template = { metadata: { labels: { a: "1" } }, spec }
        const selector = { matchLabels: { a: "1" } }
        const jobTemplate = { spec: { template: { spec: { ...spec, restartPolicy: "Never" } } } }
        const backend = { service: { name: "a", port: { number: 80 } } }
        const rule = { apiGroups: [""], resources: ["pods"], verbs: ["get"] }
        const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "a" }
        const subjects = [{ kind: "ServiceAccount", name: "a", namespace }]
        const outside = { type: "ExternalName", externalName: "a.example.com", ports: [{ port: 80 }] }
        // Kinds to which neither admission nor their strategy adds fields: nobody manages those.
        const created: ReadonlyArray<readonly [group: string, kind: string, plural: string, content: JsonObject]> = [
          ["", "ConfigMap", "configmaps", { data: { a: "1" }, immutable: false }],
          ["", "Service", "services", { spec: outside }],
          ["apps", "Deployment", "deployments", { spec: { replicas: 0, selector, template } }],
          ["apps", "StatefulSet", "statefulsets", { spec: { replicas: 0, selector, template, serviceName: "a" } }],
          ["apps", "DaemonSet", "daemonsets", { spec: { selector, template } }],
          ["batch", "CronJob", "cronjobs", { spec: { schedule: "@daily", jobTemplate } }],
          ["networking.k8s.io", "Ingress", "ingresses", { spec: { defaultBackend: backend } }],
          ["networking.k8s.io", "NetworkPolicy", "networkpolicies", { spec: { podSelector: {}, ingress: [{}] } }],
          ["policy", "PodDisruptionBudget", "poddisruptionbudgets", { spec: { minAvailable: 1, selector } }],
          ["rbac.authorization.k8s.io", "Role", "roles", { rules: [rule] }],
          ["rbac.authorization.k8s.io", "RoleBinding", "rolebindings", { roleRef, subjects }],
          ["coordination.k8s.io", "Lease", "leases", { spec: { holderIdentity: "a" } }]
        ]
        for (const [group, kind, plural, content] of created) {
          const gvk = { group, version: "v1", kind }
          const api = group === "" ? "/api/v1" : `/apis/${group}/v1`
          const collection = `${api}/namespaces/${namespace}/${plural}`
          const theirs = yield* call("POST", collection, { dryRun: "All" }, manifest(gvk, { name: "a" }, content))
          assert.strictEqual(theirs.status, 201, JSON.stringify(theirs.body))
          const times = managedOf(theirs.body).map(({ time }) => time)
          const result = updateManaged({
            live: undefined,
            updated: without(theirs.body, "managedFields"),
            schema: schema(gvk),
            gvk,
            manager: managerOf(undefined, "merge-test/1.0"),
            time: String(times[0]),
            reset: resetFields(gvk, "", "status" in (schema(gvk).properties ?? {}))
          })
          assert.deepStrictEqual(managedOf(result), managedOf(theirs.body), kind)
        }
      })
    )
  )

  it.scoped("too many managers, objects without any, and what kubectl applied at the client's side", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const kind: Kind = {
          gvk: configMap,
          schema: schema(configMap),
          collection: `/api/v1/namespaces/${namespace}/configmaps`,
          hasStatus: false
        }
        const counts: Counts = { same: 0, refused: 0, invalid: 0 }
        const annotation = (data: JsonObject) => ({
          annotations: {
            "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(
              manifest(configMap, { name: "c" }, { data })
            )
          }
        })
        const apply = (manager: string, data: JsonObject): Write => ({
          _tag: "Apply",
          manager,
          force: false,
          body: () => manifest(configMap, {}, { data })
        })
        const merge = (manager: string, body: JsonObject): Write => ({ _tag: "Merge", manager, body: () => body })

        yield* step(kind, "a", apply("one", { x: "1" }), counts, false)
        for (let index = 0; index < 13; index++) {
          yield* step(kind, "a", merge(`m-${index}`, { data: { [`k-${index}`]: "1" } }), counts, false)
        }

        yield* step(kind, "b", apply("one", { x: "1" }), counts, false)
        yield* step(kind, "b", merge("two", { metadata: { managedFields: [] } }), counts, false)
        yield* step(kind, "b", merge("two", { data: { y: "1" } }), counts, false)
        yield* step(kind, "b", apply("one", { x: "2" }), counts, false)
        yield* step(kind, "b", apply("one", { x: "1", z: "1" }), counts, false)

        yield* step(kind, "c", apply("one", { w: "1" }), counts, false)
        yield* step(
          kind,
          "c",
          merge("kubectl-client-side-apply", { metadata: annotation({ x: "1", y: "1" }), data: { x: "1", y: "1" } }),
          counts,
          false
        )
        yield* step(kind, "c", apply("kubectl", { x: "2", w: "2" }), counts, false)
        yield* step(kind, "c", apply("kubectl", { x: "2", y: "<" }), counts, false)
        yield* step(kind, "c", apply("kubectl", { x: "2" }), counts, false)
        assert.deepStrictEqual(counts, { same: 22, refused: 2, invalid: 0 })
      })
    )
  )
})
