import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted, Stream, type Scope } from "effect"
import { Auth, Http, KubeClient, KubeConfig, Request, TransportError } from "effect-kubernetes"
import { webcrypto } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { inspect } from "node:util"
import { gzipSync } from "node:zlib"
import * as client from "../support/client.js"
import * as Pki from "../support/pki.js"
import * as x509 from "@peculiar/x509"
import {
  closedPort,
  connectProxy,
  eventually,
  httpServer,
  httpsServer,
  json,
  socks5Proxy,
  tcpServer
} from "../support/server.js"

const day = 24 * 60 * 60 * 1000

/** A server certificate that no authority has signed. */
const selfSigned = Effect.promise(async (): Promise<Pki.Certificate> => {
  const signingAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
  const keys = await webcrypto.subtle.generateKey(signingAlgorithm, true, ["sign", "verify"])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=localhost",
    keys,
    signingAlgorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])]
  })
  const key = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)
  return { certificate: certificate.toString("pem"), privateKey: x509.PemConverter.encode(key, "PRIVATE KEY") }
})

const pki = await Effect.runPromise(
  Effect.gen(function* () {
    const authority = yield* Pki.makeAuthority()
    const stranger = yield* Pki.makeAuthority({ commonName: "stranger" })
    const names = { commonName: "kube-apiserver", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] }
    return {
      authority,
      stranger,
      server: yield* Pki.issue(authority, names),
      expired: yield* Pki.issue(authority, {
        ...names,
        notBefore: new Date(Date.now() - 2 * day),
        notAfter: new Date(Date.now() - day)
      }),
      future: yield* Pki.issue(authority, {
        ...names,
        notBefore: new Date(Date.now() + day),
        notAfter: new Date(Date.now() + 2 * day)
      }),
      otherName: yield* Pki.issue(authority, { commonName: "kube-apiserver", dnsNames: ["api.internal"] }),
      otherAddress: yield* Pki.issue(authority, { commonName: "kube-apiserver", ipAddresses: ["10.9.8.7"] }),
      selfSigned: yield* selfSigned,
      client: yield* Pki.issue(authority, { commonName: "jane", organizations: ["dev"] })
    }
  })
)

const base64 = (text: string) => Buffer.from(text).toString("base64")
const ca = { "certificate-authority-data": base64(pki.authority.certificate) }
const tls = (certificate: Pki.Certificate) => ({ cert: certificate.certificate, key: certificate.privateKey })

const clientOf = (server: string, parts?: client.Parts) =>
  client.clientOf(server, { cluster: ca, user: { token: "s3cr3t-t0ken" }, ...parts })

const version = Request.get("/version")

const call = (server: string, parts?: client.Parts) =>
  Effect.provide(KubeClient.request(version), clientOf(server, parts))

/** The error of a call: its reason and its message, without the part that says which call. */
const failed = (server: string, parts?: client.Parts) =>
  Effect.map(Effect.flip(call(server, parts)), (error) => {
    assert.notInclude(inspect(error, { depth: 12, showHidden: true }), "s3cr3t-t0ken")
    if (!(error instanceof TransportError)) return assert.fail(`${error._tag}: ${error.message}`)
    assert.isTrue(error.message.startsWith(`GET ${server}/version: `), error.message)
    return [error.reason, error.message.slice(`GET ${server}/version: `.length)]
  })

const hello = (_: IncomingMessage, response: ServerResponse) => json(response, { hello: "world" })

