/** Connections into pods through a real kubelet. */
import { assert, describe, inject, layer } from "@effect/vitest"
import { HttpClient } from "@effect/platform"
import { Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { Deployment, Pod, Pods, PortForward, Service, type KubeError } from "effect-kubernetes"
import * as net from "node:net"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

/** Serves its own name. */
const web = pods.container(
  "main",
  ["sh", "-c", "mkdir -p /tmp/www; hostname > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"],
  { ports: [{ name: "http", containerPort: 8080 }] }
)

const ask = ({ host, port }: PortForward.Address) =>
  Effect.tryPromise(() =>
    fetch(`http://${net.isIPv6(host) ? `[${host}]` : host}:${port}/`, { headers: { connection: "close" } }).then(
      (answer) => answer.text()
    )
  )

/** A connection that the pod's server waits on. */
const dial = ({ host, port }: PortForward.Address) => {
  const socket = net.connect({ host, port })
  socket.on("error", () => {})
  socket.resume()
  return socket
}

const isRefused = ({ host, port }: PortForward.Address) =>
  Effect.async<boolean>((resume) => {
    const socket = net.connect({ host, port })
    socket.on("connect", () => (socket.destroy(), resume(Effect.succeed(false))))
    socket.on("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code === "ECONNREFUSED")))
  })

/** The sockets and listeners of this process. */
const networking = Effect.sync(() => process.getActiveResourcesInfo().filter((kind) => /^(TCP|TLS)/.test(kind)).length)

describe.skipIf(!inject("node"))("a port-forward", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    it.scoped("to a pod: 200 requests at once, and an HttpClient", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          yield* pods.start("web", [web])
          const forward = yield* Pod.portForward("web", "http")
          yield* Effect.retry(ask(forward), { times: 5 })
          const answers = yield* Effect.all(
            Array.from({ length: 200 }, () => ask(forward)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual([...new Set(answers)], ["web\n"])
          const http = yield* PortForward.httpClient("web", 8080)
          const response = yield* http.get("http://anything/")
          assert.strictEqual(yield* response.text, "web\n")
        })
      )
    )

    it.scoped("that the pod refuses says why", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          yield* pods.start("web", [web])
          const told = yield* Deferred.make<KubeError>()
          const onError = (error: KubeError) => Effect.asVoid(Deferred.succeed(told, error))
          const forward = yield* PortForward.listen("web", 9, { onError })
          yield* Effect.flip(ask(forward))
          const error = yield* Deferred.await(told)
          assert.strictEqual(error._tag === "PortForwardError" ? error.reason : error._tag, "Refused")
        })
      )
    )

    for (const ending of ["the end of its scope", "interruption"]) {
      it.scoped(`leaves no socket and no listener after ${ending}`, () =>
        e2e.inFreshNamespace(() =>
          Effect.gen(function* () {
            yield* pods.start("web", [web])
            const before = yield* networking
            const ready = yield* Deferred.make<PortForward.Forward>()
            const forwarding = Effect.gen(function* () {
              const forward = yield* PortForward.listen("web", {
                remote: "http",
                address: ["127.0.0.1", "127.0.0.2"]
              })
              yield* Effect.retry(ask(forward), { times: 5 })
              yield* Deferred.succeed(ready, forward)
              return yield* Effect.never
            })
            // A client of its own: what it keeps open for other requests ends with it.
            const scope = yield* Scope.make()
            const running = yield* Effect.forkIn(
              Effect.flatMap(Layer.build(Layer.fresh(e2e.layer)), (client) => Effect.provide(forwarding, client)).pipe(
                ending === "interruption" ? Effect.scoped : Scope.extend(scope)
              ),
              scope
            )
            const { addresses } = yield* Deferred.await(ready)
            const clients = addresses.map(dial)
            const closed = Effect.all(
              clients.map((client) =>
                Effect.async<void>((resume) => void client.on("close", () => resume(Effect.void)))
              ),
              { concurrency: "unbounded" }
            )
            const ended = yield* Effect.fork(closed)
            yield* e2e.eventually(Effect.map(networking, (now) => now > before + clients.length + addresses.length))
            yield* ending === "interruption" ? Fiber.interrupt(running) : Scope.close(scope, Exit.void)
            yield* Fiber.join(ended)
            for (const address of addresses) assert.isTrue(yield* isRefused(address))
            yield* e2e.eventually(Effect.map(networking, (now) => now <= before))
          })
        )
      )
    }

    it.scoped("on several addresses, of IPv4 and IPv6, has one port", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          yield* pods.start("web", [web])
          const [one, both] = yield* PortForward.listen("web", [
            { remote: 8080, address: "::1" },
            { remote: "http", address: ["127.0.0.1", "::1", "127.0.0.2"] }
          ])
          assert.strictEqual(yield* Effect.retry(ask(one), { times: 5 }), "web\n")
          assert.deepStrictEqual(
            both.addresses.map(({ host }) => host),
            ["127.0.0.1", "::1", "127.0.0.2"]
          )
          for (const address of both.addresses) {
            assert.strictEqual(address.port, both.port)
            assert.strictEqual(yield* ask(address), "web\n")
          }
        })
      )
    )

    it.scoped("needs no local port: a Socket, a stream, an HttpClient as a layer", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          yield* pods.start("web", [web])
          const get = Effect.flatMap(HttpClient.get("http://anything/"), ({ text }) => text)
          const answers = Effect.all([get, get]).pipe(
            Effect.provide(PortForward.layerHttpClient("web", "http")),
            Effect.retry({ times: 5 })
          )
          assert.deepStrictEqual(yield* answers, ["web\n", "web\n"])
          const socket = yield* PortForward.socket("web", 8080)
          for (const _ of [1, 2]) {
            const heard: Array<Uint8Array> = []
            yield* Effect.scoped(
              Effect.flatMap(socket.writer, (write) =>
                Effect.all([socket.run((bytes) => void heard.push(bytes)), write("GET / HTTP/1.0\r\n\r\n")], {
                  concurrency: 2
                })
              )
            )
            assert.match(Buffer.concat(heard).toString(), /^HTTP\/1.[01] 200 .*\r\n\r\nweb\n$/s)
          }
          const refused = yield* PortForward.duplex("web", 9)
          const error = yield* Effect.async<Error>(
            (resume) => void refused.on("error", (e) => resume(Effect.succeed(e)))
          )
          assert.include(error.message, 'nothing listens on port 9 of pod "web"')
        })
      )
    )

    it.scoped("to a service survives its pod", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          const labels = { app: "web" }
          yield* e2e.podsAllowed
          yield* Deployment.create({
            metadata: { name: "web" },
            spec: {
              replicas: 1,
              selector: { matchLabels: labels },
              template: {
                metadata: { labels },
                spec: { terminationGracePeriodSeconds: 0, containers: [web] }
              }
            }
          })
          yield* Service.create({
            metadata: { name: "web" },
            spec: { selector: labels, ports: [{ port: 80, targetPort: "http" }] }
          })
          const forward = yield* PortForward.listen(Pods.of(Service, "web"), 80)
          const first = yield* Effect.retry(ask(forward), { times: 5 })
          yield* Pod.delete(first.trim())
          yield* e2e.eventually(
            ask(forward).pipe(
              Effect.map((name) => name !== first),
              Effect.orElseSucceed(() => false)
            )
          )
        })
      )
    )
  })
})
