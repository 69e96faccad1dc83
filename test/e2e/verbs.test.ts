/** Each verb, with each of its options, on a namespaced kind, a cluster-scoped kind and a custom kind. */
import { assert, describe, layer } from "@effect/vitest"
import { Chunk, Duration, Effect, Exit, Option, Schema, Stream, type Scope } from "effect"
import {
  ClusterRole,
  ConfigMap,
  Deployment,
  KubeClient,
  Namespace,
  Patch,
  Pod,
  PriorityClass,
  ReplicaSet,
  Request,
  Resource,
  Secret,
  Selector,
  type KubeError,
  type Stored
} from "effect-kubernetes"
import * as e2e from "../support/e2e.js"

const names = (list: { readonly items: ReadonlyArray<{ readonly metadata: { readonly name: string } }> }) =>
  list.items.map(({ metadata }) => metadata.name).toSorted()

/** The managers of an object's fields. */
const managers = (object: { readonly metadata: Stored<ConfigMap>["metadata"] }) =>
  (object.metadata.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`).toSorted()

const failure = <A, R>(effect: Effect.Effect<A, KubeError, R>) => Effect.flip(effect)

const deployment = (name: string, replicas = 1): Deployment => ({
  metadata: { name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [{ name: "main", image: "example.com/none:1" }],
        // No pod of a test is ever to run.
        nodeSelector: { "no-such": "node" }
      }
    }
  }
})

layer(e2e.layer, e2e.live)("on a real API server", (it) => {
  const test = <A, E>(name: string, body: (namespace: string) => Effect.Effect<A, E, KubeClient | Scope.Scope>) =>
    it.scoped(name, () => e2e.inFreshNamespace(body))

  describe("create", () => {
    test("stores an object and returns what was stored", (namespace) =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue" } })
        assert.strictEqual(created.apiVersion, "v1")
        assert.strictEqual(created.kind, "ConfigMap")
        assert.strictEqual(created.metadata.namespace, namespace)
        assert.match(created.metadata.uid, /^[0-9a-f-]{36}$/)
        assert.deepStrictEqual(created.data, { color: "blue" })
        assert.deepStrictEqual(yield* ConfigMap.get("settings"), created)
      }))

    test("fails with AlreadyExists the second time", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings" } })
        const error = yield* failure(ConfigMap.create({ metadata: { name: "settings" } }))
        assert.strictEqual(error._tag, "AlreadyExists")
        assert.strictEqual(error.message, 'configmaps "settings" already exists')
      }))

    test("lets the server choose the name after generateName", () =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { generateName: "run-" } })
        assert.match(created.metadata.name, /^run-[a-z0-9]{5}$/)
        assert.isTrue(yield* ConfigMap.exists(created))
      }))

    test("takes the namespace of the object, and refuses a contradiction", (namespace) =>
      Effect.gen(function* () {
        const object = { metadata: { name: "settings", namespace } }
        const created = yield* ConfigMap.create(object).pipe(KubeClient.withNamespace("default"))
        assert.strictEqual(created.metadata.namespace, namespace)
        const error = yield* failure(ConfigMap.create(object, { namespace: "default" }))
        assert.strictEqual(error._tag, "InvalidRequest")
      }))

    test("reports what is invalid, field by field", () =>
      Effect.gen(function* () {
        const error = yield* failure(ConfigMap.create({ metadata: { name: "Not_A_Name" } }))
        assert(error._tag === "Invalid")
        assert.strictEqual(error.status.details?.causes?.[0]?.field, "metadata.name")
        assert.match(error.message, /^ConfigMap "Not_A_Name" is invalid: metadata.name: /)
      }))
  })

  describe("get", () => {
    test("reads one object by name, by name and namespace, and by an object", (namespace) =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" } })
        assert.deepStrictEqual(yield* ConfigMap.get("settings"), created)
        assert.deepStrictEqual(yield* ConfigMap.get("settings", { namespace }), created)
        const elsewhere = KubeClient.withNamespace("default")
        assert.deepStrictEqual(yield* elsewhere(ConfigMap.get({ name: "settings", namespace })), created)
        assert.deepStrictEqual(yield* elsewhere(ConfigMap.get(created)), created)
      }))

    test("tells a missing object by NotFound, None and false", () =>
      Effect.gen(function* () {
        const error = yield* failure(ConfigMap.get("settings"))
        assert.strictEqual(error._tag, "NotFound")
        assert.strictEqual(error.message, 'configmaps "settings" not found')
        assert.deepStrictEqual(yield* ConfigMap.getOption("settings"), Option.none())
        assert.isFalse(yield* ConfigMap.exists("settings"))
        const created = yield* ConfigMap.create({ metadata: { name: "settings" } })
        assert.deepStrictEqual(yield* ConfigMap.getOption("settings"), Option.some(created))
        assert.isTrue(yield* ConfigMap.exists("settings"))
      }))

    test("reads from the server's cache with resourceVersion 0, and not older than a given version", () =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" } })
        const { resourceVersion } = created.metadata
        assert.deepStrictEqual(yield* ConfigMap.get("settings", { resourceVersion }), created)
        assert.deepStrictEqual(yield* ConfigMap.get("settings", { resourceVersion: "0" }), created)
      }))

    test("reads only the metadata", (namespace) =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue" } })
        const partial = yield* ConfigMap.getMetadata("settings")
        assert.deepStrictEqual(partial, {
          apiVersion: "meta.k8s.io/v1",
          kind: "PartialObjectMetadata",
          metadata: created.metadata
        })
        assert.strictEqual(partial.metadata.namespace, namespace)
      }))

    test("reads the row that kubectl prints", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue", size: "5" } })
        const table = yield* ConfigMap.getTable("settings")
        assert.deepStrictEqual(
          table.columnDefinitions.map(({ name }) => name),
          ["Name", "Data", "Age"]
        )
        assert.strictEqual(table.rows.length, 1)
        assert.deepStrictEqual(table.rows[0]?.cells.slice(0, 2), ["settings", 2])
        assert.strictEqual(table.rows[0]?.object?.metadata.name, "settings")
      }))
  })

  describe("list", () => {
    const labelled = Effect.forEach(
      [
        ["a", { app: "web", tier: "front" }],
        ["b", { app: "web", tier: "back" }],
        ["c", { app: "db" }],
        ["d", {}]
      ] as const,
      ([name, labels]) => ConfigMap.create({ metadata: { name, labels: { test: "yes", ...labels } } }),
      { concurrency: 4 }
    )

    test("shows all objects of the namespace, each with apiVersion and kind", () =>
      Effect.gen(function* () {
        yield* labelled
        const list = yield* ConfigMap.list({ labels: { test: "yes" } })
        assert.deepStrictEqual(names(list), ["a", "b", "c", "d"])
        assert.match(list.resourceVersion, /^\d+$/)
        assert.isUndefined(list.continue)
        for (const { apiVersion, kind } of list.items) assert.deepStrictEqual([apiVersion, kind], ["v1", "ConfigMap"])
      }))

    test("selects by labels, as values and as kubectl's text", () =>
      Effect.gen(function* () {
        yield* labelled
        const selected = (labels: Selector.Labels) => Effect.map(ConfigMap.list({ labels }), names)
        const mine = { test: "yes" }
        assert.deepStrictEqual(yield* selected({ ...mine, app: "web", tier: "back" }), ["b"])
        assert.deepStrictEqual(yield* selected({ ...mine, app: Selector.in(["web", "db"]) }), ["a", "b", "c"])
        assert.deepStrictEqual(yield* selected({ ...mine, app: Selector.notIn(["web"]) }), ["c", "d"])
        assert.deepStrictEqual(yield* selected({ ...mine, tier: Selector.notEquals("front") }), ["b", "c", "d"])
        assert.deepStrictEqual(yield* selected({ ...mine, app: Selector.exists }), ["a", "b", "c"])
        assert.deepStrictEqual(yield* selected({ ...mine, app: Selector.notExists }), ["d"])
        assert.deepStrictEqual(yield* selected("test=yes,app in (web),tier!=front"), ["b"])
        assert.deepStrictEqual(yield* selected("test,!app"), ["d"])
      }))

    test("selects by fields, as values and as kubectl's text", () =>
      Effect.gen(function* () {
        yield* labelled
        const selected = (fields: Selector.Fields) =>
          Effect.map(ConfigMap.list({ labels: { test: "yes" }, fields }), names)
        assert.deepStrictEqual(yield* selected({ "metadata.name": "a" }), ["a"])
        assert.deepStrictEqual(yield* selected({ "metadata.name": Selector.notEquals("a") }), ["b", "c", "d"])
        assert.deepStrictEqual(yield* selected("metadata.name!=a,metadata.name!=b"), ["c", "d"])
        yield* Secret.create({ metadata: { name: "odd" }, type: "example.com/a,b=c" })
        const secrets = yield* Secret.list({ fields: { type: "example.com/a,b=c" } })
        assert.deepStrictEqual(names(secrets), ["odd"])
      }))

    test("goes page by page with limit and continue", () =>
      Effect.gen(function* () {
        yield* labelled
        const fields = { "metadata.name": Selector.notEquals("kube-root-ca.crt") }
        const first = yield* ConfigMap.list({ fields, limit: 3 })
        assert.deepStrictEqual(names(first), ["a", "b", "c"])
        assert.isString(first.continue)
        const second = yield* ConfigMap.list({ fields, limit: 3, continue: first.continue })
        assert.deepStrictEqual(names(second), ["d"])
        assert.isUndefined(second.continue)
        assert.strictEqual(second.resourceVersion, first.resourceVersion)
      }))

    test("counts what remains after a page", () =>
      Effect.gen(function* () {
        yield* labelled
        yield* e2e.until(ConfigMap, "kube-root-ca.crt", () => true)
        const page = yield* ConfigMap.list({ limit: 2 })
        assert.strictEqual(page.remainingItemCount, 3)
      }))

    test("shows an exact past state, any cached state, or one not older than given", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "a", labels: { test: "yes" } } })
        const labels = { test: "yes" }
        const { resourceVersion } = yield* ConfigMap.list({ labels })
        yield* ConfigMap.create({ metadata: { name: "b", labels } })
        const exact = yield* ConfigMap.list({ labels, resourceVersion, resourceVersionMatch: "Exact" })
        assert.deepStrictEqual(names(exact), ["a"])
        assert.strictEqual(exact.resourceVersion, resourceVersion)
        const newest = (yield* ConfigMap.list({ labels })).resourceVersion
        const notOlder = yield* ConfigMap.list({
          labels,
          resourceVersion: newest,
          resourceVersionMatch: "NotOlderThan"
        })
        assert.deepStrictEqual(names(notOlder), ["a", "b"])
        const any = yield* ConfigMap.list({ labels, resourceVersion: "0" })
        assert.include(names(any), "a")
        const error = yield* failure(ConfigMap.list({ resourceVersionMatch: "Exact" }))
        assert.strictEqual(error._tag, "Invalid")
      }))

    test("takes the server's own time limit", () =>
      Effect.map(ConfigMap.list({ timeoutSeconds: 30 }), (list) => assert.isArray(list.items)))

    test("looks into all namespaces", (namespace) =>
      Effect.gen(function* () {
        const other = yield* e2e.freshNamespace
        const label = { [namespace]: "yes" }
        yield* ConfigMap.create({ metadata: { name: "here", labels: label } })
        yield* ConfigMap.create({ metadata: { name: "there", labels: label } }, { namespace: other })
        assert.deepStrictEqual(names(yield* ConfigMap.list({ labels: label })), ["here"])
        assert.deepStrictEqual(names(yield* ConfigMap.list({ labels: label, namespace: other })), ["there"])
        const all = yield* ConfigMap.list({ labels: label, allNamespaces: true })
        assert.deepStrictEqual(names(all), ["here", "there"])
        const error = yield* failure(ConfigMap.list({ namespace, allNamespaces: true }))
        assert.strictEqual(error._tag, "InvalidRequest")
      }))

    test("shows only the metadata, and the table that kubectl prints", () =>
      Effect.gen(function* () {
        yield* labelled
        const labels = { test: "yes" }
        const full = yield* ConfigMap.list({ labels })
        const partial = yield* ConfigMap.listMetadata({ labels })
        assert.deepStrictEqual(
          partial.items.map(({ metadata }) => metadata),
          full.items.map(({ metadata }) => metadata)
        )
        for (const { kind } of partial.items) assert.strictEqual(kind, "PartialObjectMetadata")
        const table = yield* ConfigMap.listTable({ labels })
        assert.deepStrictEqual(table.rows.map(({ cells }) => cells[0]).toSorted(), ["a", "b", "c", "d"])
        const page = yield* ConfigMap.listMetadata({ labels, limit: 3 })
        assert.strictEqual(page.items.length, 3)
        assert.isString(page.continue)
      }))

    test("streams all objects, whatever the size of a page", () =>
      Effect.gen(function* () {
        yield* labelled
        for (const limit of [1, 3, 500]) {
          const items = yield* Stream.runCollect(ConfigMap.stream({ labels: { test: "yes" }, limit }))
          assert.deepStrictEqual(names({ items: Chunk.toReadonlyArray(items) }), ["a", "b", "c", "d"])
        }
      }))
  })

  describe("replace", () => {
    test("puts another object in the place of the old one", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue", size: "5" } })
        const replaced = yield* ConfigMap.replace({ metadata: { name: "settings" }, data: { color: "red" } })
        assert.deepStrictEqual(replaced.data, { color: "red" })
        assert.deepStrictEqual(yield* ConfigMap.get("settings"), replaced)
      }))

    test("fails with Conflict when the object has changed since it was read", () =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue" } })
        const second = yield* ConfigMap.replace({ ...created, data: { color: "red" } })
        assert.notStrictEqual(second.metadata.resourceVersion, created.metadata.resourceVersion)
        const error = yield* failure(ConfigMap.replace({ ...created, data: { color: "green" } }))
        assert.strictEqual(error._tag, "Conflict")
        assert.match(error.message, /the object has been modified/)
        assert.deepStrictEqual((yield* ConfigMap.get("settings")).data, { color: "red" })
      }))

    test("fails with NotFound where there is nothing to replace", () =>
      Effect.map(failure(ConfigMap.replace({ metadata: { name: "settings" } })), (error) =>
        assert.strictEqual(error._tag, "NotFound")
      ))
  })

  describe("apply", () => {
    test("creates the object, and then owns the fields that it names", () =>
      Effect.gen(function* () {
        const first = yield* ConfigMap.apply({ metadata: { name: "settings" }, data: { color: "blue", size: "5" } })
        assert.deepStrictEqual(managers(first), ["effect-kubernetes Apply"])
        const second = yield* ConfigMap.apply({ metadata: { name: "settings" }, data: { color: "red" } })
        assert.deepStrictEqual(second.data, { color: "red" })
        assert.strictEqual(second.metadata.uid, first.metadata.uid)
      }))

    test("leaves the fields of others alone", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings" }, data: { size: "5" } })
        const applied = yield* ConfigMap.apply({ metadata: { name: "settings" }, data: { color: "red" } })
        assert.deepStrictEqual(applied.data, { color: "red", size: "5" })
      }))

    test("fails with Conflict over another manager's field, and takes it over with force", () =>
      Effect.gen(function* () {
        yield* ConfigMap.apply({ metadata: { name: "settings" }, data: { color: "blue" } }, { fieldManager: "alice" })
        const red = { metadata: { name: "settings" }, data: { color: "red" } }
        const error = yield* failure(ConfigMap.apply(red, { fieldManager: "bob" }))
        assert(error._tag === "Conflict")
        assert.match(error.message, /conflict with "alice": .data.color/)
        assert.strictEqual(error.status.details?.causes?.[0]?.field, ".data.color")
        const forced = yield* ConfigMap.apply(red, { fieldManager: "bob", force: true })
        assert.deepStrictEqual(forced.data, { color: "red" })
        assert.deepStrictEqual(managers(forced), ["bob Apply"])
        const again = yield* ConfigMap.apply(red, { fieldManager: "alice" })
        assert.deepStrictEqual(managers(again), ["alice Apply", "bob Apply"])
      }))

    test("merges lists by their keys", () =>
      Effect.gen(function* () {
        yield* Deployment.create(deployment("web"))
        const applied = yield* Deployment.apply({
          metadata: { name: "web" },
          spec: { template: { spec: { containers: [{ name: "side", image: "example.com/side:1" }] } } }
        })
        const containers = applied.spec.template.spec?.containers ?? []
        assert.deepStrictEqual(containers.map(({ name }) => name).toSorted(), ["main", "side"])
      }))
  })

  describe("patch", () => {
    test("json: operations in their order, all or none", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({
          metadata: { name: "settings", annotations: { "example.com/a": "1" } },
          data: { color: "blue" }
        })
        const patched = yield* ConfigMap.patch(
          "settings",
          Patch.json([
            { op: "test", path: "/data/color", value: "blue" },
            { op: "replace", path: "/data/color", value: "red" },
            { op: "remove", path: Patch.pointer("metadata", "annotations", "example.com/a") },
            { op: "copy", from: "/data/color", path: "/data/copy" }
          ])
        )
        assert.deepStrictEqual(patched.data, { color: "red", copy: "red" })
        assert.isUndefined(patched.metadata.annotations)
        const error = yield* failure(
          ConfigMap.patch(
            "settings",
            Patch.json([
              { op: "remove", path: "/data/copy" },
              { op: "test", path: "/data/color", value: "blue" }
            ])
          )
        )
        assert.strictEqual(error._tag, "Invalid")
        assert.deepStrictEqual((yield* ConfigMap.get("settings")).data, { color: "red", copy: "red" })
      }))

    test("merge: null removes, lists are replaced", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue", size: "5", empty: "" } })
        const patched = yield* ConfigMap.patch("settings", Patch.merge({ data: { color: null, size: "6" } }))
        assert.deepStrictEqual(patched.data, { size: "6", empty: "" })
        yield* Deployment.create(deployment("web"))
        const containers = [{ name: "other", image: "example.com/other:1" }]
        const changed = yield* Deployment.patch("web", Patch.merge({ spec: { template: { spec: { containers } } } }))
        assert.deepStrictEqual(
          changed.spec.template.spec?.containers.map(({ name }) => name),
          ["other"]
        )
      }))

    test("strategic: lists are merged by their keys", () =>
      Effect.gen(function* () {
        yield* Deployment.create(deployment("web"))
        const containers = [{ name: "side", image: "example.com/side:1" }]
        const patched = yield* Deployment.patch(
          "web",
          Patch.strategic({ spec: { template: { spec: { containers } } } })
        )
        assert.deepStrictEqual((patched.spec.template.spec?.containers ?? []).map(({ name }) => name).toSorted(), [
          "main",
          "side"
        ])
      }))

    test("apply: the name comes from the reference", () =>
      Effect.gen(function* () {
        const patched = yield* ConfigMap.patch("settings", Patch.apply({ data: { color: "red" } }), {
          fieldManager: "alice"
        })
        assert.deepStrictEqual(patched.data, { color: "red" })
        assert.deepStrictEqual(managers(patched), ["alice Apply"])
      }))

    test("refuses force outside of apply", () =>
      Effect.map(failure(ConfigMap.patch("settings", Patch.merge({}), { force: true })), (error) =>
        assert.strictEqual(error._tag, "InvalidRequest")
      ))
  })

  describe("modify, label and annotate", () => {
    test("modify reads, changes and replaces", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings" }, data: { count: "1" } })
        const increment = (map: Stored<ConfigMap>) => ({
          ...map,
          data: { count: String(Number(map.data?.["count"]) + 1) }
        })
        const modified = yield* ConfigMap.modify("settings", increment)
        assert.deepStrictEqual(modified.data, { count: "2" })
        const again = yield* ConfigMap.modify(modified, (map) => Effect.succeed(increment(map)))
        assert.deepStrictEqual(again.data, { count: "3" })
      }))

    test("modify writes nothing when nothing has changed, and passes the callback's failure on", () =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" } })
        const same = yield* ConfigMap.modify("settings", (map) => map)
        assert.strictEqual(same.metadata.resourceVersion, created.metadata.resourceVersion)
        const failed = yield* Effect.exit(ConfigMap.modify("settings", () => Effect.fail("no" as const)))
        assert.deepStrictEqual(failed, Exit.fail("no" as const))
      }))

    test("label and annotate set and remove", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings", labels: { a: "1", "example.com/b": "2" } } })
        const labelled = yield* ConfigMap.label("settings", { a: null, c: "3" })
        assert.deepStrictEqual(labelled.metadata.labels, { "example.com/b": "2", c: "3" })
        const annotated = yield* ConfigMap.annotate(labelled, { note: "any text, with a comma" })
        assert.deepStrictEqual(annotated.metadata.annotations, { note: "any text, with a comma" })
        const cleared = yield* ConfigMap.annotate("settings", { note: null })
        assert.isUndefined(cleared.metadata.annotations)
      }))
  })

  describe("delete", () => {
    test("answers with a Status when the object is gone", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings" } })
        const answer = yield* ConfigMap.delete("settings")
        assert(answer.kind === "Status")
        assert.strictEqual(answer.status, "Success")
        assert.isFalse(yield* ConfigMap.exists("settings"))
        assert.strictEqual((yield* failure(ConfigMap.delete("settings")))._tag, "NotFound")
      }))

    test("answers with the object when a finalizer holds it", () =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "settings", finalizers: ["example.com/hold"] } })
        const answer = yield* ConfigMap.delete("settings")
        assert(answer.kind === "ConfigMap")
        assert.isString(answer.metadata.deletionTimestamp)
        assert.isTrue(yield* ConfigMap.exists("settings"))
        yield* ConfigMap.patch("settings", Patch.merge({ metadata: { finalizers: null } }))
        assert.isFalse(yield* ConfigMap.exists("settings"))
      }))

    test("takes preconditions on the uid and the version", () =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" } })
        const { resourceVersion, uid } = created.metadata
        const other = "00000000-0000-0000-0000-000000000000"
        const wrongUid = yield* failure(ConfigMap.delete("settings", { preconditions: { uid: other } }))
        assert.strictEqual(wrongUid._tag, "Conflict")
        yield* ConfigMap.label("settings", { changed: "yes" })
        const stale = yield* failure(ConfigMap.delete("settings", { preconditions: { resourceVersion } }))
        assert.strictEqual(stale._tag, "Conflict")
        assert.isTrue(yield* ConfigMap.exists("settings"))
        yield* ConfigMap.delete("settings", { preconditions: { uid } })
        assert.isFalse(yield* ConfigMap.exists("settings"))
      }))

    test("deletes a pod at once with gracePeriodSeconds 0", () =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        // One that has a node ends gracefully: only its node may say that it has ended, and there is none.
        const pod = (name: string) => ({
          metadata: { name },
          spec: { nodeName: "no-such-node", containers: [{ name: "main", image: "example.com/none:1" }] }
        })
        yield* Pod.create(pod("slow"))
        const slow = yield* Pod.delete("slow", { gracePeriodSeconds: 25 })
        assert(slow.kind === "Pod")
        assert.strictEqual(slow.metadata.deletionGracePeriodSeconds, 25)
        assert.isTrue(yield* Pod.exists("slow"))
        yield* Pod.create(pod("fast"))
        yield* Pod.delete("fast", { gracePeriodSeconds: 0 })
        assert.isFalse(yield* Pod.exists("fast"))
        yield* Pod.delete("slow", { gracePeriodSeconds: 0 })
        assert.isFalse(yield* Pod.exists("slow"))
      }))

    /** A parent, and a child that it owns. */
    const family = Effect.gen(function* () {
      const parent = yield* ConfigMap.create({ metadata: { name: "parent" } })
      const owner = { apiVersion: "v1", kind: "ConfigMap", name: "parent", uid: parent.metadata.uid }
      yield* ConfigMap.create({
        metadata: { name: "child", ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }
      })
    })
    const owners = Effect.map(ConfigMap.get("child"), ({ metadata }) => metadata.ownerReferences ?? [])

    test("Background: the object goes at once, what it owns follows", () =>
      Effect.gen(function* () {
        yield* family
        const answer = yield* ConfigMap.delete("parent", { propagationPolicy: "Background" })
        assert.strictEqual(answer.kind, "Status")
        yield* e2e.untilGone(ConfigMap.getOption("child"))
      }))

    test("Foreground: the object goes after what it owns", () =>
      Effect.gen(function* () {
        yield* family
        const answer = yield* ConfigMap.delete("parent", { propagationPolicy: "Foreground" })
        assert(answer.kind === "ConfigMap")
        assert.include(answer.metadata.finalizers ?? [], "foregroundDeletion")
        yield* e2e.untilGone(ConfigMap.getOption("parent"))
        assert.isFalse(yield* ConfigMap.exists("child"))
      }))

    for (const [name, options] of [
      ["Orphan", { propagationPolicy: "Orphan" }],
      ["orphan: true", { orphan: true }]
    ] as const) {
      test(`${name}: what it owned stays, and has no owner any more`, () =>
        Effect.gen(function* () {
          yield* family
          yield* ConfigMap.delete("parent", options)
          yield* e2e.untilGone(ConfigMap.getOption("parent"))
          assert.deepStrictEqual(yield* owners, [])
        }))
    }

    test("orphan: false is the older word for Background", () =>
      Effect.gen(function* () {
        yield* family
        yield* ConfigMap.delete("parent", { orphan: false })
        yield* e2e.untilGone(ConfigMap.getOption("child"))
        const error = yield* failure(ConfigMap.delete("a", { orphan: true, propagationPolicy: "Orphan" }))
        assert.strictEqual(error._tag, "InvalidRequest")
      }))

    test("a Deployment takes its ReplicaSet with it", () =>
      Effect.gen(function* () {
        yield* Deployment.create(deployment("web", 0))
        const sets = ReplicaSet.list({ labels: { app: "web" } })
        yield* e2e.eventually(Effect.map(sets, ({ items }) => items.length === 1))
        yield* Deployment.delete("web", { propagationPolicy: "Foreground" })
        yield* e2e.untilGone(Deployment.getOption("web"))
        assert.strictEqual((yield* sets).items.length, 0)
      }))

    test("deleteCollection deletes what the selectors match, and nothing in a dry run", () =>
      Effect.gen(function* () {
        for (const [name, app] of [
          ["a", "web"],
          ["b", "web"],
          ["c", "db"]
        ] as const) {
          yield* ConfigMap.create({ metadata: { name, labels: { app, test: "yes" } } })
        }
        const left = Effect.map(ConfigMap.list({ labels: { test: "yes" } }), names)
        yield* ConfigMap.deleteCollection({ labels: { app: "web" }, dryRun: true })
        assert.deepStrictEqual(yield* left, ["a", "b", "c"])
        const answer = yield* ConfigMap.deleteCollection({ labels: { app: "web" }, propagationPolicy: "Background" })
        assert("items" in answer)
        assert.deepStrictEqual(names(answer), ["a", "b"])
        assert.deepStrictEqual(yield* left, ["c"])
        yield* ConfigMap.deleteCollection({ fields: { "metadata.name": "c" }, gracePeriodSeconds: 0 })
        assert.deepStrictEqual(yield* left, [])
      }))
  })

  describe("dryRun", () => {
    test("does everything but store", () =>
      Effect.gen(function* () {
        const options = { dryRun: true }
        const created = yield* ConfigMap.create({ metadata: { name: "settings" } }, options)
        assert.isUndefined(created.metadata.resourceVersion)
        yield* ConfigMap.apply({ metadata: { name: "settings" } }, options)
        assert.isFalse(yield* ConfigMap.exists("settings"))

        const stored = yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue" } })
        const red = { metadata: { name: "settings" }, data: { color: "red" } }
        assert.deepStrictEqual((yield* ConfigMap.replace(red, options)).data, { color: "red" })
        assert.deepStrictEqual((yield* ConfigMap.patch("settings", Patch.merge({ data: red.data }), options)).data, {
          color: "red"
        })
        yield* ConfigMap.modify("settings", (map) => ({ ...map, data: red.data }), options)
        yield* ConfigMap.label("settings", { a: "1" }, options)
        yield* ConfigMap.annotate("settings", { a: "1" }, options)
        yield* ConfigMap.delete("settings", options)
        assert.deepStrictEqual(yield* ConfigMap.get("settings"), stored)
      }))
  })

  describe("fieldManager", () => {
    test("says whose fields they are, on every write", () =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create(
          { metadata: { name: "settings" }, data: { a: "1" } },
          { fieldManager: "alice" }
        )
        assert.deepStrictEqual(managers(created), ["alice Update"])
        yield* ConfigMap.patch("settings", Patch.merge({ data: { b: "1" } }), { fieldManager: "bob" })
        yield* ConfigMap.label("settings", { c: "1" }, { fieldManager: "carol" })
        const modified = yield* ConfigMap.modify("settings", (map) => ({ ...map, data: { ...map.data, d: "1" } }), {
          fieldManager: "dave"
        })
        assert.deepStrictEqual(managers(modified), ["alice Update", "bob Update", "carol Update", "dave Update"])
      }))

    test("is the program's name where nobody says", () =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "settings" }, data: { a: "1" } })
        assert.deepStrictEqual(managers(created), ["effect-kubernetes Update"])
      }))
  })

  describe("fieldValidation", () => {
    // The type has no such field; a manifest from elsewhere may.
    const misspelt = (name: string) => ({ metadata: { name }, dta: { color: "blue" } }) as ConfigMap

    test("Strict fails and names the field", () =>
      Effect.gen(function* () {
        const error = yield* failure(ConfigMap.create(misspelt("strict"), { fieldValidation: "Strict" }))
        assert.strictEqual(error._tag, "BadRequest")
        assert.include(error.message, 'unknown field "dta"')
        assert.isFalse(yield* ConfigMap.exists("strict"))
      }))

    test("Warn stores and logs the warning, once", () =>
      Effect.gen(function* () {
        const field = yield* e2e.randomName("field")
        const odd = (name: string) => ({ metadata: { name }, [field]: "x" }) as ConfigMap
        const logged = yield* e2e.loggedWarnings(
          Effect.forEach(["a", "b"], (name) => ConfigMap.create(odd(name), { fieldValidation: "Warn" }))
        )
        assert.deepStrictEqual(logged, [`the API server warns: unknown field "${field}"`])
        assert.isTrue(yield* ConfigMap.exists("b"))
      }))

    test("Ignore says nothing", () =>
      Effect.gen(function* () {
        const field = yield* e2e.randomName("field")
        const odd = { metadata: { name: "a" }, [field]: "x" } as ConfigMap
        const logged = yield* e2e.loggedWarnings(ConfigMap.create(odd, { fieldValidation: "Ignore" }))
        assert.deepStrictEqual(logged, [])
        assert.isTrue(yield* ConfigMap.exists("a"))
      }))
  })

  describe("timeout", () => {
    test("limits one call, and `infinity` switches the region's limit off", () =>
      Effect.gen(function* () {
        const error = yield* failure(ConfigMap.list({ timeout: "1 nanos" }))
        assert(error._tag === "TimeoutError")
        assert.strictEqual(error.verb, "list")
        assert.strictEqual(error.kind, "ConfigMap")
        assert.isTrue(Duration.lessThan(error.timeout, "1 millis"))

        const region = KubeClient.withTimeout("1 nanos")
        assert.strictEqual((yield* failure(region(ConfigMap.list())))._tag, "TimeoutError")
        assert.isArray((yield* region(ConfigMap.list({ timeout: "infinity" }))).items)
        assert.isArray((yield* region(ConfigMap.list({ timeout: "30 seconds" }))).items)
      }))

    test("limits every verb", () =>
      Effect.gen(function* () {
        const timeout = "1 nanos"
        const one = { metadata: { name: "settings" } }
        const calls: ReadonlyArray<Effect.Effect<unknown, KubeError, KubeClient>> = [
          ConfigMap.get("settings", { timeout }),
          ConfigMap.getOption("settings", { timeout }),
          ConfigMap.exists("settings", { timeout }),
          ConfigMap.getMetadata("settings", { timeout }),
          ConfigMap.getTable("settings", { timeout }),
          ConfigMap.list({ timeout }),
          ConfigMap.listMetadata({ timeout }),
          ConfigMap.listTable({ timeout }),
          Stream.runDrain(ConfigMap.stream({ timeout })),
          Stream.runDrain(ConfigMap.watch({ resume: false, timeout })),
          ConfigMap.create(one, { timeout }),
          ConfigMap.replace(one, { timeout }),
          ConfigMap.apply(one, { timeout }),
          ConfigMap.patch("settings", Patch.merge({}), { timeout }),
          ConfigMap.modify("settings", (map) => map, { timeout }),
          ConfigMap.label("settings", {}, { timeout }),
          ConfigMap.annotate("settings", {}, { timeout }),
          ConfigMap.delete("settings", { timeout }),
          ConfigMap.deleteCollection({ timeout })
        ]
        for (const call of calls) assert.strictEqual((yield* failure(call))._tag, "TimeoutError")
      }))
  })

  describe("regions of a program", () => {
    test("withNamespace, withDryRun and withFieldManager set what calls do not say; the inner one counts", (namespace) =>
      Effect.gen(function* () {
        const created = yield* ConfigMap.create({ metadata: { name: "a" }, data: { a: "1" } }).pipe(
          KubeClient.withFieldManager("inner"),
          KubeClient.withNamespace(namespace),
          KubeClient.withFieldManager("outer"),
          KubeClient.withNamespace("default")
        )
        assert.strictEqual(created.metadata.namespace, namespace)
        assert.deepStrictEqual(managers(created), ["inner Update"])

        const dry = Effect.gen(function* () {
          yield* ConfigMap.create({ metadata: { name: "b" } })
          yield* ConfigMap.create({ metadata: { name: "c" } }, { dryRun: false })
          yield* ConfigMap.delete("a")
          yield* ConfigMap.deleteCollection({ fields: { "metadata.name": "a" } })
        })
        yield* dry.pipe(KubeClient.withDryRun(true))
        assert.isTrue(yield* ConfigMap.exists("a"))
        assert.isFalse(yield* ConfigMap.exists("b"))
        assert.isTrue(yield* ConfigMap.exists("c"))
      }))

    test("withNamespace counts for streams that are run in it", (namespace) =>
      Effect.gen(function* () {
        yield* ConfigMap.create({ metadata: { name: "a", labels: { test: "yes" } } })
        const read = Stream.runCollect(ConfigMap.stream({ labels: { test: "yes" } }))
        assert.strictEqual((yield* read.pipe(KubeClient.withNamespace(namespace))).length, 1)
        assert.strictEqual((yield* read.pipe(KubeClient.withNamespace("kube-public"))).length, 0)
      }))

    test("withImpersonation acts as someone else", () =>
      Effect.gen(function* () {
        const user = "jane@example.com"
        const error = yield* ConfigMap.list().pipe(KubeClient.withImpersonation({ user }), failure)
        assert.strictEqual(error._tag, "Forbidden")
        assert.include(error.message, `User "${user}" cannot list resource "configmaps"`)
        const admin = KubeClient.withImpersonation({ user, groups: ["system:masters", "other"] })
        assert.isArray((yield* admin(ConfigMap.list())).items)
      }))
  })

  describe("a cluster-scoped kind", () => {
    const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }]

    it.scoped("has every verb, and no namespace in its paths", () =>
      Effect.gen(function* () {
        const name = yield* e2e.randomName("role")
        const labels = { test: name }
        yield* Effect.addFinalizer(() => Effect.ignoreLogged(ClusterRole.deleteCollection({ labels })))

        const created = yield* ClusterRole.create({ metadata: { name, labels }, rules })
        assert.isUndefined(created.metadata.namespace)
        assert.deepStrictEqual(yield* ClusterRole.get(name), created)
        assert.deepStrictEqual(yield* ClusterRole.get(created), created)
        assert.deepStrictEqual(yield* ClusterRole.get({ name }), created)
        assert.deepStrictEqual(yield* ClusterRole.getOption(name), Option.some(created))
        assert.deepStrictEqual(yield* ClusterRole.getOption(`${name}-no`), Option.none())
        assert.isTrue(yield* ClusterRole.exists(name))
        assert.isFalse(yield* ClusterRole.exists(`${name}-no`))
        assert.strictEqual((yield* ClusterRole.getMetadata(name)).metadata.uid, created.metadata.uid)
        assert.strictEqual((yield* ClusterRole.getTable(name)).rows[0]?.cells[0], name)

        assert.deepStrictEqual(names(yield* ClusterRole.list({ labels })), [name])
        assert.deepStrictEqual(names(yield* ClusterRole.list({ fields: { "metadata.name": name } })), [name])
        assert.deepStrictEqual(names(yield* ClusterRole.listMetadata({ labels })), [name])
        assert.strictEqual((yield* ClusterRole.listTable({ labels })).rows.length, 1)
        assert.strictEqual((yield* Stream.runCollect(ClusterRole.stream({ labels, limit: 1 }))).length, 1)
        const event = yield* Stream.runHead(ClusterRole.watch({ labels, managedFields: true }))
        assert.deepStrictEqual(event, Option.some({ _tag: "Added" as const, object: created }))

        const replaced = yield* ClusterRole.replace({ ...created, rules: [] })
        const stale = yield* failure(ClusterRole.replace({ ...created, rules }))
        assert.strictEqual(stale._tag, "Conflict")
        const patched = yield* ClusterRole.patch(replaced, Patch.merge({ rules }))
        assert.deepStrictEqual(patched.rules, rules)
        const modified = yield* ClusterRole.modify(name, (role) => ({ ...role, rules: [...rules, ...rules] }))
        assert.strictEqual(modified.rules?.length, 2)
        yield* ClusterRole.label(name, { a: "1" })
        yield* ClusterRole.annotate(name, { b: "2" })
        const conflict = yield* failure(ClusterRole.apply({ metadata: { name }, rules }, { fieldManager: "bob" }))
        assert.strictEqual(conflict._tag, "Conflict")
        const applied = yield* ClusterRole.apply({ metadata: { name }, rules }, { fieldManager: "bob", force: true })
        assert.deepStrictEqual(applied.rules, rules)
        assert.deepStrictEqual(applied.metadata.labels, { ...labels, a: "1" })
        assert.deepStrictEqual(applied.metadata.annotations, { b: "2" })

        yield* ClusterRole.delete(name, { dryRun: true })
        assert.isTrue(yield* ClusterRole.exists(name))
        yield* ClusterRole.delete(applied, { preconditions: { uid: applied.metadata.uid } })
        assert.isFalse(yield* ClusterRole.exists(name))

        yield* ClusterRole.create({ metadata: { generateName: `${name}-`, labels } })
        yield* ClusterRole.deleteCollection({ labels })
        assert.deepStrictEqual(names(yield* ClusterRole.list({ labels })), [])
      })
    )

    it.scoped("does not care for the region's namespace", () =>
      Effect.gen(function* () {
        const name = yield* e2e.randomName("class")
        yield* Effect.addFinalizer(() => Effect.ignoreLogged(PriorityClass.delete(name)))
        const created = yield* PriorityClass.create({ metadata: { name }, value: 5 })
        assert.strictEqual(created.value, 5)
        assert.strictEqual((yield* PriorityClass.get(name)).metadata.uid, created.metadata.uid)
      }).pipe(KubeClient.withNamespace("no-such-namespace"))
    )

    it.scoped("a namespace is one: it ends as its controller says", () =>
      Effect.gen(function* () {
        const name = yield* e2e.freshNamespace
        const namespace = yield* Namespace.get(name)
        assert.strictEqual(namespace.status.phase, "Active")
        const answer = yield* Namespace.delete(namespace)
        assert(answer.kind === "Namespace")
        assert.strictEqual(answer.status.phase, "Terminating")
        yield* e2e.untilGone(Namespace.getOption(name))
      })
    )
  })

  describe("a custom kind", () => {
    const due = new Date("2030-01-02T03:04:05Z")

    test("has every verb, and its schema's transformations", (namespace) =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        const created = yield* Widget.create({
          metadata: { name: "a", labels: { app: "web" } },
          spec: { due, size: 3, parts: ["x", "y"] }
        })
        assert.strictEqual(created.apiVersion, Widget.apiVersion)
        assert.strictEqual(created.kind, "Widget")
        assert.strictEqual(created.metadata.namespace, namespace)
        assert.deepStrictEqual(created.spec, { due, size: 3, parts: ["x", "y"] })
        const raw = yield* KubeClient.request(
          Request.get(`/apis/${Widget.apiVersion}/namespaces/${namespace}/widgets/a`),
          Schema.Struct({ spec: Schema.Unknown })
        )
        assert.deepStrictEqual(raw.spec, { due: "2030-01-02T03:04:05.000Z", size: 3, parts: "x,y" })
        assert.deepStrictEqual(yield* Widget.get("a"), created)
        assert.deepStrictEqual(yield* Widget.getOption(created), Option.some(created))
        assert.deepStrictEqual(yield* Widget.getOption("none"), Option.none())
        assert.isTrue(yield* Widget.exists("a"))
        assert.isFalse(yield* Widget.exists("none"))
        assert.deepStrictEqual((yield* Widget.getMetadata("a")).metadata, created.metadata)
        assert.deepStrictEqual((yield* Widget.getTable("a")).rows[0]?.cells, ["a", 3])

        const second = yield* Widget.create({ metadata: { generateName: "b-" }, spec: { due, size: 5 } })
        const both = ["a", second.metadata.name]
        const list = yield* Widget.list()
        assert.deepStrictEqual(names(list), both)
        for (const { apiVersion, kind, spec } of list.items) {
          assert.deepStrictEqual([apiVersion, kind], [Widget.apiVersion, "Widget"])
          assert.deepStrictEqual(spec.due, due)
        }
        assert.deepStrictEqual(names(yield* Widget.list({ labels: { app: "web" } })), ["a"])
        assert.deepStrictEqual(names(yield* Widget.list({ fields: { "spec.size": "5" } })), [second.metadata.name])
        assert.deepStrictEqual(names(yield* Widget.list({ allNamespaces: true })), both)
        assert.deepStrictEqual(names(yield* Widget.listMetadata()), both)
        assert.strictEqual((yield* Widget.listTable()).rows.length, 2)
        const streamed = yield* Stream.runCollect(Widget.stream({ limit: 1 }))
        assert.deepStrictEqual(
          Chunk.toReadonlyArray(streamed).map(({ spec }) => spec.due),
          [due, due]
        )
        const event = yield* Stream.runHead(Widget.watch({ fields: { "metadata.name": "a" }, managedFields: true }))
        assert.deepStrictEqual(event, Option.some({ _tag: "Added" as const, object: created }))

        const later = new Date("2031-01-01T00:00:00Z")
        const replaced = yield* Widget.replace({ ...created, spec: { ...created.spec, due: later } })
        assert.deepStrictEqual(replaced.spec, { due: later, size: 3, parts: ["x", "y"] })
        const stale = yield* failure(Widget.replace(created))
        assert.strictEqual(stale._tag, "Conflict")
        const withoutVersion = yield* failure(Widget.replace({ metadata: { name: "a" }, spec: { due } }))
        // Unlike those of most built-in kinds, custom resources are not replaced without a version.
        assert.strictEqual(withoutVersion._tag, "Invalid")
        const modified = yield* Widget.modify("a", (widget) => ({ ...widget, spec: { ...widget.spec, size: 4 } }))
        assert.deepStrictEqual(modified.spec, { due: later, size: 4, parts: ["x", "y"] })

        const merged = yield* Widget.patch("a", Patch.merge({ spec: { size: null } }))
        assert.deepStrictEqual(merged.spec, { due: later, parts: ["x", "y"] })
        const patched = yield* Widget.patch("a", Patch.json([{ op: "add", path: "/spec/size", value: 8 }]))
        assert.strictEqual(patched.spec.size, 8)
        const strategic = yield* failure(Widget.patch("a", Patch.strategic({ spec: { size: 9 } })))
        assert.strictEqual(strategic._tag, "UnsupportedMediaType")
        const labelled = yield* Widget.label("a", { app: null, tier: "x" })
        assert.deepStrictEqual(labelled.metadata.labels, { tier: "x" })
        const annotated = yield* Widget.annotate("a", { note: "y" })
        assert.deepStrictEqual(annotated.metadata.annotations, { note: "y" })
        assert.deepStrictEqual(annotated.spec.due, later)

        const dry = yield* Widget.create({ metadata: { name: "dry" }, spec: { due } }, { dryRun: true })
        assert.deepStrictEqual(dry.spec.due, due)
        assert.isFalse(yield* Widget.exists("dry"))
        yield* Widget.delete("a", { preconditions: { uid: created.metadata.uid } })
        assert.isFalse(yield* Widget.exists("a"))
        yield* Widget.deleteCollection({ labels: "!tier" })
        assert.deepStrictEqual(names(yield* Widget.list()), [])
      }))

    test("apply writes transformed values as the server stores them", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        const applied = yield* Widget.apply({ metadata: { name: "a" }, spec: { due, size: 3 } })
        assert.deepStrictEqual(applied.spec, { due, size: 3 })
        assert.deepStrictEqual(managers(applied), ["effect-kubernetes Apply"])
        const taken = { metadata: { name: "a" }, spec: { due, size: 4 } }
        assert.strictEqual((yield* failure(Widget.apply(taken, { fieldManager: "bob" })))._tag, "Conflict")
        const forced = yield* Widget.apply(taken, { fieldManager: "bob", force: true })
        assert.strictEqual(forced.spec.size, 4)
      }))

    test("apply takes only a part of the object", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        yield* Widget.create({ metadata: { name: "a" }, spec: { due } })
        const applied = yield* Widget.apply({ metadata: { name: "a" }, spec: { size: 7 } }, { fieldManager: "sizer" })
        assert.deepStrictEqual(applied.spec, { due, size: 7 })
      }))

    test("apply of a part still writes a transformed value in it", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        yield* Widget.create({ metadata: { name: "a" }, spec: { due, size: 1 } })
        const later = new Date("2031-01-01T00:00:00Z")
        const applied = yield* Widget.apply(
          { metadata: { name: "a" }, spec: { due: later } },
          { fieldManager: "scheduler", force: true }
        )
        assert.deepStrictEqual(applied.spec, { due: later, size: 1 })
      }))

    test("patches take transformed values too", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        yield* Widget.create({ metadata: { name: "a" }, spec: { due } })
        const later = new Date("2031-01-01T00:00:00Z")
        const patched = yield* Widget.patch("a", Patch.merge({ spec: { due: later, parts: ["x", "y"] } }))
        assert.deepStrictEqual(patched.spec, { due: later, parts: ["x", "y"] })
      }))

    test("the server's validation is reported by field", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        const error = yield* failure(Widget.create({ metadata: { name: "a" }, spec: { due, size: 0 } }))
        assert(error._tag === "Invalid")
        assert.strictEqual(error.status.details?.causes?.[0]?.field, "spec.size")
        const misspelled = { due, nope: 1 }
        const strict = yield* failure(
          Widget.patch("a", Patch.apply({ spec: misspelled }), { fieldValidation: "Strict" })
        )
        assert.include(strict.message, "nope")
      }))

    test("an object that does not fit the schema fails with the place in it", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        yield* Widget.create({ metadata: { name: "a" }, spec: { due, size: 3 } })
        const { group, kind, version } = Widget
        const spec = Schema.Struct({ due: Schema.Date, size: Schema.String })
        const Wrong = Resource.define({ group, version, kind, schema: Schema.Struct({ spec }) })
        const one = yield* failure(Wrong.get("a"))
        assert(one._tag === "DecodeError")
        assert.strictEqual(one.at, "spec.size")
        const many = yield* failure(Wrong.list())
        assert(many._tag === "DecodeError")
        assert.strictEqual(many.at, "items[0].spec.size")
      }))
  })
})