describe("TLS", () => {
  it.live("trusts the authority of the kubeconfig", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer(tls(pki.server), hello)
      assert.deepStrictEqual(yield* call(`https://127.0.0.1:${port}`), { hello: "world" })
      assert.deepStrictEqual(yield* call(`https://localhost:${port}`), { hello: "world" })
    }).pipe(Effect.scoped)
  )

  const untrusted =
    'the server\'s certificate is signed by an authority that is not trusted; check certificate-authority-data of cluster "dev"'
  const cases: ReadonlyArray<
    readonly [name: string, certificate: Pki.Certificate, cluster: Record<string, unknown>, message: string]
  > = [
    ["the wrong authority", pki.server, { "certificate-authority-data": base64(pki.stranger.certificate) }, untrusted],
    ["no authority but the system's", pki.server, {}, untrusted],
    ["a server certificate that is signed by itself", pki.selfSigned, ca, untrusted],
    [
      "an expired certificate",
      pki.expired,
      ca,
      "the server's certificate has expired; it has to be renewed on the cluster"
    ],
    [
      "a certificate of tomorrow",
      pki.future,
      ca,
      "the server's certificate is not valid yet; check the clocks of both sides"
    ],
    [
      "a certificate of another name",
      pki.otherName,
      ca,
      "the server's certificate is not for the address 127.0.0.1; set tls-server-name to a name that it is for, or correct the server's URL"
    ],
    [
      "a certificate that is not of the tls-server-name",
      pki.server,
      { ...ca, "tls-server-name": "api.internal" },
      "the server's certificate is not for api.internal; set tls-server-name to a name that it is for, or correct the server's URL"
    ]
  ]
  for (const [name, certificate, cluster, message] of cases) {
    it.live(`does not accept ${name}`, () =>
      Effect.gen(function* () {
        let requests = 0
        const { port } = yield* httpsServer(tls(certificate), (request, response) => {
          requests++
          hello(request, response)
        })
        assert.deepStrictEqual(yield* failed(`https://127.0.0.1:${port}`, { cluster }), ["Tls", message])
        assert.strictEqual(requests, 0)
      }).pipe(Effect.scoped)
    )
  }

  it.live("does not accept a certificate that is not for servers", () =>
    Effect.gen(function* () {
      // The authority's own: its key usage allows signing only.
      const { port } = yield* httpsServer(tls(pki.authority), hello)
      const [reason, message] = yield* failed(`https://127.0.0.1:${port}`)
      assert.strictEqual(reason, "Tls")
      assert.match(message ?? "", /certificate/)
    }).pipe(Effect.scoped)
  )

  it.live("tls-server-name is the name that the certificate is for, and that is asked for", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const { port } = yield* httpsServer(tls(pki.otherName), (request, response) => {
        // node:https gives the handler of a TLS server sockets of that class.
        asked.push((request.socket as TLSSocket & { servername?: string }).servername, request.headers.host)
        hello(request, response)
      })
      const cluster = { ...ca, "tls-server-name": "api.internal" }
      assert.deepStrictEqual(yield* call(`https://127.0.0.1:${port}`, { cluster }), { hello: "world" })
      assert.deepStrictEqual(asked, ["api.internal", `127.0.0.1:${port}`])
    }).pipe(Effect.scoped)
  )

  it.live("tls-server-name may be an address, which is expected and not asked for", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const { port } = yield* httpsServer(tls(pki.otherAddress), (request, response) => {
        // node:https gives the handler of a TLS server sockets of that class.
        asked.push((request.socket as TLSSocket & { servername?: string }).servername)
        hello(request, response)
      })
      const named = (name: string) => ({ cluster: { ...ca, "tls-server-name": name } })
      assert.deepStrictEqual(yield* call(`https://127.0.0.1:${port}`, named("10.9.8.7")), { hello: "world" })
      assert.deepStrictEqual(asked, [false])
      const [reason, message] = yield* failed(`https://127.0.0.1:${port}`, named("10.9.8.8"))
      assert.strictEqual(reason, "Tls")
      assert.match(message ?? "", /^the server's certificate is not for 10\.9\.8\.8;/)
    }).pipe(Effect.scoped)
  )

  it.live("an authority that is no root is trusted when the kubeconfig has it, as by kubectl", () =>
    Effect.gen(function* () {
      const intermediate = yield* Pki.makeAuthority({ commonName: "intermediate", issuer: pki.authority })
      const leaf = yield* Pki.issue(intermediate, { commonName: "kube-apiserver", ipAddresses: ["127.0.0.1"] })
      const { port } = yield* httpsServer(tls(leaf), hello)
      const trusting = (certificate: string) => ({
        cluster: { "certificate-authority-data": base64(certificate) }
      })
      assert.deepStrictEqual(yield* call(`https://127.0.0.1:${port}`, trusting(intermediate.certificate)), {
        hello: "world"
      })
      assert.strictEqual((yield* failed(`https://127.0.0.1:${port}`, trusting(pki.stranger.certificate)))[0], "Tls")
    }).pipe(Effect.scoped)
  )

  it.live("insecure-skip-tls-verify accepts any certificate", () =>
    Effect.gen(function* () {
      for (const certificate of [pki.expired, pki.otherName, pki.selfSigned]) {
        const { port } = yield* httpsServer(tls(certificate), hello)
        const cluster = { "insecure-skip-tls-verify": true }
        assert.deepStrictEqual(yield* call(`https://127.0.0.1:${port}`, { cluster }), { hello: "world" })
      }
    }).pipe(Effect.scoped)
  )

  const mutual = {
    ...tls(pki.server),
    ca: pki.authority.certificate,
    requestCert: true,
    rejectUnauthorized: true
  }

  it.live("shows the client certificate, to calls and to streams", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer(mutual, (request, response) =>
        json(response, (request.socket as TLSSocket).getPeerCertificate().subject)
      )
      const user = {
        "client-certificate-data": base64(pki.client.certificate),
        "client-key-data": base64(pki.client.privateKey)
      }
      yield* Effect.gen(function* () {
        assert.deepInclude(yield* KubeClient.request(version), { CN: "jane", O: "dev" })
        const text = yield* Stream.mkString(Stream.decodeText(KubeClient.requestStream(version)))
        assert.deepInclude(JSON.parse(text), { CN: "jane", O: "dev" })
      }).pipe(Effect.provide(clientOf(`https://127.0.0.1:${port}`, { user })))
    }).pipe(Effect.scoped)
  )

  it.live("says that a client certificate may be missing", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer({ ...mutual, maxVersion: "TLSv1.2" }, hello)
      const [reason, message] = yield* failed(`https://127.0.0.1:${port}`)
      assert.strictEqual(reason, "Tls")
      assert.match(
        message ?? "",
        /^TLS failed \(ERR_SSL_[\w/]+\); a client certificate may be missing, expired or refused$/
      )
    }).pipe(Effect.scoped)
  )

  it.live("a certificate that OpenSSL cannot use is an error of the layer", () =>
    Effect.gen(function* () {
      const config = KubeConfig.layerValue({
        namespace: "default",
        cluster: {
          name: "dev",
          server: "https://127.0.0.1:1",
          insecureSkipTlsVerify: false,
          disableCompression: false
        },
        user: { name: "jane", unsupported: [] }
      })
      const auth = Layer.succeed(Auth, {
        credentials: Effect.succeed({}),
        reject: () => Effect.void,
        clientCertificate: { certificate: "not PEM", key: Redacted.make("s3cr3t-k3y") }
      })
      const error = yield* Effect.flip(Effect.provide(Http, Layer.provide(Http.layer, [config, auth])))
      assert.strictEqual(error._tag, "ConfigError")
      assert.strictEqual(error.message, 'cluster "dev": its certificates cannot be used for TLS')
      assert.notInclude(inspect(error, { depth: 12, showHidden: true }), "s3cr3t-k3y")
    })
  )
})

