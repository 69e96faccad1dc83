/** What runs in the cluster: controllers, on the clock of the test. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { ConfigMap, Namespace, Patch, type MetaV1 } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const owned = (
  name: string,
  owner: { readonly metadata: { readonly uid: string; readonly name: string } },
  block = false
) => ({
  metadata: {
    name,
    ownerReferences: [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        name: owner.metadata.name,
        uid: owner.metadata.uid,
        blockOwnerDeletion: block
      }
    ] satisfies ReadonlyArray<MetaV1.OwnerReference>
  }
})

const names = Effect.map(ConfigMap.list(), ({ items }) =>
  items.map(({ metadata }) => metadata.name).filter((name) => name !== "kube-root-ca.crt")
)

const settled = Effect.flatMap(TestCluster, (cluster) => cluster.settled)

describe("garbage collection", () => {
  it.effect("in the background: dependents go after their owner, and theirs after them", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      const b = yield* ConfigMap.create(owned("b", a))
      yield* ConfigMap.create(owned("c", b))
      yield* settled
      assert.deepStrictEqual(yield* names, ["a", "b", "c"])
      yield* ConfigMap.delete("a")
      yield* settled
      assert.deepStrictEqual(yield* names, [])
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("in the foreground: an owner waits for the dependents that block it, and only for them", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      const held = (name: string, block: boolean) => {
        const { metadata } = owned(name, a, block)
        return { metadata: { ...metadata, finalizers: ["example.com/hold"] } }
      }
      yield* ConfigMap.create(held("blocks", true))
      yield* ConfigMap.create(held("follows", false))
      yield* ConfigMap.delete("a", { propagationPolicy: "Foreground" })
      yield* settled
      const waiting = yield* ConfigMap.get("a")
      assert.deepStrictEqual(waiting.metadata.finalizers, ["foregroundDeletion"])
      assert.isDefined((yield* ConfigMap.get("blocks")).metadata.deletionTimestamp)
      yield* ConfigMap.patch("blocks", Patch.merge({ metadata: { finalizers: null } }))
      yield* settled
      assert.deepStrictEqual(yield* names, ["follows"])
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("orphans: dependents stay, without the reference", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      yield* ConfigMap.create(owned("b", a))
      yield* ConfigMap.delete("a", { propagationPolicy: "Orphan" })
      yield* settled
      assert.deepStrictEqual(yield* names, ["b"])
      assert.isUndefined((yield* ConfigMap.get("b")).metadata.ownerReferences)
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("an object with another owner loses only the reference", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      const b = yield* ConfigMap.create({ metadata: { name: "b" } })
      const references = [...owned("c", a).metadata.ownerReferences, ...owned("c", b).metadata.ownerReferences]
      yield* ConfigMap.create({ metadata: { name: "c", ownerReferences: references } })
      yield* ConfigMap.delete("a")
      yield* settled
      const c = yield* ConfigMap.get("c")
      assert.deepStrictEqual(
        c.metadata.ownerReferences?.map(({ name }) => name),
        ["b"]
      )
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("can be off", () =>
    Effect.gen(function* () {
      const a = yield* ConfigMap.create({ metadata: { name: "a" } })
      yield* ConfigMap.create(owned("b", a))
      yield* ConfigMap.delete("a")
      yield* settled
      assert.deepStrictEqual(yield* names, ["b"])
    }).pipe(Effect.provide(TestCluster.layer({ controllers: ["namespace"] })))
  )
})

describe("namespaces", () => {
  it.effect("go with all that is in them", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* Namespace.create({ metadata: { name: "team" } })
      yield* ConfigMap.create({ metadata: { name: "a" } }, { namespace: "team" })
      yield* Namespace.delete("team")
      yield* settled
      assert.isFalse(yield* Namespace.exists("team"))
      assert.isTrue(Option.isNone(yield* cluster.get(ConfigMap, { name: "a", namespace: "team" })))
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("say what holds them, and go as soon as nothing does", () =>
    Effect.gen(function* () {
      yield* Namespace.create({ metadata: { name: "team" } })
      yield* ConfigMap.create({ metadata: { name: "a", finalizers: ["example.com/hold"] } }, { namespace: "team" })
      yield* Namespace.delete("team")
      yield* settled
      const { conditions = [], phase } = (yield* Namespace.get("team")).status
      assert.strictEqual(phase, "Terminating")
      assert.deepStrictEqual(
        conditions.filter(({ status }) => status === "True").map(({ message, type }) => [type, message]),
        [
          ["NamespaceContentRemaining", "Some resources are remaining: configmaps. has 1 resource instances"],
          [
            "NamespaceFinalizersRemaining",
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
          ]
        ]
      )
      yield* ConfigMap.patch("a", Patch.merge({ metadata: { finalizers: null } }), { namespace: "team" })
      yield* settled
      assert.isFalse(yield* Namespace.exists("team"))
    }).pipe(Effect.provide(TestCluster.layer()))
  )
})
