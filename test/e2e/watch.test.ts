/** A single watch: what it tells, in which order, and how it ends. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it, layer } from "@effect/vitest"
import { Chunk, Context, Deferred, Effect, Exit, Fiber, Layer, Option, Schema, Scope, Stream } from "effect"
import {
  Condition,
  ConfigMap,
  CustomResourceDefinition,
  Informer,
  KubeClient,
  Namespace,
  NodeKubeClient,
  Patch,
  Resource,
  ServiceAccount,
  type KubeError,
  type Selector,
  type WatchEvent
} from "effect-kubernetes"
import type { HttpService } from "effect-kubernetes/layers/Http"
import * as Cluster from "../cluster/Cluster.js"
import * as e2e from "../support/e2e.js"

const labels = { test: "yes" }

/** Short words for events: `+a` is there, `~a` changed, `-a` is gone. */
const word = (event: WatchEvent<ConfigMap>): string => {
  switch (event._tag) {
    case "Added":
      return `+${event.object.metadata.name}`
    case "Modified":
      return `~${event.object.metadata.name}`
    case "Deleted":
      return `-${event.object.metadata.name}`
    default:
      return event._tag
  }
}

const words = <E, R>(events: Stream.Stream<WatchEvent<ConfigMap>, E, R>) =>
  Effect.map(Stream.runCollect(Stream.map(events, word)), Chunk.toReadonlyArray)

/** Events that tell of objects. */
const changes = <E, R>(events: Stream.Stream<WatchEvent<ConfigMap>, E, R>) =>
  Stream.filter(events, (event) => "object" in event)

const create = (name: string, more: { readonly [key: string]: string } = {}) =>
  ConfigMap.create({ metadata: { name, labels: { ...labels, ...more } } })