describe("a server that is not there, or is something else", () => {
  it.live("refused", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* failed(`https://127.0.0.1:${yield* closedPort}`), [
        "Refused",
        "nothing listens there (connection refused); is the cluster running?"
      ])
    })
  )

  it.live("an unknown host name", () =>
    Effect.gen(function* () {
      const [reason, message] = yield* failed("https://kube.invalid:6443")
      assert.strictEqual(reason, "Dns")
      assert.include(
        [
          'the name kube.invalid is not known; check the server of cluster "dev"',
          // On a machine without any name server.
          "the name kube.invalid cannot be looked up now; check the network"
        ],
        message
      )
    })
  )

  it.live("plain HTTP where TLS is expected", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer(hello)
      assert.deepStrictEqual(yield* failed(`https://127.0.0.1:${port}`), [
        "Tls",
        "the server does not speak TLS; should its URL begin with http:// ?"
      ])
    }).pipe(Effect.scoped)
  )

  it.live("TLS where plain HTTP is expected", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer(tls(pki.server), hello)
      const [reason, message] = yield* failed(`http://127.0.0.1:${port}`, { cluster: {} })
      assert.include(["Reset", "Protocol"], reason)
      assert.match(message ?? "", /^the (connection broke|server does not speak HTTP)/)
    }).pipe(Effect.scoped)
  )

  it.live("no HTTP at all", () =>
    Effect.gen(function* () {
      const { port } = yield* tcpServer((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"))
      const [reason, message] = yield* failed(`http://127.0.0.1:${port}`, { cluster: {} })
      assert.strictEqual(reason, "Protocol")
      assert.match(message ?? "", /^the server does not speak HTTP as expected$/)
    }).pipe(Effect.scoped)
  )

  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
  const breaking: ReadonlyArray<readonly [name: string, onSocket: (socket: Socket) => void]> = [
    ["reset before an answer", (socket) => socket.once("data", () => socket.resetAndDestroy())],
    ["closed before an answer", (socket) => socket.once("data", () => socket.destroy())],
    ["closed in the middle of the head", (socket) => socket.once("data", () => socket.end(head))],
    [
      "reset in the middle of the body",
      (socket) =>
        socket.once("data", () =>
          socket.write(`${head}content-length: 100\r\n\r\n{"a":`, () => setImmediate(() => socket.resetAndDestroy()))
        )
    ],
    [
      "a body shorter than it says",
      (socket) => socket.once("data", () => socket.end(`${head}content-length: 100\r\n\r\n{"a":1}`))
    ],
    [
      "a chunked body without its end",
      (socket) => socket.once("data", () => socket.end(`${head}transfer-encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n`))
    ]
  ]
  for (const [name, onSocket] of breaking) {
    it.live(`${name}`, () =>
      Effect.gen(function* () {
        const { port } = yield* tcpServer(onSocket)
        const server = `http://127.0.0.1:${port}`
        assert.deepStrictEqual(yield* failed(server, { cluster: {} }), ["Reset", "the connection broke"])
        const error = yield* Effect.flip(
          Effect.provide(Stream.runDrain(KubeClient.requestStream(version)), clientOf(server, { cluster: {} }))
        )
        assert.strictEqual(error._tag, "TransportError")
        assert.strictEqual(error.message, `GET ${server}/version: the connection broke`)
      }).pipe(Effect.scoped)
    )
  }

  it.live("garbage that says it is gzip", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer((_, response) => {
        response.writeHead(200, { "content-encoding": "gzip" })
        response.end("no gzip")
      })
      assert.deepStrictEqual(yield* failed(`http://127.0.0.1:${port}`, { cluster: {} }), [
        "Protocol",
        "the answer is not the gzip that it claims to be"
      ])
    }).pipe(Effect.scoped)
  )
})

