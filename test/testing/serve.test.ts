/** The cluster on a real port: what a client of another process meets. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Exit, Fiber, Layer, Option, Redacted, Ref, Schedule, Scope, Stream } from "effect"
import { ConfigMap, KubeConfig, NodeKubeClient, Patch, Pod } from "effect-kubernetes"
import type { HttpService } from "effect-kubernetes/layers/Http"
import * as Fault from "effect-kubernetes/testing/Fault"
import { TestCluster, type ServeOptions } from "effect-kubernetes/testing/TestCluster"
import * as NodeHttp from "node:http"
import { connect } from "node:net"
import { serve } from "../../src/testing/internal/serve.js"
import { issue, makeAuthority } from "../support/pki.js"

const platform = Layer.merge(NodeFileSystem.layer, NodePath.layer)

/** A client as another process has it: all that it knows is the kubeconfig. */
const clientOf = (kubeconfig: string) =>
  NodeKubeClient.fromConfig(Layer.provide(KubeConfig.layerYaml(kubeconfig), platform))

const served = <A, E, R>(options: ServeOptions, use: Effect.Effect<A, E, R>) =>
  Effect.flatMap(TestCluster.serve(options), ({ kubeconfig }) => Effect.provide(use, clientOf(kubeconfig)))

const objects = [
  "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {color: blue}}",
  "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}, rules: [{apiGroups: [''], resources: [configmaps], verbs: [get]}]}",
  `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: reader},
    roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader},
    subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: jane}]}`
]
const layer = TestCluster.layer({ objects, nodes: 1, controllers: ["*", "-root-ca-cert-publisher"] })

const map = (name: string) => ({ metadata: { name }, data: { color: "red" } })

/** A raw request: what of it arrived, and whether it came to its end. */
const fetched = (url: string, headers: { readonly [name: string]: string } = {}) =>
  Effect.async<{ readonly status: number; readonly text: string; readonly broken: string | undefined }>((resume) => {
    let text = ""
    let status = 0
    const done = (broken: string | undefined) => resume(Effect.succeed({ status, text, broken }))
    const request = NodeHttp.get(url, { headers, agent: false }, (response) => {
      status = response.statusCode ?? 0
      response.setEncoding("utf8")
      response.on("data", (piece: string) => (text += piece))
      response.on("end", () => done(undefined))
      response.on("error", ({ message }) => done(message))
    })
    request.on("error", ({ message }) => done(message))
  })

const eventually = <E, R>(question: Effect.Effect<boolean, E, R>) =>
  question.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: (yes) => yes }),
    Effect.timeout("20 seconds")
  )