layer(e2e.layer, e2e.live)("watch on a real API server", (it) => {
  const test = <A, E>(name: string, body: (namespace: string) => Effect.Effect<A, E, KubeClient | Scope.Scope>) =>
    it.scoped(name, () => e2e.inFreshNamespace(body))

  test("tells of every change after a list, in its order, with the object of then", () =>
    Effect.gen(function* () {
      yield* create("a")
      const { resourceVersion } = yield* ConfigMap.list({ labels })
      yield* create("b")
      const changed = yield* ConfigMap.patch("b", Patch.merge({ data: { color: "red" } }))
      yield* ConfigMap.label("a", { more: "1" })
      yield* ConfigMap.delete("b")
      const events = yield* ConfigMap.watch({ resume: false, labels, resourceVersion }).pipe(
        changes,
        Stream.take(4),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(events).map(word), ["+b", "~b", "~a", "-b"])
      const [, modified, , deleted] = Chunk.toReadonlyArray(events)
      assert(modified?._tag === "Modified" && deleted?._tag === "Deleted")
      assert.deepStrictEqual(modified.object, changed)
      assert.deepStrictEqual(deleted.object.data, { color: "red" })
      assert.notStrictEqual(deleted.object.metadata.resourceVersion, changed.metadata.resourceVersion)
      assert.strictEqual(deleted.object.apiVersion, "v1")
    }))

  test("tells of changes as they happen", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      yield* create("a")
      const watching = yield* ConfigMap.watch({ resume: false, labels }).pipe(
        changes,
        Stream.tap(() => Deferred.succeed(begun, undefined)),
        Stream.take(3),
        words,
        Effect.fork
      )
      yield* Deferred.await(begun)
      yield* create("b")
      yield* ConfigMap.delete("a")
      assert.deepStrictEqual(yield* Fiber.join(watching), ["+a", "+b", "-a"])
    }))

  test("begins with what is there when no version is given, and ends quietly after timeoutSeconds", () =>
    Effect.gen(function* () {
      yield* create("a")
      yield* create("b")
      const seen = yield* words(changes(ConfigMap.watch({ resume: false, labels, timeoutSeconds: 1 })))
      assert.deepStrictEqual(seen.toSorted(), ["+a", "+b"])
    }))

  test("brings bookmarks before the server ends it, unless they are not wanted", () =>
    Effect.gen(function* () {
      yield* create("a")
      const written: Array<string> = []
      const seen = (name: string, allowWatchBookmarks?: boolean) =>
        ConfigMap.watch({ resume: false, labels, allowWatchBookmarks, timeoutSeconds: 4 }).pipe(
          Stream.tap(({ _tag }) =>
            // No event of this watch, but a version that it comes to.
            _tag === "Added"
              ? Effect.map(ConfigMap.create({ metadata: { name } }), ({ metadata }) =>
                  written.push(metadata.resourceVersion)
                )
              : Effect.void
          ),
          Stream.runCollect
        )
      const [wanted, unwanted] = yield* Effect.all([seen("x"), seen("y", false)], { concurrency: 2 })
      const last = Option.getOrThrow(Chunk.last(wanted))
      assert(last._tag === "Bookmark")
      assert.strictEqual(written.length, 2)
      assert.isAtLeast(Number(last.resourceVersion), Math.min(...written.map(Number)))
      assert.deepStrictEqual(Chunk.toReadonlyArray(unwanted).map(word), ["+a"])
    }))

  test("tells with sendInitialEvents when the initial objects are complete", () =>
    Effect.gen(function* () {
      yield* create("a")
      yield* create("b")
      const synced = yield* Deferred.make<string>()
      const watching = yield* ConfigMap.watch({ resume: false, labels, sendInitialEvents: true }).pipe(
        Stream.tap((event) =>
          event._tag === "Synced" ? Deferred.succeed(synced, event.resourceVersion) : Effect.void
        ),
        Stream.filter(({ _tag }) => _tag !== "Bookmark"),
        Stream.take(4),
        words,
        Effect.fork
      )
      assert.match(yield* Deferred.await(synced), /^\d+$/)
      yield* create("c")
      const seen = yield* Fiber.join(watching)
      assert.deepStrictEqual(seen.slice(0, 2).toSorted(), ["+a", "+b"])
      assert.deepStrictEqual(seen.slice(2), ["Synced", "+c"])
      const refused = ConfigMap.watch({ resume: false, sendInitialEvents: true, allowWatchBookmarks: false })
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(refused)))._tag, "InvalidRequest")
    }))

  test("an object that begins or ceases to match the selector is added or deleted", () =>
    Effect.gen(function* () {
      const { resourceVersion } = yield* ConfigMap.list({ labels })
      yield* create("a", { app: "web" })
      yield* ConfigMap.label("a", { app: "db" })
      yield* ConfigMap.label("a", { note: "unseen" })
      yield* ConfigMap.label("a", { app: "web" })
      yield* create("b", { app: "db" })
      yield* ConfigMap.delete("a")
      const seen = (
        selector: { readonly labels?: Selector.Labels; readonly fields?: Selector.Fields },
        count: number
      ) => words(Stream.take(changes(ConfigMap.watch({ resume: false, ...selector, resourceVersion })), count))
      assert.deepStrictEqual(yield* seen({ labels: { app: "web" } }, 4), ["+a", "-a", "+a", "-a"])
      assert.deepStrictEqual(yield* seen({ labels: "app=db" }, 4), ["+a", "~a", "-a", "+b"])
      assert.deepStrictEqual(yield* seen({ fields: { "metadata.name": "b" } }, 1), ["+b"])
    }))

  test("looks into all namespaces, or only its own", (namespace) =>
    Effect.gen(function* () {
      const other = yield* e2e.freshNamespace
      const { resourceVersion } = yield* ConfigMap.list({ allNamespaces: true })
      const mine = { [namespace]: "yes" }
      yield* ConfigMap.create({ metadata: { name: "there", labels: mine, namespace: other } })
      yield* ConfigMap.create({ metadata: { name: "here", labels: mine } })
      const options = { labels: mine, resourceVersion }
      const all = ConfigMap.watch({ resume: false, ...options, allNamespaces: true })
      assert.deepStrictEqual(yield* words(Stream.take(changes(all), 2)), ["+there", "+here"])
      assert.deepStrictEqual(yield* words(Stream.take(changes(ConfigMap.watch({ resume: false, ...options })), 1)), [
        "+here"
      ])
    }))

  test("of a custom kind decodes by its schema", () =>
    Effect.gen(function* () {
      const Widget = yield* e2e.freshWidget
      const due = new Date("2030-01-02T03:04:05Z")
      yield* Widget.create({ metadata: { name: "a" }, spec: { due, parts: ["x", "y"] } })
      const event = Option.getOrThrow(yield* Stream.runHead(Widget.watch({ resume: false })))
      assert(event._tag === "Added")
      assert.deepStrictEqual(event.object.spec, { due, parts: ["x", "y"] })
      assert.strictEqual(event.object.metadata.name, "a")
    }))

  test("gives objects that may be written back: their managers stay", () =>
    Effect.gen(function* () {
      const managers = Effect.map(ConfigMap.get("kept"), ({ metadata }) =>
        (metadata.managedFields ?? []).map(({ manager, operation }) => `${manager} ${operation}`).toSorted()
      )
      yield* ConfigMap.create({ metadata: { name: "kept", labels }, data: { a: "1" } }, { fieldManager: "creator" })
      yield* ConfigMap.apply({ metadata: { name: "kept" }, data: { b: "1" } }, { fieldManager: "applier" })
      const event = Option.getOrThrow(yield* Stream.runHead(ConfigMap.watch({ labels })))
      assert(event._tag === "Added")
      assert.notProperty(event.object.metadata, "managedFields")
      yield* ConfigMap.replace(
        { ...event.object, data: { ...event.object.data, c: "1" } },
        { fieldManager: "replacer" }
      )
      assert.deepStrictEqual(yield* managers, ["applier Apply", "creator Update", "replacer Update"])
    }))

  it.scoped("of what nobody may see fails before the first event", () =>
    Effect.gen(function* () {
      const error = yield* ConfigMap.watch({ resume: false, namespace: "default" }).pipe(
        Stream.runDrain,
        KubeClient.withImpersonation({ user: "jane" }),
        Effect.flip
      )
      assert.strictEqual(error._tag, "Forbidden")
      assert.include(error.message, 'cannot watch resource "configmaps"')
    })
  )

  test("closes its connection when the program has seen enough, is interrupted, or fails", () =>
    Effect.gen(function* () {
      let open = 0
      let opened = 0
      const count = (http: HttpService): HttpService => ({
        request: http.request,
        stream: (request) =>
          http.stream(request).pipe(
            Effect.tap(() =>
              Effect.acquireRelease(
                Effect.sync(() => {
                  open++
                  opened++
                }),
                () => Effect.sync(() => open--)
              )
            )
          )
      })
      const client = Context.get(yield* Layer.build(e2e.layerWithHttp(count)), KubeClient)
      const counted = Effect.provideService(KubeClient, client)
      const before = yield* sockets
      yield* create("a")
      const watch = ConfigMap.watch({ resume: false, labels })

      for (let i = 0; i < 20; i++) yield* counted(Stream.runDrain(Stream.take(watch, 1)))
      const failed = watch.pipe(
        Stream.mapEffect(() => Effect.fail("no")),
        Stream.runDrain,
        Effect.exit
      )
      for (let i = 0; i < 20; i++) yield* counted(failed)
      for (let i = 0; i < 20; i++) {
        const begun = yield* Deferred.make<void>()
        const fiber = yield* watch.pipe(
          Stream.runForEach(() => Deferred.succeed(begun, undefined)),
          counted,
          Effect.fork
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
      }
      assert.strictEqual(opened, 60)
      assert.strictEqual(open, 0)
      // The client of this test made no call but its watches, so the sockets are as many as before.
      yield* e2e.eventually(Effect.map(sockets, (now) => now <= before))
    }))

  /** What an informer of a kind has told, in short words, and how to wait until it knows just these. */
  const following = <K, E, S extends Resource.Scope>(
    resource: Resource.Descriptor<K, E, S> & Resource.CanWatch<K, S>
  ) =>
    Effect.gen(function* () {
      const informer = yield* Informer.make(resource)
      const nameOf = (object: Resource.Stored<K>) =>
        // Every stored object has a name; a generic kind cannot say so.
        (object as unknown as { readonly metadata: { readonly name: string } }).metadata.name
      const told: Array<string> = []
      yield* informer.changes.pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => {
            if ("object" in event) told.push(`${event._tag} ${nameOf(event.object)}`)
          })
        ),
        Effect.forkScoped
      )
      yield* informer.synced
      return {
        told,
        until: (...names: ReadonlyArray<string>) =>
          e2e.eventually(
            Effect.sync(() => Array.from(informer.store.values(), nameOf).toSorted().join() === names.join())
          )
      }
    })

  test("goes on with a kind that is taken away and defined again", () =>
    Effect.gen(function* () {
      const group = `${yield* e2e.randomName("e2e")}.example.com`
      const Backup = Resource.define({ group, version: "v1", kind: "Backup", schema: Schema.Struct({}) })
      const install = e2e.installed(Backup, { type: "object" })
      const first = yield* Scope.make()
      yield* Scope.extend(install, first)
      yield* Backup.create({ metadata: { name: "a" } })
      const { told, until } = yield* following(Backup)
      yield* until("a")
      yield* Scope.close(first, Exit.void)
      yield* until()
      yield* e2e.untilGone(CustomResourceDefinition.getOption(`${Backup.plural}.${group}`))
      yield* install
      yield* Backup.create({ metadata: { name: "b" } })
      yield* until("b")
      assert.deepStrictEqual(told, ["Added a", "Deleted a", "Added b"])
    }))

  test("tells that all is gone with its namespace, and goes on with another one of that name", () =>
    Effect.gen(function* () {
      const name = yield* e2e.randomName("e2e")
      const create = Effect.zipRight(
        Namespace.create({ metadata: { name } }),
        ServiceAccount.create({ metadata: { name: "mine", namespace: name } })
      )
      yield* Effect.gen(function* () {
        yield* create
        const { told, until } = yield* following(ServiceAccount)
        yield* until("default", "mine")
        yield* Namespace.delete(name)
        yield* Namespace.waitFor(name, Condition.deleted)
        yield* until()
        yield* create
        yield* until("default", "mine")
        assert.sameMembers(told.slice(0, 4), ["Added mine", "Added default", "Deleted mine", "Deleted default"])
        yield* Namespace.delete(name)
      }).pipe(KubeClient.withNamespace(name))
    }))
})

