/** The API server's proxy, to the web server of a real pod and to a real kubelet. */
import { Cookies, HttpBody, HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, inject, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { EndpointSlice, KubeClient, Node, Pod, Service } from "effect-kubernetes"
import { createHash } from "node:crypto"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

const program = (name: string, lines: ReadonlyArray<string>) =>
  `cat > cgi-bin/${name} <<'EOF'\n#!/bin/sh\n${lines.join("\n")}\nEOF\n`

const head = (...lines: ReadonlyArray<string>) => `printf '${lines.map((line) => `${line}\\r\\n`).join("")}\\r\\n'`

/** busybox' web server, with programs that show what it gets. */
const webServer = `mkdir -p /tmp/www/cgi-bin && cd /tmp/www && echo hello > a.txt
echo '<a href="/b">b</a>' > index.html
${program("env", [head("Content-Type: text/plain", "Set-Cookie: a=1", "Set-Cookie: b=2"), "env"])}
${program("echo", [head("Content-Type: application/octet-stream"), "cat"])}
${program("status", [head("Status: %s x", "Content-Type: text/plain").replace(/$/, ' "$QUERY_STRING"'), "echo $QUERY_STRING"])}
${program("redirect", [head("Status: 302 Found", "Location: /a.txt")])}
${program("slow", [head("Content-Type: text/plain"), "echo one; sleep 3600; echo two"])}
chmod +x cgi-bin/*
exec httpd -f -p 8080 -h /tmp/www`

/** A pod that serves, and a service on it whose one port has a name and another number than the pod's. */
const serving = Effect.gen(function* () {
  yield* e2e.podsAllowed
  yield* Pod.create({
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        pods.container("main", ["sh", "-c", webServer], {
          ports: [{ containerPort: 8080 }],
          readinessProbe: { httpGet: { path: "/a.txt", port: 8080 }, periodSeconds: 1 }
        })
      ]
    }
  })
  yield* Service.create({
    metadata: { name: "web" },
    spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] }
  })
  yield* e2e.until(Pod, "web", pods.isReady)
  yield* e2e.eventually(
    Effect.map(EndpointSlice.list({ labels: { "kubernetes.io/service-name": "web" } }), ({ items }) =>
      items.some(({ endpoints }) => (endpoints ?? []).some(({ conditions }) => conditions?.ready === true))
    )
  )
})

const text = (http: HttpClient.HttpClient, path: string) =>
  Effect.flatMap(http.get(path), (response) => Effect.map(response.text, (body) => [response.status, body]))

/** The `Status` with which the API server itself answers. */
const refusal = (http: HttpClient.HttpClient, path = "/a.txt") =>
  Effect.gen(function* () {
    const response = yield* http.get(path)
    const body = yield* response.json
    assert.deepInclude(body, { kind: "Status", code: response.status })
    return [response.status, String(Object(body).message)]
  })

