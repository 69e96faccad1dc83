import { FetchHttpClient } from "@effect/platform"
import { NodeContext, NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Schedule, Stream } from "effect"
import { Auth, Http, KubeClient, Request, TransportError } from "effect-kubernetes"
import type { HttpFailure } from "effect-kubernetes/layers/Http"
import * as PlatformHttp from "effect-kubernetes/layers/PlatformHttp"
import * as client from "../support/client.js"
import { closedPort, eventually, httpServer, json } from "../support/server.js"

const clients = { fetch: FetchHttpClient.layer, undici: NodeHttpClient.layerUndici, node: NodeHttpClient.layer }

const configOf = (port: number) => client.configOf(`http://127.0.0.1:${port}/k8s/c-1`)

const failure = (error: HttpFailure) => [error.reason, error.description]

for (const [name, platform] of Object.entries(clients)) {
  const httpOf = (port: number) => PlatformHttp.layer.pipe(Layer.provide([Layer.fresh(platform), configOf(port)]))
  const clientOf = (port: number) =>
    KubeClient.layerWith({ retry: Schedule.recurs(0) }).pipe(
      Layer.provide([httpOf(port), Auth.layer]),
      Layer.provide([configOf(port), NodeContext.layer])
    )

  describe(`PlatformHttp over ${name}`, () => {
    it.live("sends a call and reads its answer, of whatever status", () =>
      Effect.gen(function* () {
        const got: Array<unknown> = []
        const { port } = yield* httpServer((request, response) => {
          request.setEncoding("utf8").on("data", (body) => got.push(body))
          request.on("end", () => {
            const { accept, authorization, "content-type": type } = request.headers
            got.push(request.method, request.url, accept, authorization, type)
            json(response, { kind: "Status", reason: "Conflict", message: "no" }, 409)
          })
        })
        const request = Request.post("/api/v1/x", { text: "ü" }, { query: { limit: 1 } })
        const error = yield* Effect.flip(Effect.provide(KubeClient.request(request), clientOf(port)))
        assert.strictEqual(error._tag, "Conflict")
        assert.deepStrictEqual(got, [
          '{"text":"ü"}',
          "POST",
          "/k8s/c-1/api/v1/x?limit=1",
          "application/json",
          "Bearer t",
          "application/json"
        ])
      }).pipe(Effect.scoped)
    )

    it.live("sends bytes and streams", () =>
      Effect.gen(function* () {
        const { port } = yield* httpServer((request, response) => {
          response.writeHead(201, { "x-type": request.headers["content-type"] })
          request.pipe(response)
        })
        const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256)
        yield* Effect.gen(function* () {
          const http = yield* Http
          const headers = { "content-type": "a/b" }
          for (const body of [bytes, Stream.make(bytes.subarray(0, 7), bytes.subarray(7))]) {
            const answer = yield* http.stream({ method: "POST", target: "/x", headers, body })
            assert.strictEqual(answer.status, 201)
            assert.strictEqual(answer.headers["x-type"], "a/b")
            const got = Buffer.concat([...(yield* Stream.runCollect(answer.body))])
            assert.isTrue(got.equals(bytes))
          }
        }).pipe(Effect.provide(httpOf(port)))
      }).pipe(Effect.scoped)
    )

    it.live("an answer without a body is an empty stream", () =>
      Effect.gen(function* () {
        const { port } = yield* httpServer((_, response) => response.writeHead(204).end())
        const read = Stream.runCount(KubeClient.requestStream(Request.get("/x")))
        assert.strictEqual(yield* Effect.provide(read, clientOf(port)), 0)
      }).pipe(Effect.scoped)
    )

    it.live("a header of several values is refused: joined, two groups would be one of another name", () =>
      Effect.gen(function* () {
        let asked = 0
        const { port } = yield* httpServer((request, response) => {
          asked++
          json(response, request.headers)
        })
        yield* Effect.gen(function* () {
          const call = KubeClient.request(Request.get("/x"))
          const one = yield* KubeClient.withImpersonation(call, { user: "jane", groups: ["dev"] })
          assert.deepInclude(one, { "impersonate-user": "jane", "impersonate-group": "dev" })
          const error = yield* Effect.flip(KubeClient.withImpersonation(call, { user: "jane", groups: ["a", "b"] }))
          assert.instanceOf(error, TransportError)
          assert.include(error.message, "impersonate-group has several values")
        }).pipe(Effect.provide(clientOf(port)))
        assert.strictEqual(asked, 1)
      }).pipe(Effect.scoped)
    )

    it.live("failures have reasons", () =>
      Effect.gen(function* () {
        const { port } = yield* httpServer((request, response) => {
          if (request.url?.endsWith("/silent") === true) return
          if (request.url?.endsWith("/broken") === true) return void request.socket.destroy()
          response.writeHead(200, { "content-length": "10" })
          response.write("half")
          setTimeout(() => request.socket.destroy(), 5)
        })
        const get = (path: string, timeout?: number) => ({ method: "GET", target: path, headers: {}, timeout })
        yield* Effect.gen(function* () {
          const http = yield* Http
          assert.deepStrictEqual(failure(yield* Effect.flip(http.request(get("/broken")))), [
            "Reset",
            "the connection broke"
          ])
          const late = ["Timeout", "no answer in time"]
          assert.deepStrictEqual(failure(yield* Effect.flip(http.request(get("/silent", 20)))), late)
          assert.deepStrictEqual(failure(yield* Effect.flip(http.stream(get("/silent", 20)))), late)
          const { body } = yield* http.stream(get("/half"))
          assert.strictEqual((yield* Effect.flip(Stream.runDrain(body))).reason, "Reset")
        }).pipe(Effect.provide(httpOf(port)))
        const closed = yield* closedPort
        const refused = Effect.flatMap(Http, (http) => http.request(get("/")))
        assert.deepInclude(yield* Effect.flip(Effect.provide(refused, httpOf(closed))), { reason: "Refused" })
      }).pipe(Effect.scoped)
    )

    it.live("an interrupted call, and a stream whose scope ends, close their connection", () =>
      Effect.gen(function* () {
        const { port, sockets } = yield* httpServer((request, response) => {
          if (request.url?.endsWith("/silent") === true) return
          response.writeHead(200)
          response.write("some")
        })
        yield* Effect.gen(function* () {
          const fiber = yield* Effect.fork(KubeClient.request(Request.get("/silent")))
          yield* eventually(() => sockets.size === 1)
          yield* Fiber.interrupt(fiber)
          yield* eventually(() => sockets.size === 0)
          yield* Stream.runDrain(Stream.take(KubeClient.requestStream(Request.get("/x")), 1))
          yield* eventually(() => sockets.size === 0)
          // Of which nobody has read anything.
          const http = yield* Http
          yield* Effect.scoped(http.stream({ method: "GET", target: "/x", headers: {} }))
          yield* eventually(() => sockets.size === 0)
        }).pipe(Effect.provide(Layer.merge(clientOf(port), httpOf(port))))
      }).pipe(Effect.scoped)
    )
  })
}
