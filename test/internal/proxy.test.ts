import { Cookies, HttpBody, HttpClient, HttpClientRequest, HttpMethod } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, Stream, TestClock } from "effect"
import {
  Auth,
  InvalidRequest,
  KubeClient,
  Node,
  NodeKubeClient,
  Pod,
  Service,
  TimeoutError,
  TransportError
} from "effect-kubernetes"
import type { AuthService } from "effect-kubernetes/layers/Auth"
import type { IncomingMessage, ServerResponse } from "node:http"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { configOf } from "../support/client.js"
import { closedPort, eventually, httpServer } from "../support/server.js"
import { answer, fake, ok, status } from "../layers/fake.js"

type Proxied = Effect.Effect<HttpClient.HttpClient, InvalidRequest, KubeClient>

const web = "/api/v1/namespaces/team/services/web/proxy"

/** Where a request ends up, or why it does not go out. */
const targetOf = (
  request: HttpClientRequest.HttpClientRequest,
  proxied: Proxied = Service.proxy("web"),
  wrap: (client: HttpClient.HttpClient) => HttpClient.HttpClient = (client) => client
) => {
  const { client, sent } = fake(() => ok({}))
  return Effect.flatMap(proxied, (http) => wrap(http).execute(request)).pipe(
    Effect.map(() => sent.map(({ target }) => target).join(" ")),
    Effect.catchTag("RequestError", (error) => {
      assert.isEmpty(sent)
      return Effect.succeed(`${error.reason}: ${error.description}`)
    }),
    Effect.provide(client)
  )
}

const get = HttpClientRequest.get