describe("what is sent and what comes back", () => {
  it.live("gzip is asked for and undone, unless the kubeconfig says disable-compression or the server is here", () =>
    Effect.gen(function* () {
      const asked: Array<unknown> = []
      const { port } = yield* httpServer((request, response) => {
        asked.push(request.headers["accept-encoding"])
        if (request.headers["accept-encoding"] !== "gzip") return json(response, { gzip: false })
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
        response.end(gzipSync(JSON.stringify({ gzip: true, text: "ü".repeat(100_000) })))
      })
      // The way to another machine, as far as the client knows.
      const proxy = { "proxy-url": `http://127.0.0.1:${(yield* connectProxy(port)).port}` }
      const far = "http://api.test:8080"
      assert.deepStrictEqual(yield* call(far, { cluster: proxy }), { gzip: true, text: "ü".repeat(100_000) })
      assert.deepStrictEqual(yield* call(far, { cluster: { ...proxy, "disable-compression": true } }), { gzip: false })
      assert.deepStrictEqual(yield* call(`http://127.0.0.1:${port}`, { cluster: {} }), { gzip: false })
      assert.deepStrictEqual(asked, ["gzip", undefined, undefined])
    }).pipe(Effect.scoped)
  )

  it.live("a prefix in the server's URL stands before every path", () =>
    Effect.gen(function* () {
      const paths: Array<unknown> = []
      const { port } = yield* httpServer((request, response) => {
        paths.push(request.url)
        hello(request, response)
      })
      const request = KubeClient.request(Request.get("/api/v1/pods", { query: { limit: 1 } }))
      yield* Effect.provide(request, clientOf(`http://127.0.0.1:${port}/k8s/clusters/c-1/`, { cluster: {} }))
      assert.deepStrictEqual(paths, ["/k8s/clusters/c-1/api/v1/pods?limit=1"])
    }).pipe(Effect.scoped)
  )

  it.live("a body, its type and length, and headers of several values arrive", () =>
    Effect.gen(function* () {
      const got: Array<unknown> = []
      const { port } = yield* httpServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const body = Buffer.concat(chunks)
          got.push(
            request.method,
            body.toString(),
            request.headers["content-type"],
            request.headers["content-length"] === String(body.length),
            request.headersDistinct["impersonate-group"],
            request.headers.authorization
          )
          hello(request, response)
        })
      })
      yield* KubeClient.request(Request.post("/x", { text: "ü" })).pipe(
        KubeClient.withImpersonation({ user: "joe", groups: ["a", "b"] }),
        Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {}, user: { token: "t" } }))
      )
      assert.deepStrictEqual(got, ["POST", '{"text":"ü"}', "application/json", true, ["a", "b"], "Bearer t"])
    }).pipe(Effect.scoped)
  )

  it.live("a time limit closes the connection", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* httpServer(() => {})
      const request = KubeClient.request(Request.get("/version", { timeout: "50 millis" }))
      yield* Effect.gen(function* () {
        const error = yield* Effect.flip(request)
        assert.strictEqual(error._tag, "TimeoutError")
        assert.strictEqual(error.message, "GET /version: no answer within 50ms")
        yield* eventually(() => sockets.size === 0)
      }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
    }).pipe(Effect.scoped)
  )
})