describe("TestCluster.serve", { timeout: 30_000 }, () => {
  it.scopedLive("answers the verbs, and is the cluster of the process", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      yield* served(
        {},
        Effect.gen(function* () {
          assert.strictEqual((yield* ConfigMap.get("a")).data?.["color"], "blue")
          yield* ConfigMap.create(map("b"))
          yield* ConfigMap.patch("b", Patch.merge({ data: { size: "1" } }))
          yield* ConfigMap.apply(map("c"), { fieldManager: "test" })
          assert.deepStrictEqual(
            (yield* ConfigMap.list()).items.map(({ metadata }) => metadata.name),
            ["a", "b", "c"]
          )
          yield* ConfigMap.delete("c")
          assert.strictEqual((yield* Effect.flip(ConfigMap.get("c")))._tag, "NotFound")
          assert.strictEqual((yield* Effect.flip(ConfigMap.create(map("b"))))._tag, "AlreadyExists")
        })
      )
      const names = (yield* cluster.objects(ConfigMap)).map(({ metadata }) => (metadata as { name: string }).name)
      assert.deepStrictEqual(names, ["a", "b"])
      assert.deepStrictEqual((yield* ConfigMap.get("b")).data, { color: "red", size: "1" })
      assert.isTrue((yield* cluster.requests).some(({ method, status }) => method === "POST" && status === 409))
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("shows a watch what happens, as it happens", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const events = yield* served(
        {},
        Effect.gen(function* () {
          const seen = yield* Deferred.make<void>()
          const fiber = yield* ConfigMap.watch().pipe(
            Stream.tap(({ _tag }) => (_tag === "Added" ? Deferred.succeed(seen, undefined) : Effect.void)),
            Stream.filterMap((event) =>
              event._tag === "Added" || event._tag === "Deleted"
                ? Option.some(`${event._tag} ${event.object.metadata.name}`)
                : Option.none()
            ),
            Stream.take(3),
            Stream.runCollect,
            Effect.fork
          )
          yield* Deferred.await(seen)
          yield* ConfigMap.create(map("b"))
          yield* cluster.remove(ConfigMap, "b")
          return yield* Fiber.join(fiber)
        })
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(events), ["Added a", "Added b", "Deleted b"])
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("speaks TLS, to who trusts its certificate only", () =>
    Effect.gen(function* () {
      const authority = yield* makeAuthority()
      const { certificate, privateKey } = yield* issue(authority, { commonName: "test", ipAddresses: ["127.0.0.1"] })
      const tls = { certificate: `${certificate}\n${authority.certificate}`, privateKey: Redacted.make(privateKey) }
      const { kubeconfig, url } = yield* TestCluster.serve({ tls })
      assert.isTrue(url.startsWith("https://127.0.0.1:"))
      assert.isTrue(yield* Effect.provide(ConfigMap.exists("a"), clientOf(kubeconfig)))
      const distrusting = kubeconfig.replace(/^ *certificate-authority-data: .*\n/m, "")
      assert.notStrictEqual(distrusting, kubeconfig)
      const error = yield* Effect.flip(Effect.provide(ConfigMap.get("a"), clientOf(distrusting)))
      assert.strictEqual(error._tag, "TransportError")
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("says what is wrong with a certificate", () =>
    Effect.gen(function* () {
      const tls = { certificate: "nonsense", privateKey: Redacted.make("nonsense") }
      const error = yield* Effect.flip(TestCluster.serve({ tls }))
      assert.strictEqual(error._tag, "ServeError")
      assert.match(error.message, /^the certificate or its key cannot be used: /)
      assert.notInclude(error.message, "nonsense")
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("knows its users by their tokens, and what they may do", () =>
    Effect.gen(function* () {
      const { kubeconfig } = yield* TestCluster.serve({
        tokens: { "secret-1": { username: "root", groups: ["system:masters"] }, "secret-2": { username: "jane" } }
      })
      const as = (token: string) => clientOf(kubeconfig.replace("secret-1", token))
      yield* Effect.provide(ConfigMap.create(map("b")), as("secret-1"))
      assert.isTrue(yield* Effect.provide(ConfigMap.exists("b"), as("secret-2")))
      const forbidden = yield* Effect.flip(Effect.provide(ConfigMap.delete("b"), as("secret-2")))
      assert.strictEqual(forbidden._tag, "Forbidden")
      assert.include(forbidden.message, 'User "jane" cannot delete')
      assert.strictEqual((yield* Effect.flip(Effect.provide(ConfigMap.get("b"), as("wrong"))))._tag, "Unauthorized")
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("fails if the port is taken", () =>
    Effect.gen(function* () {
      const { port } = yield* TestCluster.serve()
      const error = yield* Effect.flip(TestCluster.serve({ port }))
      assert.strictEqual(error._tag, "ServeError")
      assert.include(error.message, `cannot listen at 127.0.0.1, port ${port}: `)
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("closes everything when its scope ends: watches, idle connections, the port", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { port, url } = yield* Scope.extend(TestCluster.serve(), scope)
      const watching = yield* Effect.fork(fetched(`${url}/api/v1/configmaps?watch=true`))
      const idle = connect(port, "127.0.0.1")
      yield* Effect.async<void>((resume) => void idle.once("connect", () => resume(Effect.void)))
      const gone = yield* Effect.fork(
        Effect.async<void>((resume) => {
          idle.once("close", () => resume(Effect.void))
          idle.on("error", () => {})
        })
      )
      const cluster = yield* TestCluster
      yield* eventually(Effect.map(cluster.requests, (all) => all.some(({ query }) => query.has("watch"))))
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(gone)
      const { broken } = yield* Fiber.join(watching)
      assert.isDefined(broken)
      yield* TestCluster.serve({ port })
    }).pipe(Effect.provide(layer))
  )

  it.scopedLive("passes on a fault: the socket breaks, in the middle of a body too", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const { url } = yield* TestCluster.serve()
      const path = `${url}/api/v1/namespaces/default/configmaps/a`
      yield* cluster.inject({ fault: Fault.reset(), times: 1 })
      const before = yield* fetched(path)
      assert.deepStrictEqual([before.status, before.text], [0, ""])
      assert.isDefined(before.broken)
      yield* cluster.inject({ fault: Fault.reset({ afterBytes: 10 }), times: 1 })
      const during = yield* fetched(path)
      assert.deepStrictEqual([during.status, during.text.length], [200, 10])
      assert.isDefined(during.broken)
      const after = yield* fetched(path)
      assert.deepStrictEqual([after.status, after.broken], [200, undefined])
    }).pipe(Effect.provide(layer))
  )

  const streaming = (body: Stream.Stream<Uint8Array>): HttpService => ({
    request: () => Effect.die("not used"),
    stream: () => Effect.succeed({ status: 200, headers: {}, body })
  })

  it.scopedLive("ends in the cluster what a client has left", () =>
    Effect.gen(function* () {
      const ended = yield* Deferred.make<void>()
      const endless = Stream.concat(Stream.make(Buffer.from("begun")), Stream.never)
      const http = streaming(Stream.ensuring(endless, Deferred.succeed(ended, undefined)))
      const { url } = yield* serve(http, {})
      yield* Effect.async<void>((resume) => {
        const request = NodeHttp.get(url, { agent: false }, (response) => {
          response.once("data", () => {
            request.destroy()
            resume(Effect.void)
          })
          response.on("error", () => {})
        })
        request.on("error", () => {})
      })
      yield* Deferred.await(ended).pipe(Effect.timeout("20 seconds"))
    })
  )

  it.scopedLive("waits for a slow client, and loses nothing", () =>
    Effect.gen(function* () {
      const [pieces, size] = [4000, 65_536]
      const produced = yield* Ref.make(0)
      const body = Stream.range(1, pieces).pipe(
        Stream.rechunk(1),
        Stream.mapEffect(() =>
          Effect.as(
            Ref.update(produced, (count) => count + 1),
            Buffer.alloc(size)
          )
        )
      )
      const { url } = yield* serve(streaming(body), {})
      const response = yield* Effect.async<NodeHttp.IncomingMessage>((resume) => {
        NodeHttp.get(url, { agent: false }, (incoming) => resume(Effect.succeed(incoming.pause())))
      })
      // It has stopped once nothing has come for a while.
      const rest = Effect.gen(function* () {
        const before = yield* Ref.get(produced)
        yield* Effect.sleep("300 millis")
        return before > 0 && before === (yield* Ref.get(produced))
      })
      yield* eventually(rest)
      assert.isBelow(yield* Ref.get(produced), pieces)
      const received = yield* Effect.async<number>((resume) => {
        let bytes = 0
        response.on("data", (piece: Buffer) => (bytes += piece.length))
        response.on("end", () => resume(Effect.succeed(bytes)))
        response.resume()
      })
      assert.strictEqual(received, pieces * size)
    })
  )

  it.scopedLive("runs pods, seen through the port", () =>
    served(
      {},
      Effect.gen(function* () {
        yield* Pod.create({ metadata: { name: "web" }, spec: { containers: [{ name: "c", image: "web:1" }] } })
        yield* Pod.waitFor("web", Pod.ready)
      })
    ).pipe(Effect.provide(layer))
  )
})