describe("the address", () => {
  const addresses: ReadonlyArray<readonly [name: string, proxied: Proxied, path: string]> = [
    ["a service", Service.proxy("web"), "/api/v1/namespaces/team/services/web/proxy"],
    ["its port's number", Service.proxy("web", { port: 80 }), "/api/v1/namespaces/team/services/web:80/proxy"],
    ["its port's name", Service.proxy("web", { port: "http" }), "/api/v1/namespaces/team/services/web:http/proxy"],
    [
      "its scheme and port",
      Service.proxy("web", { port: "tls", scheme: "https" }),
      "/api/v1/namespaces/team/services/https:web:tls/proxy"
    ],
    // The server takes two parts for a name and a port, so the last colon stays.
    ["its scheme", Service.proxy("web", { scheme: "https" }), "/api/v1/namespaces/team/services/https:web:/proxy"],
    ["a namespace", Service.proxy("web", { namespace: "ops" }), "/api/v1/namespaces/ops/services/web/proxy"],
    [
      "an object",
      Service.proxy({ metadata: { name: "web", namespace: "shop" } }),
      "/api/v1/namespaces/shop/services/web/proxy"
    ],
    ["a region", KubeClient.withNamespace(Service.proxy("web"), "qa"), "/api/v1/namespaces/qa/services/web/proxy"],
    ["a pod", Pod.proxy("web-0", { port: 8080 }), "/api/v1/namespaces/team/pods/web-0:8080/proxy"],
    ["a node", Node.proxy("node-1"), "/api/v1/nodes/node-1/proxy"],
    [
      "a node's other port",
      Node.proxy("node-1", { port: 9100, scheme: "http" }),
      "/api/v1/nodes/http:node-1:9100/proxy"
    ]
  ]
  for (const [name, proxied, path] of addresses) {
    it.effect(`of ${name}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* targetOf(get("/healthz?x=1"), proxied), `${path}/healthz?x=1`)
      })
    )
  }

  const refused: ReadonlyArray<readonly [proxied: Proxied, message: string]> = [
    [Service.proxy(""), "the name of a Service may not be empty"],
    [Service.proxy("web:80"), 'the name of a Service "web:80": give scheme and port as options'],
    [Service.proxy("web", { port: 0 }), "port: expected a whole number from 1 to 65535, got 0"],
    [Service.proxy("web", { port: 65536 }), "port: expected a whole number from 1 to 65535, got 65536"],
    [Pod.proxy("web", { port: 80.5 }), "port: expected a whole number from 1 to 65535, got 80.5"],
    [Service.proxy("web", { port: "" }), "a port may not be empty"],
    [Service.proxy("web", { port: "../x" }), 'a port "../x": "." and ".." and what has "/" or "%" in it name no object']
  ]
  for (const [proxied, message] of refused) {
    it.effect(`is none: ${message}`, () =>
      Effect.gen(function* () {
        const { client, sent } = fake(() => ok({}))
        const error = yield* Effect.flip(Effect.provide(proxied, client))
        assert.instanceOf(error, InvalidRequest)
        assert.strictEqual(error.message, message)
        assert.isEmpty(sent)
      })
    )
  }
})

describe("the path", () => {
  const paths: ReadonlyArray<readonly [url: string, target: string]> = [
    ["", `${web}/`],
    ["/", `${web}/`],
    ["healthz", `${web}/healthz`],
    ["?x=1", `${web}/?x=1`],
    // As they are: backends tell these apart.
    ["/a?wsdl", `${web}/a?wsdl`],
    ["/a?b=1+2&c=%20&d", `${web}/a?b=1+2&c=%20&d`],
    ["/a?next=http://other/..", `${web}/a?next=http://other/..`],
    ["/a%20b/ü", `${web}/a%20b/%C3%BC`],
    ["/a%2Fb", `${web}/a%2Fb`],
    ["/a//b/", `${web}/a//b/`],
    ["/a:b@c", `${web}/a:b@c`],
    ["/..a/b../.c/...", `${web}/..a/b../.c/...`],
    ["/a#b", `${web}/a`],
    // A parser of URLs resolves these before they get anywhere.
    ["/a/../b", `${web}/b`],
    ["/../../../secrets", `${web}/secrets`],
    ["../../secrets", `${web}/secrets`],
    ["/%2e%2e/%2E./secrets", `${web}/secrets`],
    ["\\..\\secrets", `${web}/secrets`],
    // What the server redirects to.
    [`${web}/a`, `${web}/a`],
    [web, `${web}/`],
    [`https://kube.test:6443${web}/a?b`, `${web}/a?b`],
    [`${web}/../../../secrets`, `${web}/api/v1/namespaces/team/secrets`],
    [`${web}ied/a`, `${web}${web}ied/a`]
  ]
  for (const [url, target] of paths) {
    it.effect(`"${url}" is ${target}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* targetOf(get(url)), target)
      })
    )
  }

  const encoded = `InvalidUrl: ".." beside an encoded slash: the API server would decode and resolve it`
  const elsewhere = (origin: string) =>
    `InvalidUrl: this leads to ${origin}, not through the proxy; give a path, such as "/healthz"`
  const refused: ReadonlyArray<readonly [url: string, problem: string]> = [
    ["/..%2f..%2fsecrets", encoded],
    ["/a/%2e%2e%2Fb", encoded],
    ["/a%2F..", encoded],
    ["/a%2f%2E%2e/b", encoded],
    ["/a%5c..%5Cb", encoded],
    [`https://kube.test:6443${web}/..%2f`, encoded],
    ["http://web/healthz", elsewhere("http://web")],
    ["//web/healthz", elsewhere("http://web")],
    ["\\\\web\\healthz", elsewhere("http://web")],
    ["https://kube.test:6443/api/v1/secrets", elsewhere("https://kube.test:6443")],
    [`https://kube.test:6443${web}/../../../secrets`, elsewhere("https://kube.test:6443")],
    [`https://kube.test${web}/a`, elsewhere("https://kube.test")],
    ["file:///etc/passwd", elsewhere("null")],
    ["http://[", "InvalidUrl: this is no URL"]
  ]
  for (const [url, problem] of refused) {
    it.effect(`"${url}" is refused`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* targetOf(get(url)), problem)
      })
    )
  }

  it.effect("parameters of the request and what a program puts in front are kept", () =>
    Effect.gen(function* () {
      const request = get("/a?b=1", { urlParams: { c: "2 3", d: ["4", "5"] }, hash: "e" })
      assert.strictEqual(yield* targetOf(request), `${web}/a?b=1&c=2+3&d=4&d=5`)
      const prefixed = HttpClient.mapRequest(HttpClientRequest.prependUrl("/v1"))
      assert.strictEqual(yield* targetOf(get("/a"), undefined, prefixed), `${web}/v1/a`)
    })
  )
})