describe("an error whose text does not come", () => {
  it.live("ends with the time limit, and closes the connection", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* httpServer((_, response) => {
        response.writeHead(401, { "content-type": "application/json", "content-length": "300" })
        response.write('{"kind":"Status"')
      })
      const slow = Request.get("/slow", { timeout: "50 millis" })
      yield* Effect.gen(function* () {
        const { exchange } = yield* KubeClient
        for (const asked of [
          KubeClient.request(slow),
          Stream.runDrain(KubeClient.requestStream(slow)),
          Effect.scoped(exchange({ ...slow, body: undefined, search: "" }))
        ]) {
          assert.strictEqual((yield* Effect.flip(asked)).message, "GET /slow: no answer within 50ms")
          yield* eventually(() => sockets.size === 0)
        }
      }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
    }).pipe(Effect.scoped)
  )
})

describe("proxies", () => {
  /** Environment variables for as long as the scope is open; those of the machine that say the same are hidden. */
  const environment = (variables: Record<string, string>): Effect.Effect<void, never, Scope.Scope> =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const before = Object.entries(process.env).filter(([name]) => /^(https?|no|all)_proxy$/i.test(name))
        for (const [name] of before) delete process.env[name]
        Object.assign(process.env, variables)
        return before
      }),
      (before) =>
        Effect.sync(() => {
          for (const name of Object.keys(variables)) delete process.env[name]
          for (const [name, value] of before) process.env[name] = value
        })
    )

  it.live("an HTTP proxy of the kubeconfig is asked to CONNECT; what goes through it is TLS", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer(tls(pki.server), hello)
      const proxy = yield* connectProxy(port)
      const parts = { cluster: { ...ca, "proxy-url": `http://127.0.0.1:${proxy.port}` } }
      // The name is known to the proxy only.
      assert.deepStrictEqual(yield* call("https://localhost:7443", parts), { hello: "world" })
      assert.deepStrictEqual(proxy.asked, ["localhost:7443"])
      assert.notInclude(proxy.passed(), "/version")
      assert.notInclude(proxy.passed(), "s3cr3t-t0ken")
    }).pipe(Effect.scoped)
  )

  it.live("tls-server-name and the checks of the certificate hold behind a proxy", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer(tls(pki.otherName), hello)
      for (const [scheme, proxy] of [
        ["http", yield* connectProxy(port)],
        ["socks5", yield* socks5Proxy(port)]
      ] as const) {
        const cluster = { ...ca, "proxy-url": `${scheme}://127.0.0.1:${proxy.port}` }
        const named = { ...cluster, "tls-server-name": "api.internal" }
        assert.deepStrictEqual(yield* call("https://localhost:7443", { cluster: named }), { hello: "world" })
        assert.deepStrictEqual(yield* failed("https://localhost:7443", { cluster }), [
          "Tls",
          "the server's certificate is not for localhost; set tls-server-name to a name that it is for, or correct the server's URL"
        ])
      }
    }).pipe(Effect.scoped)
  )

  it.live("a SOCKS5 proxy of the kubeconfig", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer(tls(pki.server), hello)
      const proxy = yield* socks5Proxy(port)
      const parts = { cluster: { ...ca, "proxy-url": `socks5://127.0.0.1:${proxy.port}` } }
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* KubeClient.request(version), { hello: "world" })
        assert.strictEqual((yield* Stream.runCollect(KubeClient.requestStream(version))).length, 1)
      }).pipe(Effect.provide(clientOf("https://localhost:7443", parts)))
      assert.deepStrictEqual(new Set(proxy.asked), new Set(["localhost:7443"]))
    }).pipe(Effect.scoped)
  )

  it.live("HTTPS_PROXY counts where the kubeconfig has none, and NO_PROXY excepts from it", () =>
    Effect.gen(function* () {
      const { port } = yield* httpsServer(tls(pki.server), hello)
      const proxy = yield* connectProxy(port)
      const far = "https://api.test:7443"
      const named = { cluster: { ...ca, "tls-server-name": "localhost" } }
      const variables = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` }
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* environment(variables)
          assert.deepStrictEqual(yield* call(far, named), { hello: "world" })
          assert.deepStrictEqual(proxy.asked, ["api.test:7443"])
          // The way to this machine needs none.
          assert.deepStrictEqual(yield* call(`https://localhost:${port}`), { hello: "world" })
          assert.strictEqual(proxy.asked.length, 1)
        })
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* environment({ ...variables, NO_PROXY: "10.0.0.0/8,.test" })
          assert.strictEqual((yield* failed(far, named))[0], "Dns")
          assert.strictEqual(proxy.asked.length, 1)
        })
      )
    }).pipe(Effect.scoped)
  )

  it.live("a proxy of the environment that is no URL is an error of the layer, which does not show it", () =>
    Effect.gen(function* () {
      for (const url of ["http://jane:s3cr3t@:x", "ftp://jane:s3cr3t@proxy.test", "http://jane:s3cr3t%zz@proxy.test"]) {
        const error = yield* Effect.scoped(
          Effect.zipRight(environment({ HTTPS_PROXY: url }), Effect.flip(call("https://api.test")))
        )
        assert.strictEqual(error._tag, "ConfigError")
        assert.match(error.message, /^HTTPS_PROXY: /)
        assert.notInclude(inspect(error, { depth: 12, showHidden: true }), "s3cr3t")
      }
    })
  )

  it.live("is told user and password of its URL, a user alone too, and no error tells them", () =>
    Effect.gen(function* () {
      const told: Array<string | undefined> = []
      const { port } = yield* tcpServer((socket) => {
        socket.once("data", (head: Buffer) => {
          told.push(/proxy-authorization: Basic (\S+)/i.exec(head.toString())?.[1])
          socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        })
      })
      const socks = yield* tcpServer((socket) => socket.once("data", () => socket.write(Buffer.from([5, 255]))))
      const gone = yield* closedPort
      for (const url of [
        `http://j%40ne:s3cr3t@127.0.0.1:${port}`,
        `http://s3cr3t@127.0.0.1:${port}`,
        `socks5://jane:s3cr3t@127.0.0.1:${socks.port}`,
        `http://jane:s3cr3t@127.0.0.1:${gone}`,
        `socks5://jane:s3cr3t@127.0.0.1:${gone}`,
        "http://jane:s3cr3t@proxy.invalid",
        "socks5://jane:s3cr3t@proxy.invalid"
      ]) {
        const error = yield* Effect.flip(call("https://api.test", { cluster: { ...ca, "proxy-url": url } }))
        assert.match(error.message, /\b(proxy 127\.0\.0\.1:\d+|proxy\.invalid)\b/)
        for (const hidden of ["s3cr3t", base64("j@ne:s3cr3t"), base64("s3cr3t:")]) {
          assert.notInclude(inspect(error, { depth: 20, showHidden: true }), hidden)
        }
      }
      assert.deepStrictEqual(told, [base64("j@ne:s3cr3t"), base64("s3cr3t:")])
    }).pipe(Effect.scoped)
  )

  it.live("one that breaks every connection is not asked again and again", () =>
    Effect.gen(function* () {
      for (const onSocket of [
        (socket: Socket) => void socket.destroy(),
        (socket: Socket) => void socket.once("data", () => socket.destroy()),
        (socket: Socket) => void socket.once("data", () => socket.resetAndDestroy())
      ]) {
        const { count, port } = yield* tcpServer(onSocket)
        const parts = { cluster: { ...ca, "proxy-url": `http://127.0.0.1:${port}` } }
        assert.deepStrictEqual(yield* failed("https://api.test", parts), ["Reset", "the connection broke"])
        assert.strictEqual(count.opened, 1)
      }
    }).pipe(Effect.scoped)
  )

  for (const scheme of ["http", "socks5"] as const) {
    it.live(`calls through ${scheme} share at most 32 connections, too, which end with the layer`, () =>
      Effect.gen(function* () {
        const { port } = yield* httpsServer(tls(pki.server), (_, response) => {
          setTimeout(() => json(response, {}), 5)
        })
        const proxy = yield* scheme === "http" ? connectProxy(port) : socks5Proxy(port)
        const parts = { cluster: { ...ca, "proxy-url": `${scheme}://127.0.0.1:${proxy.port}` } }
        yield* Effect.forEach(Array.from({ length: 100 }), () => KubeClient.request(version), {
          concurrency: "unbounded",
          discard: true
        }).pipe(Effect.provide(clientOf("https://localhost:7443", parts)))
        assert.isAtMost(proxy.count.peak, 32)
        assert.isAtLeast(proxy.count.peak, 2)
        yield* eventually(() => proxy.sockets.size === 0)
      }).pipe(Effect.scoped)
    )
  }

  it.live("a connection on the way to a server or a proxy that says nothing ends with the layer", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* tcpServer((socket) => void socket.resume())
      for (const [server, cluster] of [
        [`https://127.0.0.1:${port}`, ca],
        ["https://api.test", { ...ca, "proxy-url": `http://127.0.0.1:${port}` }]
      ] as const) {
        const fiber = yield* Effect.fork(call(server, { cluster }))
        yield* eventually(() => sockets.size === 1)
        yield* Fiber.interrupt(fiber)
        yield* eventually(() => sockets.size === 0)
      }
    }).pipe(Effect.scoped)
  )

  it.live("the proxy of the kubeconfig goes before HTTPS_PROXY", () =>
    Effect.gen(function* () {
      yield* environment({ HTTPS_PROXY: `http://127.0.0.1:${yield* closedPort}` })
      const { port } = yield* httpsServer(tls(pki.server), hello)
      const proxy = yield* connectProxy(port)
      const parts = { cluster: { ...ca, "proxy-url": `http://127.0.0.1:${proxy.port}` } }
      assert.deepStrictEqual(yield* call("https://localhost:7443", parts), { hello: "world" })
    }).pipe(Effect.scoped)
  )

  it.live("a proxy that is not there, and one that does not want to, are named as such", () =>
    Effect.gen(function* () {
      const gone = { cluster: { ...ca, "proxy-url": `http://127.0.0.1:${yield* closedPort}` } }
      const [reason, message] = yield* failed("https://localhost:7443", gone)
      assert.strictEqual(reason, "Refused")
      assert.match(message ?? "", /proxy/)
      const unwilling = yield* tcpServer((socket) => {
        socket.once("data", () => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"))
      })
      const parts = { cluster: { ...ca, "proxy-url": `http://127.0.0.1:${unwilling.port}` } }
      const [, refusal] = yield* failed("https://localhost:7443", parts)
      assert.match(refusal ?? "", /[pP]roxy/)
    }).pipe(Effect.scoped)
  )
})