describe.skipIf(!inject("node"))("the proxy", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    it.scoped("of a service and of its pod leads to the pod", () =>
      e2e.inFreshNamespace((namespace) =>
        Effect.gen(function* () {
          yield* serving
          const service = yield* Service.proxy("web", { port: "http" })
          assert.deepStrictEqual(yield* text(service, "/a.txt"), [200, "hello\n"])
          for (const proxied of [
            Service.proxy("web", { port: 80, scheme: "http" }),
            Pod.proxy("web"),
            Pod.proxy("web", { port: 8080 })
          ]) {
            assert.deepStrictEqual(yield* text(yield* proxied, "a.txt"), [200, "hello\n"])
          }

          // What arrives.
          const sent = HttpClientRequest.get("/cgi-bin/env/a%20b%2Fc//d?x=1&y&z=%20+", {
            headers: { "x-my": "1", cookie: "k=v" }
          })
          const env = yield* service.execute(sent)
          const got = (yield* env.text).split("\n")
          assert.includeMembers(got, [
            "REQUEST_METHOD=GET",
            "PATH_INFO=/a b/c/d",
            "QUERY_STRING=x=1&y&z=%20+",
            "HTTP_X_MY=1",
            "HTTP_COOKIE=k=v"
          ])
          assert.isFalse(got.some((line) => line.startsWith("HTTP_AUTHORIZATION")))
          assert.deepStrictEqual(Cookies.toRecord(env.cookies), { a: "1", b: "2" })

          // Whatever the status is.
          for (const code of [200, 201, 204, 400, 401, 403, 404, 409, 410, 429, 500, 503, 504]) {
            const body = code === 204 ? "" : `${code}\n`
            assert.deepStrictEqual(yield* text(service, `/cgi-bin/status?${code}`), [code, body])
          }
          assert.strictEqual((yield* service.get("/none")).status, 404)

          // What the API server writes anew.
          const own = `/api/v1/namespaces/${namespace}/services/web:http/proxy`
          const redirected = yield* service.get("/cgi-bin/redirect")
          assert.deepStrictEqual([redirected.status, redirected.headers["location"]], [302, `${own}/a.txt`])
          const following = HttpClient.followRedirects(service)
          assert.deepStrictEqual(yield* text(following, "/cgi-bin/redirect"), [200, "hello\n"])
          assert.deepStrictEqual(yield* text(service, "/"), [200, `<a href="${own}/b">b</a>\n`])
        })
      )
    )

    it.scoped("carries bytes both ways, and stops when it is interrupted", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          yield* serving
          const http = yield* Service.proxy("web", { port: "http" })
          const size = 5 * 1024 * 1024 + 7
          const bytes = Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) % 256)
          const parts = Array.from({ length: 81 }, (_, index) => bytes.subarray(index * 65_536, (index + 1) * 65_536))
          const hash = (data: Uint8Array) => createHash("sha256").update(data).digest("hex")
          for (const body of [
            HttpBody.uint8Array(bytes),
            // busybox does not know chunks.
            HttpBody.stream(Stream.fromIterable(parts), "application/octet-stream", size)
          ]) {
            const response = yield* http.post("/cgi-bin/echo", { body })
            const got = Buffer.concat([...(yield* Stream.runCollect(response.stream))])
            assert.strictEqual(got.length, size)
            assert.strictEqual(hash(got), hash(bytes))
          }
          // The first line is there long before the answer ends.
          const first = yield* http.get("/cgi-bin/slow").pipe(
            Effect.map(({ stream }) => stream),
            Stream.unwrap,
            Stream.decodeText(),
            Stream.take(1),
            Stream.mkString
          )
          assert.strictEqual(first, "one\n")
        })
      )
    )

    it.scoped("where nothing is behind it, the API server answers itself", () =>
      e2e.inFreshNamespace((namespace) =>
        Effect.gen(function* () {
          yield* serving
          const ports = [{ port: 80 }]
          yield* Service.create({ metadata: { name: "nobody" }, spec: { selector: { app: "nobody" }, ports } })
          assert.deepStrictEqual(yield* refusal(yield* Service.proxy("nobody")), [
            503,
            'no endpoints available for service "nobody"'
          ])
          // Its only port has a name.
          assert.deepStrictEqual(yield* refusal(yield* Service.proxy("web")), [
            503,
            'no endpoints available for service "web"'
          ])
          assert.deepStrictEqual(yield* refusal(yield* Service.proxy("web", { port: 81 })), [
            503,
            'no service port 81 found for service "web"'
          ])
          assert.deepStrictEqual(yield* refusal(yield* Service.proxy("none")), [404, 'services "none" not found'])
          const [closed, refused] = yield* refusal(yield* Pod.proxy("web", { port: 8081 }))
          assert.strictEqual(closed, 503)
          assert.match(String(refused), /connection refused/)
          const [https, plain] = yield* refusal(yield* Service.proxy("web", { port: "http", scheme: "https" }))
          assert.strictEqual(https, 503)
          assert.match(String(plain), /TLS/)

          const jane = KubeClient.withImpersonation({ user: "jane" })
          const [forbidden, why] = yield* refusal(yield* jane(Service.proxy("web", { port: "http" })))
          assert.strictEqual(forbidden, 403)
          assert.match(String(why), /User "jane" cannot get resource "services\/proxy"/)
          assert.include(String(why), namespace)
        })
      )
    )

    it.scoped("of a node leads to its kubelet", () =>
      Effect.gen(function* () {
        const [node] = (yield* Node.list()).items
        if (node === undefined) return assert.fail("there is no node")
        const kubelet = yield* Node.proxy(node)
        assert.deepStrictEqual(yield* text(kubelet, "/healthz"), [200, "ok"])
        const metrics = yield* kubelet.get("/metrics")
        const lines = yield* metrics.stream.pipe(
          Stream.decodeText(),
          Stream.splitLines,
          Stream.filter((line) => line.startsWith("kubelet_node_name")),
          Stream.runCollect
        )
        assert.deepStrictEqual([...lines], [`kubelet_node_name{node="${node.metadata.name}"} 1`])
      })
    )

    it.scoped("a token that the API server does not know is a 401 of its own", () =>
      Effect.gen(function* () {
        const asked = Effect.flatMap(Service.proxy("kubernetes", { namespace: "default" }), (http) => refusal(http))
        const answer = yield* Effect.provide(asked, e2e.layerWithToken("unknown"))
        assert.deepStrictEqual(answer, [401, "Unauthorized"])
      })
    )
  })
})