describe("the headers", () => {
  it.effect("of the request go out, those of one connection do not", () =>
    Effect.gen(function* () {
      const { client, sent } = fake(() => ok({}))
      const request = get("/", {
        headers: {
          "X-My": "1",
          cookie: "a=b",
          "user-agent": "mine",
          connection: "close, x-hop",
          "x-hop": "1",
          "keep-alive": "1",
          te: "trailers",
          upgrade: "websocket",
          "transfer-encoding": "chunked",
          "proxy-authorization": "Basic x"
        }
      })
      yield* Effect.flatMap(Service.proxy("web"), (http) => http.execute(request)).pipe(
        Effect.withTracerEnabled(false),
        Effect.provide(client)
      )
      assert.deepStrictEqual(sent[0]?.headers, { "x-my": "1", cookie: "a=b", "user-agent": "mine" })
    })
  )

  for (const name of ["Authorization", "Impersonate-User", "impersonate-extra-scopes"]) {
    it.effect(`${name} is refused: the API server would take it for itself`, () =>
      Effect.gen(function* () {
        assert.strictEqual(
          yield* targetOf(get("/", { headers: { [name]: "x" } })),
          `Encode: the API server takes the header ${name.toLowerCase()} for itself, so it cannot be sent through its proxy`
        )
      })
    )
  }
})

describe("what a request is made with", () => {
  it.effect("is that of the region where the client was made", () =>
    Effect.gen(function* () {
      const { client, sent } = fake(() => ok({}))
      yield* Effect.gen(function* () {
        const http = yield* Service.proxy("web").pipe(KubeClient.withImpersonation({ user: "jane", groups: ["dev"] }))
        yield* http.get("/a").pipe(KubeClient.withNamespace("other"))
        yield* http.get("/b").pipe(KubeClient.withImpersonation({ user: "root" }))
      }).pipe(Effect.provide(client))
      for (const { headers, target } of sent) {
        assert.include(target, web)
        assert.strictEqual(headers["impersonate-user"], "jane")
        assert.strictEqual(headers["impersonate-group"], "dev")
      }
      assert.strictEqual(sent.length, 2)
    })
  )

  it.effect("has the time limit of the options, else of the region, else of the client", () =>
    Effect.gen(function* () {
      const { client, sent } = fake(() => ok({}))
      yield* Effect.gen(function* () {
        const proxied = [
          Service.proxy("web", { timeout: "5 minutes" }),
          Service.proxy("web", { timeout: "infinity" }),
          KubeClient.withTimeout(Service.proxy("web"), "3 seconds"),
          Service.proxy("web")
        ]
        for (const made of proxied) yield* Effect.flatMap(made, (http) => http.get("/"))
      }).pipe(Effect.provide(client))
      assert.deepStrictEqual(
        sent.map(({ timeout }) => timeout),
        [300_000, undefined, 3000, 65_000]
      )
    })
  )
})

/** Credentials that are new after each refusal, and how often they were refused. */
const renewing = () => {
  const refusals = { count: 0 }
  const known = ["old", "new", "newer"].map((token) => ({ authorization: Redacted.make(`Bearer ${token}`) }))
  const service: AuthService = {
    credentials: Effect.sync(() => known[refusals.count] ?? {}),
    reject: () => Effect.sync(() => void refusals.count++),
    clientCertificate: undefined
  }
  return { refusals, auth: Layer.succeed(Auth, service) }
}