/** The sockets that this process has open. */
const sockets = Effect.sync(
  () => process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "TLSWRAP").length
)

// etcd of a shared cluster must not be compacted, so this needs one of its own.
describe.skipIf(Boolean(process.env["E2E_KUBECONFIG"]))("a version that the server has forgotten", () => {
  it.scopedLive(
    "fails with Expired",
    () =>
      Effect.gen(function* () {
        const cluster = yield* Cluster.make({ controllers: false })
        yield* Effect.gen(function* () {
          yield* Namespace.create({ metadata: { name: "mine" } })
          const { resourceVersion } = yield* ConfigMap.list()
          yield* create("a")
          yield* cluster.compact
          yield* cluster.restartApiServer
          for (const old of [resourceVersion, "1"]) {
            const error: KubeError = yield* ConfigMap.watch({ resume: false, resourceVersion: old }).pipe(
              Stream.runDrain,
              Effect.flip
            )
            assert(error._tag === "Expired")
            assert.strictEqual(error.code, 410)
            assert.strictEqual(error.verb, "watch")
            assert.match(error.message, /too old resource version/)
          }
          const now = yield* ConfigMap.list()
          yield* create("b")
          const event = yield* Stream.runHead(
            changes(ConfigMap.watch({ resume: false, resourceVersion: now.resourceVersion }))
          )
          assert.strictEqual(word(Option.getOrThrow(event)), "+b")
        }).pipe(
          KubeClient.withNamespace("mine"),
          Effect.provide(NodeKubeClient.fromConfig(e2e.configOf(cluster.kubeconfig)))
        )
      }).pipe(Effect.provide(NodeContext.layer)),
    { timeout: 240_000 }
  )
})