describe("connections", () => {
  const slow = (_: IncomingMessage, response: ServerResponse) => {
    setTimeout(() => json(response, {}), 5)
  }

  const many = <E>(count: number, effect: Effect.Effect<unknown, E, KubeClient>) =>
    Effect.forEach(Array.from({ length: count }), () => effect, { concurrency: "unbounded", discard: true })

  it.live("200 calls at once share at most 32, which end with the layer", () =>
    Effect.gen(function* () {
      const { count, port, sockets } = yield* httpsServer(tls(pki.server), slow)
      yield* many(200, KubeClient.request(version)).pipe(
        Effect.zipRight(Effect.sync(() => assert.isAtLeast(sockets.size, 1))),
        Effect.provide(clientOf(`https://127.0.0.1:${port}`))
      )
      assert.isAtMost(count.peak, 32)
      assert.isAtLeast(count.peak, 2)
      yield* eventually(() => sockets.size === 0)
    }).pipe(Effect.scoped)
  )

  it.live("streams do not take them away from calls", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer((request, response) => {
        if (request.url === "/version") return json(response, {})
        response.writeHead(200)
        response.write("\n")
      })
      yield* Effect.gen(function* () {
        yield* Effect.fork(many(40, Stream.runDrain(KubeClient.requestStream(Request.get("/watch")))))
        yield* KubeClient.request(version)
      }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
    }).pipe(Effect.scoped)
  )

  it.live("a call that is interrupted closes its own", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* httpServer(() => {})
      yield* Effect.gen(function* () {
        const fiber = yield* Effect.fork(KubeClient.request(version))
        yield* eventually(() => sockets.size === 1)
        yield* Fiber.interrupt(fiber)
        yield* eventually(() => sockets.size === 0)
      }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
    }).pipe(Effect.scoped)
  )

  it.live("a stream that is interrupted, or of which enough has come, closes its own", () =>
    Effect.gen(function* () {
      const { port, sockets } = yield* httpServer((_, response) => {
        response.writeHead(200)
        response.write("one\n")
      })
      yield* Effect.gen(function* () {
        const stream = KubeClient.requestStream(version)
        const fiber = yield* Effect.fork(Stream.runDrain(stream))
        yield* eventually(() => sockets.size === 1)
        yield* Fiber.interrupt(fiber)
        yield* eventually(() => sockets.size === 0)
        yield* Stream.runDrain(Stream.take(stream, 1))
        yield* eventually(() => sockets.size === 0)
      }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
    }).pipe(Effect.scoped)
  )

  it.live("a call that waits for a free one and is interrupted is never sent", () =>
    Effect.gen(function* () {
      const urls: Array<unknown> = []
      const waiting: Array<ServerResponse> = []
      const { port } = yield* httpServer((request, response) => {
        urls.push(request.url)
        if (waiting.length < 32) waiting.push(response)
        else json(response, {})
      })
      yield* Effect.gen(function* () {
        const holding = yield* Effect.fork(many(32, KubeClient.request(version)))
        yield* eventually(() => waiting.length === 32)
        const queued = yield* Effect.fork(KubeClient.request(Request.get("/queued")))
        yield* Effect.sleep("5 millis")
        yield* Fiber.interrupt(queued)
        for (const response of waiting) json(response, {})
        yield* Fiber.join(holding)
        yield* KubeClient.request(Request.get("/last"))
        assert.strictEqual(urls.at(-1), "/last")
        assert.notInclude(urls, "/queued")
      }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
    }).pipe(Effect.scoped)
  )

  it.live(
    "a stream that nobody pulls holds the server back",
    () =>
      Effect.gen(function* () {
        const total = 256 * 1024 * 1024
        let written = 0
        let ended = false
        const { port } = yield* httpServer((_, response) => {
          response.writeHead(200)
          const chunk = Buffer.alloc(64 * 1024, "x")
          const more = () => {
            while (written < total) {
              written += chunk.length
              if (!response.write(chunk)) return void response.once("drain", more)
            }
            response.end(() => (ended = true))
          }
          more()
        })
        yield* Effect.gen(function* () {
          let pulled = 0
          const gate = yield* Effect.makeLatch(false)
          const fiber = yield* KubeClient.requestStream(version).pipe(
            Stream.runForEach((chunk) =>
              Effect.suspend(() => {
                pulled += chunk.length
                return pulled > 1024 * 1024 ? gate.await : Effect.void
              })
            ),
            Effect.fork
          )
          yield* eventually(() => pulled > 1024 * 1024)
          // The server writes on until every buffer on the way is full; then it stands still.
          let before = -1
          while (before !== written) {
            before = written
            yield* Effect.sleep("100 millis")
          }
          assert.isBelow(written, 64 * 1024 * 1024)
          assert.isFalse(ended)
          yield* gate.open
          yield* Fiber.join(fiber)
          assert.strictEqual(pulled, total)
        }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
      }).pipe(Effect.scoped),
    30_000
  )

  it.live(
    "nothing is left after 1,000 calls, 200 interrupted ones and 200 broken ones",
    () =>
      Effect.gen(function* () {
        const { count, port, sockets } = yield* httpServer((request, response) => {
          if (request.url === "/hang") return
          if (request.url === "/break") return void request.socket.destroy()
          json(response, {})
        })
        yield* Effect.gen(function* () {
          yield* many(1000, KubeClient.request(version))
          const fiber = yield* Effect.fork(many(200, KubeClient.request(Request.get("/hang"))))
          const opened = count.opened
          yield* eventually(() => sockets.size >= 32 || count.opened > opened)
          yield* Fiber.interrupt(fiber)
          yield* many(200, Effect.ignore(KubeClient.request(Request.get("/break"))))
          // The pool still works as a whole.
          yield* many(64, KubeClient.request(version))
          assert.isAtMost(sockets.size, 32)
        }).pipe(Effect.provide(clientOf(`http://127.0.0.1:${port}`, { cluster: {} })))
        assert.isAtMost(count.peak, 64)
        yield* eventually(() => sockets.size === 0)
        const handles = process.getActiveResourcesInfo()
        assert.isBelow(handles.filter((name) => name === "Timeout").length, 20)
      }).pipe(Effect.scoped),
    30_000
  )

  it.live("two clients of two clusters in one program do not share them", () =>
    Effect.gen(function* () {
      const name = (text: string) => (_: IncomingMessage, response: ServerResponse) => json(response, text)
      const one = yield* httpServer(name("one"))
      const two = yield* httpServer(name("two"))
      const ask = (port: number) => call(`http://127.0.0.1:${port}`, { cluster: {} })
      assert.deepStrictEqual(yield* Effect.all([ask(one.port), ask(two.port)], { concurrency: 2 }), ["one", "two"])
    }).pipe(Effect.scoped)
  )
})