describe("a 401", () => {
  const unauthorized = JSON.stringify(status(401, "Unauthorized", { message: "Unauthorized" }))
  const short = { "content-type": "application/json", "content-length": String(unauthorized.length) }
  const bytes = new Uint8Array([1, 2])

  /** What comes of a request when the server answers so to the first credentials. */
  const asked = (
    refusal: ReturnType<typeof answer>,
    body: HttpBody.HttpBody = HttpBody.uint8Array(bytes),
    always = false
  ) =>
    Effect.gen(function* () {
      const { auth, refusals } = renewing()
      const { clientWith, sent } = fake(({ headers }) =>
        headers["authorization"] === "Bearer old" || always ? refusal : ok("done", {})
      )
      const response = yield* Effect.flatMap(Service.proxy("web"), (http) => http.post("/", { body })).pipe(
        Effect.provide(clientWith({ auth }))
      )
      return [response.status, yield* response.text, sent.length, refusals.count]
    })

  it.effect("of the API server is answered with fresh credentials, once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* asked(answer(401, unauthorized, short)), [200, "done", 2, 1])
      assert.deepStrictEqual(yield* asked(answer(401, unauthorized, short), undefined, true), [401, unauthorized, 2, 1])
    })
  )

  it.effect("of the API server to a stream is not: it may run only once; but the next request has fresh ones", () =>
    Effect.gen(function* () {
      const body = HttpBody.stream(Stream.make(bytes))
      assert.deepStrictEqual(yield* asked(answer(401, unauthorized, short), body), [401, unauthorized, 1, 1])
    })
  )

  it.effect("of the backend is an answer, and says nothing about the cluster's credentials", () =>
    Effect.gen(function* () {
      const basic = { "content-type": "text/plain", "content-length": "7", "www-authenticate": "Basic" }
      assert.deepStrictEqual(yield* asked(answer(401, "log in!", basic)), [401, "log in!", 1, 0])
      const other = '{"error":"unauthorized"}'
      const headers = { ...short, "content-length": String(other.length) }
      assert.deepStrictEqual(yield* asked(answer(401, other, headers)), [401, other, 1, 0])
      assert.deepStrictEqual(yield* asked(answer(401, "{", { ...short, "content-length": "1" })), [401, "{", 1, 0])
      // Who knows how long that is.
      const endless = { "content-type": "application/json" }
      assert.deepStrictEqual(yield* asked(answer(401, unauthorized, endless)), [401, unauthorized, 1, 0])
    })
  )
})

/** A client of a server on loopback, with nothing replaced. */
const clientOf = (port: number) =>
  NodeKubeClient.fromConfig(configOf(`http://127.0.0.1:${port}/k8s/c-1`, { namespace: "team" })).pipe(
    Layer.provide(NodeContext.layer)
  )

const through = <A, E>(port: number, use: (http: HttpClient.HttpClient) => Effect.Effect<A, E, KubeClient>) =>
  Effect.provide(Effect.flatMap(Service.proxy("web", { port: 80 }), use), clientOf(port))

const prefix = "/k8s/c-1/api/v1/namespaces/team/services/web:80/proxy"

/** Answers with the body that it gets, and tells the rest in headers. */
const echo = (request: IncomingMessage, response: ServerResponse) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    response.writeHead(200, {
      "x-method": request.method,
      "x-url": request.url,
      "x-type": request.headers["content-type"] ?? "none",
      "x-length": request.headers["content-length"] ?? request.headers["transfer-encoding"] ?? "none",
      "x-authorization": request.headers.authorization
    })
    response.end(Buffer.concat(chunks))
  })
}

const bytesOf = (size: number) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) % 256)

describe("an exchange", () => {
  it.live("has every method, with the cluster's credentials", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer(echo)
      yield* through(port, (http) =>
        Effect.forEach(HttpMethod.all, (method) =>
          Effect.gen(function* () {
            const { headers } = yield* http.execute(HttpClientRequest.make(method)("/a?b"))
            assert.strictEqual(headers["x-method"], method)
            assert.strictEqual(headers["x-url"], `${prefix}/a?b`)
            assert.strictEqual(headers["x-authorization"], "Bearer t")
          })
        )
      )
    }).pipe(Effect.scoped)
  )

  const all = bytesOf(300_000)
  const parts = [all.subarray(0, 100_000), all.subarray(100_000, 100_001), all.subarray(100_001)]
  const form = new FormData()
  form.set("file", new Blob(["x"]), "a.txt")
  const bodies: ReadonlyArray<
    readonly [name: string, body: HttpBody.HttpBody, type: string | RegExp, length: string, text?: string | RegExp]
  > = [
    ["nothing", HttpBody.empty, "none", "0", ""],
    ["text", HttpBody.text("grüße"), "text/plain", "7", "grüße"],
    ["JSON", HttpBody.unsafeJson({ a: 1 }), "application/json", "7", '{"a":1}'],
    ["bytes", HttpBody.uint8Array(all), "application/octet-stream", "300000"],
    ["a stream", HttpBody.stream(Stream.fromIterable(parts)), "application/octet-stream", "chunked"],
    ["a stream of a length", HttpBody.stream(Stream.fromIterable(parts), "a/b", 300_000), "a/b", "300000"],
    ["an empty stream", HttpBody.stream(Stream.empty, "a/b"), "a/b", "0", ""],
    ["a form", HttpBody.formData(form), /^multipart\/form-data; boundary=/, "chunked", /filename="a.txt"/],
    ["a web stream", HttpBody.raw(new Blob(parts).stream()), "none", "chunked"],
    ["a blob", HttpBody.raw(new Blob(parts, { type: "a/c" })), "a/c", "chunked"],
    ["an iterable", HttpBody.raw(Stream.toAsyncIterable(Stream.fromIterable(parts))), "none", "chunked"],
    ["raw bytes", HttpBody.raw(all), "none", "300000"],
    ["raw text", HttpBody.raw("raw", { contentType: "a/b" }), "a/b", "3", "raw"]
  ]
  for (const [name, body, type, length, text] of bodies) {
    it.live(`sends ${name}, and gets it back`, () =>
      Effect.gen(function* () {
        const { port } = yield* httpServer(echo)
        yield* through(port, (http) =>
          Effect.gen(function* () {
            const response = yield* http.post("/", { body })
            const got = Buffer.from(yield* response.arrayBuffer)
            assert.match(response.headers["x-type"] ?? "", new RegExp(type))
            assert.strictEqual(response.headers["x-length"], length)
            if (text === undefined) assert.isTrue(got.equals(all))
            else
              assert.match(
                got.toString(),
                text instanceof RegExp ? text : new RegExp(`^${text.replace(/[{}]/g, "\\$&")}$`)
              )
          })
        )
      }).pipe(Effect.scoped)
    )
  }

  it.effect("does not send a raw body of which nobody knows what it is", () =>
    Effect.gen(function* () {
      const request = HttpClientRequest.post("/", { body: HttpBody.raw({ a: 1 }) })
      const problem = "Encode: this kind of raw body cannot be sent; give text, bytes or a stream"
      assert.strictEqual(yield* targetOf(request), problem)
    })
  )

  it.live("answers with any status, and asks once", () =>
    Effect.gen(function* () {
      let asked = 0
      const { port } = yield* httpServer((request, response) => {
        asked++
        const code = Number(request.url?.split("?")[1])
        response.writeHead(code, { "content-type": "text/plain", "retry-after": "0", "x-a": ["1", "2"] })
        response.end(code === 204 || code === 304 ? undefined : `it is ${code}`)
      })
      const codes = [200, 201, 204, 206, 301, 304, 400, 401, 403, 404, 409, 410, 418, 429, 500, 502, 503, 504, 599]
      yield* through(port, (http) =>
        Effect.forEach(codes, (code) =>
          Effect.gen(function* () {
            const response = yield* http.get(`/?${code}`)
            assert.strictEqual(response.status, code)
            assert.strictEqual(yield* response.text, code === 204 || code === 304 ? "" : `it is ${code}`)
            assert.strictEqual(response.headers["x-a"], "1, 2")
          })
        )
      )
      assert.strictEqual(asked, codes.length)
    }).pipe(Effect.scoped)
  )

  it.live("says so when an answer has a status that is none", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* httpServer((_, response) => response.writeHead(999).end("x"))
      yield* through(port, (http) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(http.get("/"))
          assert.strictEqual(error.reason, "Transport")
          assert.include(error.message, "the answer has the status 999")
        })
      )
      yield* eventually(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("brings every cookie, and the bytes as they were packed", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer((_, response) => {
        response.writeHead(200, { "set-cookie": ["a=1; Path=/", "b=2"], "content-encoding": "gzip" })
        response.end(Buffer.from([31, 139, 0]))
      })
      yield* through(port, (http) =>
        Effect.gen(function* () {
          const response = yield* http.get("/")
          assert.deepStrictEqual(Cookies.toRecord(response.cookies), { a: "1", b: "2" })
          assert.deepStrictEqual(Buffer.from(yield* response.arrayBuffer), Buffer.from([31, 139, 0]))
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("redirects as the API server writes them can be followed, and lead nowhere else", () =>
    Effect.gen(function* () {
      const urls: Array<unknown> = []
      // The server knows nothing of the path in front of its own.
      const own = prefix.slice("/k8s/c-1".length)
      const to = [`${own}/b?c=d`, `${prefix}/e/`, "../f", "http://example.com/g"]
      const { port } = yield* httpServer((request, response) => {
        urls.push(request.url)
        const location = to.shift()
        response.writeHead(location === undefined ? 200 : 302, location === undefined ? {} : { location }).end()
      })
      yield* through(port, (http) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(HttpClient.followRedirects(http).get("/a"))
          assert.strictEqual(error.reason, "InvalidUrl")
          assert.include(error.message, "http://example.com")
        })
      )
      assert.deepStrictEqual(urls, [`${prefix}/a`, `${prefix}/b?c=d`, `${prefix}/e/`, `${prefix}/f`])
    }).pipe(Effect.scoped)
  )
})

describe("a failure", () => {
  it.live("to connect is a RequestError about the whole URL, and is not tried again", () =>
    Effect.gen(function* () {
      const port = yield* closedPort
      const error = yield* Effect.flip(through(port, (http) => http.get("/a?b=1")))
      if (error._tag !== "RequestError") return assert.fail(error._tag)
      assert.strictEqual(error.reason, "Transport")
      assert.instanceOf(error.cause, TransportError)
      assert.include(error.message, `nothing listens there`)
      assert.include(error.message, `(GET http://127.0.0.1:${port}${prefix}/a?b=1)`)
    })
  )

  it.live("before the answer is a RequestError; in the midst of it a ResponseError", () =>
    Effect.gen(function* () {
      let asked = 0
      const { port } = yield* httpServer((request, response) => {
        asked++
        if (request.url?.endsWith("/before") === true) return void request.socket.destroy()
        response.writeHead(200, { "content-length": "10" })
        response.write("half")
        setTimeout(() => request.socket.destroy(), 5)
      })
      yield* through(port, (http) =>
        Effect.gen(function* () {
          const before = yield* Effect.flip(http.get("/before"))
          assert.strictEqual(before._tag, "RequestError")
          assert.instanceOf(before.cause, TransportError)
          const response = yield* http.get("/amid")
          const amid = yield* Effect.flip(response.text)
          assert.strictEqual(amid._tag, "ResponseError")
          assert.strictEqual(amid.reason, "Decode")
          assert.instanceOf(amid.cause, TransportError)
        })
      )
      assert.strictEqual(asked, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("to answer in time is a RequestError, and says after how long", () =>
    Effect.gen(function* () {
      const { client } = fake(() => Effect.never)
      const asked = Effect.flatMap(Service.proxy("web", { timeout: "3 seconds" }), (http) => http.get("/"))
      const fiber = yield* Effect.fork(Effect.flip(Effect.provide(asked, client)))
      // The module of the proxy is loaded on the way, which takes real time.
      while (fiber.unsafePoll() === null) {
        yield* TestClock.adjust("3 seconds")
        yield* Effect.promise(() => new Promise(setImmediate))
      }
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "RequestError")
      assert.instanceOf(error.cause, TimeoutError)
      assert.include(error.message, "3s")
    })
  )

  it.live("of the request's own body is an Encode error with its cause", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* httpServer(echo)
      yield* through(port, (http) =>
        Effect.gen(function* () {
          const body = HttpBody.stream(Stream.concat(Stream.make(bytesOf(10)), Stream.fail("no more")))
          const error = yield* Effect.flip(http.post("/", { body }))
          assert.deepInclude(error, { _tag: "RequestError", reason: "Encode", cause: "no more" })
          yield* eventually(() => sockets.size === 0)
        })
      )
    }).pipe(Effect.scoped)
  )
})

describe("the connection", () => {
  const endless = (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200)
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, "x")));
      response.once("drain", more)
    }
    more()
  }

  it.live(
    "is closed when a request is interrupted: before the answer, in it, or while it is sent",
    () =>
      Effect.gen(function* () {
        let ended = 0
        const { port, sockets } = yield* httpServer((request, response) => {
          if (request.url?.endsWith("/endless") === true) endless(request, response)
        })
        yield* through(port, (http) =>
          Effect.gen(function* () {
            const body = HttpBody.stream(
              Stream.concat(Stream.make(bytesOf(10)), Stream.never).pipe(Stream.ensuring(Effect.sync(() => ended++)))
            )
            const asked = [
              http.get("/silent"),
              Effect.flatMap(http.get("/endless"), ({ text }) => text),
              Effect.flatMap(http.get("/endless"), ({ stream }) => Stream.runDrain(stream)),
              http.post("/silent", { body })
            ]
            for (const request of asked) {
              const fiber = yield* Effect.fork(request)
              yield* eventually(() => sockets.size === 1)
              yield* Effect.sleep("5 millis")
              yield* Fiber.interrupt(fiber)
              yield* eventually(() => sockets.size === 0)
            }
            yield* eventually(() => ended === 1)
            const some = yield* http.get("/endless").pipe(
              Effect.map(({ stream }) => stream),
              Stream.unwrap,
              Stream.take(1),
              Stream.runCount
            )
            assert.strictEqual(some, 1)
            yield* eventually(() => sockets.size === 0)
          })
        )
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "serves the next request when a short body was not read, nor its answer looked at",
    () =>
      Effect.gen(function* () {
        const { count, port } = yield* httpServer((request, response) => {
          const text = "x".repeat(10_000)
          if (request.url?.endsWith("/chunked") === true) response.write(text)
          response.end(text)
        })
        yield* through(port, (http) =>
          Effect.forEach(["/", "/chunked"], (path) =>
            Effect.forEach(Array.from({ length: 20 }), () =>
              Effect.zipRight(Effect.exit(http.get(path)), Effect.sleep("2 millis"))
            )
          )
        )
        assert.isBelow(count.opened, 10)
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "of a long body that nobody reads is closed when the response is collected",
    () =>
      Effect.gen(function* () {
        setFlagsFromString("--expose-gc")
        // The flag makes the function there.
        const gc = runInNewContext("gc") as () => void
        const { port, sockets } = yield* httpServer(endless)
        yield* through(port, (http) =>
          Effect.gen(function* () {
            // What a fiber has come to is all that knows the response, and nobody knows the fiber.
            yield* Effect.flatMap(Effect.fork(http.get("/")), (fiber) => Effect.asVoid(fiber.await))
            assert.strictEqual(sockets.size, 1)
            yield* eventually(() => {
              gc()
              return sockets.size === 0
            })
          })
        )
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "holds back a server whose answer is not read, and a body that the server does not read",
    () =>
      Effect.gen(function* () {
        let written = 0
        const { port } = yield* httpServer((request, response) => {
          if (request.method === "POST") return
          response.writeHead(200)
          const more = () => {
            while (!response.destroyed && written < 512 * 1024 * 1024) {
              written += 64 * 1024
              if (!response.write(Buffer.alloc(64 * 1024))) return void response.once("drain", more)
            }
          }
          more()
        })
        /** Waits until a number stands still. */
        const still = (read: () => number): Effect.Effect<number> =>
          Effect.suspend(() => {
            const before = read()
            return Effect.delay(
              Effect.suspend(() => (read() === before && before > 0 ? Effect.succeed(before) : still(read))),
              "100 millis"
            )
          })
        yield* through(port, (http) =>
          Effect.gen(function* () {
            const response = yield* http.get("/")
            assert.isBelow(yield* still(() => written), 64 * 1024 * 1024)
            assert.strictEqual(response.status, 200)
            let pulled = 0
            const body = Stream.repeatEffect(
              Effect.sync(() => {
                pulled += 64 * 1024
                return new Uint8Array(64 * 1024)
              })
            )
            const fiber = yield* Effect.fork(http.post("/", { body: HttpBody.stream(body) }))
            assert.isBelow(yield* still(() => pulled), 64 * 1024 * 1024)
            yield* Fiber.interrupt(fiber)
          })
        )
      }).pipe(Effect.scoped),
    30_000
  )
})
