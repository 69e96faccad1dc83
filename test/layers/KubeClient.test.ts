import { assert, describe, it } from "@effect/vitest"
import {
  type Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Metric,
  Option,
  Redacted,
  Schedule,
  Schema,
  Stream,
  TestClock,
  Tracer
} from "effect"
import {
  Auth,
  AuthError,
  ConfigMap,
  CustomResourceDefinition,
  Http,
  KubeClient,
  KubeConfig,
  Node,
  Pod,
  Request,
  isKubeError,
  type KubeError
} from "effect-kubernetes"
import type { HttpRequest } from "effect-kubernetes/layers/Http"
import { answer, config, failure, fake, ok, pathOf, pod, podList, status } from "./fake.js"

const version = Request.get("/version")
const create = Pod.create({ metadata: { name: "web" }, spec: { containers: [{ name: "web", image: "nginx" }] } })

const fiveSeconds = { "content-type": "application/json", "retry-after": "5" }
const tooMany = answer(429, status(429, "TooManyRequests", { message: "busy" }), fiveSeconds)

describe("trying again", () => {
  /** How often the call was sent when it has ended, on a clock that goes as far as needed. */
  const tries = (
    reply: ReturnType<typeof failure> | ReturnType<typeof answer>,
    call: Effect.Effect<unknown, KubeError, KubeClient>
  ) => {
    const { client, sent } = fake(() => reply)
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(call))
      yield* TestClock.adjust("60 seconds")
      const error = yield* Fiber.join(fiber)
      return [sent.length, isKubeError(error) ? error._tag : String(error)] as const
    }).pipe(Effect.provide(client))
  }

  for (const [name, call] of [
    ["a GET", Pod.get("web")],
    ["a POST", create]
  ] as const) {
    it.effect(`${name} that met 429 is sent again when Retry-After is over, and not before`, () => {
      const { client, sent } = fake((_, index) => (index === 0 ? tooMany : ok(pod("web"))))
      return Effect.gen(function* () {
        const fiber = yield* Effect.fork(call)
        yield* TestClock.adjust("4999 millis")
        assert.strictEqual(sent.length, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(sent.length, 2)
        assert.strictEqual((yield* Fiber.join(fiber)).metadata.name, "web")
      }).pipe(Effect.provide(client))
    })
  }

  it.effect("retryAfterSeconds of the Status counts where there is no header", () => {
    const busy = answer(429, status(429, "TooManyRequests", { details: { retryAfterSeconds: 5 } }))
    const { client, sent } = fake((_, index) => (index === 0 ? busy : ok(pod("web"))))
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Pod.get("web"))
      yield* TestClock.adjust("4999 millis")
      assert.strictEqual(sent.length, 1)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(client))
  })

  const unavailable = answer(503, status(503, "ServiceUnavailable"))
  const table: ReadonlyArray<
    readonly [what: string, reply: Parameters<typeof tries>[0], get: number, post: number, tag: string]
  > = [
    ["429", tooMany, 5, 5, "TooManyRequests"],
    ["429 without Retry-After", answer(429, status(429, "TooManyRequests")), 1, 1, "TooManyRequests"],
    ["503", unavailable, 5, 1, "ServiceUnavailable"],
    ["504", answer(504, status(504, "Timeout")), 5, 1, "Timeout"],
    ["a server that asks for another try", answer(500, status(500, "ServerTimeout")), 5, 1, "ServerTimeout"],
    ["a refused connection", failure("Refused"), 5, 5, "TransportError"],
    ["an unknown host", failure("Dns"), 5, 5, "TransportError"],
    ["a connection that broke", failure("Reset"), 5, 1, "TransportError"],
    ["a certificate that is not trusted", failure("Tls"), 1, 1, "TransportError"],
    ["an answer that is no HTTP", failure("Protocol"), 1, 1, "TransportError"],
    ["500", answer(500, status(500, "InternalError")), 1, 1, "InternalError"],
    ["403", answer(403, status(403, "Forbidden")), 1, 1, "Forbidden"],
    ["404", answer(404, status(404, "NotFound")), 1, 1, "NotFound"],
    ["409", answer(409, status(409, "Conflict")), 1, 1, "Conflict"],
    ["a damaged answer", ok("{"), 1, 1, "DecodeError"]
  ]
  for (const [what, reply, get, post, tag] of table) {
    it.effect(`${what}: a GET is sent ${get} times, a POST ${post} times`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* tries(reply, Pod.get("web")), [get, tag])
        assert.deepStrictEqual(yield* tries(reply, create), [post, tag])
      })
    )
  }

  it.effect("the other writes are treated as a POST is", () =>
    Effect.gen(function* () {
      for (const call of [
        Pod.replace({ metadata: { name: "web" } }),
        Pod.delete("web"),
        Pod.label("web", { a: "b" })
      ]) {
        assert.deepStrictEqual(yield* tries(failure("Reset"), call), [1, "TransportError"])
        assert.deepStrictEqual(yield* tries(unavailable, call), [1, "ServiceUnavailable"])
        assert.deepStrictEqual(yield* tries(failure("Refused"), call), [5, "TransportError"])
      }
    })
  )

  it.effect("an eviction that a disruption budget forbids fails at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* tries(tooMany, Pod.evict("web")), [1, "TooManyRequests"])
    })
  )

  it.effect("waits longer from try to try", () => {
    const { client, sent } = fake(() => failure("Refused"))
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(KubeClient.request(version)))
      const at = (millis: number) => Effect.as(TestClock.setTime(millis), sent.length)
      yield* at(0)
      const first = yield* Effect.map(at(159), () => sent.length)
      assert.strictEqual(first, 1)
      yield* at(241)
      assert.strictEqual(sent.length, 2)
      yield* at(0.8 * (200 + 400) - 1)
      assert.strictEqual(sent.length, 2)
      yield* at(1.2 * (200 + 400) + 1)
      assert.strictEqual(sent.length, 3)
      yield* at(1.2 * (200 + 400 + 800 + 1600) + 1)
      yield* Fiber.join(fiber)
      assert.strictEqual(sent.length, 5)
    }).pipe(Effect.provide(client))
  })

  it.effect("a user's Schedule takes the place of the policy, but never makes an unsafe try", () => {
    const { clientWith, sent } = fake((request) => failure(request.method === "GET" ? "Refused" : "Reset"))
    const seen: Array<string> = []
    const retry = Schedule.recurs(2).pipe(
      Schedule.tapInput((error: KubeError) => Effect.sync(() => seen.push(error._tag)))
    )
    return Effect.gen(function* () {
      yield* Effect.flip(Pod.get("web"))
      assert.strictEqual(sent.length, 3)
      assert.deepStrictEqual(new Set(seen), new Set(["TransportError"]))
      yield* Effect.flip(create)
      assert.strictEqual(sent.length, 4)
    }).pipe(Effect.provide(clientWith({ options: { retry } })))
  })

  it.effect("ends when the time limit of the call is over", () => {
    const { client, sent } = fake(() => tooMany)
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(Pod.get("web", { timeout: "12 seconds" })))
      yield* TestClock.adjust("12 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "TimeoutError")
      assert.strictEqual(sent.length, 3)
      // Each try has what is left of the call's time.
      assert.deepStrictEqual(
        sent.map(({ timeout }) => timeout),
        [12_000, 7_000, 2_000]
      )
    }).pipe(Effect.provide(client))
  })

  it.effect("each try asks for the credentials of then", () => {
    let token = 0
    const auth = Layer.succeed(Auth, {
      credentials: Effect.sync(() => ({ authorization: Redacted.make(`Bearer ${++token}`) })),
      reject: () => Effect.void,
      clientCertificate: undefined
    })
    const { clientWith, sent } = fake((_, index) => (index === 0 ? failure("Refused") : ok({})))
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(KubeClient.request(version))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        sent.map(({ headers }) => headers["authorization"]),
        ["Bearer 1", "Bearer 2"]
      )
    }).pipe(Effect.provide(clientWith({ auth })))
  })

  it.effect("begins a stream again, but not one that has begun", () => {
    const broken = Stream.concat(Stream.make(new TextEncoder().encode("a")), Stream.fromEffect(failure("Reset")))
    const { client, sent } = fake((_, index) => (index === 0 ? failure("Refused") : ok("")), broken)
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.exit(Stream.runCollect(KubeClient.requestStream(version))))
      yield* TestClock.adjust("60 seconds")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
      assert.strictEqual(sent.length, 2)
    }).pipe(Effect.provide(client))
  })
})

describe("the time limit", () => {
  const never = fake(() => Effect.never)

  /** The error, when the clock has come to `limit` and not a millisecond before. */
  const endsAt = (limit: Duration.DurationInput, call: Effect.Effect<unknown, KubeError, KubeClient>) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(call))
      yield* TestClock.adjust(Duration.subtract(limit, "1 millis"))
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 millis")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "TimeoutError")
      return error.message
    })

  it.effect("is 65 seconds", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* endsAt("65 seconds", Pod.get("web")),
        "GET /api/v1/namespaces/team/pods/web: no answer within 1m 5s"
      )
    }).pipe(Effect.provide(never.client))
  )

  it.effect("of the client, of the region and of the call: the nearest counts", () =>
    Effect.gen(function* () {
      yield* endsAt("9 seconds", Pod.get("web"))
      yield* endsAt("7 seconds", Pod.get("web").pipe(KubeClient.withTimeout("7 seconds")))
      yield* endsAt("5 seconds", Pod.get("web", { timeout: "5 seconds" }).pipe(KubeClient.withTimeout("7 seconds")))
      yield* endsAt("5 seconds", KubeClient.request(Request.get("/version", { timeout: 5000 })))
      yield* endsAt("5 seconds", Pod.list({ timeout: "5 seconds" }))
      yield* endsAt("5 seconds", create.pipe(KubeClient.withTimeout("5 seconds")))
    }).pipe(Effect.provide(never.clientWith({ options: { timeout: "9 seconds" } })))
  )

  it.effect('"infinity" is none', () => {
    const { clientWith, sent } = fake(() => Effect.never)
    return Effect.gen(function* () {
      const calls = [
        Pod.get("web", { timeout: "infinity" }),
        Pod.get("web").pipe(KubeClient.withTimeout("infinity")),
        KubeClient.request(Request.get("/version", { timeout: "infinity" }))
      ]
      const fiber = yield* Effect.fork(Effect.all(calls, { concurrency: "unbounded" }))
      yield* TestClock.adjust("365 days")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      assert.deepStrictEqual(
        sent.map(({ timeout }) => timeout),
        [undefined, undefined, undefined]
      )
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(clientWith({ options: { timeout: "9 seconds" } })))
  })

  it.effect("of a watch is only about its beginning", () => {
    const { client } = fake(() => ok(""), Stream.never)
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Stream.runDrain(Pod.watch({ resume: false, timeout: "1 second" })))
      yield* TestClock.adjust("1 day")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(client))
  })

  it.effect("of zero is over at once", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(Pod.get("web", { timeout: 0 })))
      yield* TestClock.adjust(0)
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "TimeoutError")
    }).pipe(Effect.provide(never.client))
  )
})

describe("headers", () => {
  it.effect("User-Agent says who calls", () => {
    const { client, clientWith, sent } = fake(() => ok({}))
    return Effect.gen(function* () {
      yield* Effect.provide(KubeClient.request(version), client)
      yield* Effect.provide(KubeClient.request(version), clientWith({ options: { userAgent: "mine/1" } }))
      assert.match(String(sent[0]?.headers["user-agent"]), /^effect-kubernetes\/\d+\.\d+\.\d+\S* node\/\d+\./)
      assert.strictEqual(sent[1]?.headers["user-agent"], "mine/1")
    })
  })
})

/** Collects what is logged at the level of warnings and above. */
const collecting = () => {
  const logged: Array<string> = []
  const layer = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ annotations, logLevel, message }) => {
      const text = Array.isArray(message) ? message.join(" ") : String(message)
      if (logLevel.label === "WARN")
        logged.push(`${text} ${JSON.stringify(Object.fromEntries([...annotations].toSorted()))}`)
    })
  )
  return { logged, layer }
}

describe("warnings of the server", () => {
  const warning = (...texts: ReadonlyArray<string>) => ({ "content-type": "application/json", warning: texts })

  it.effect("are logged once each", () => {
    const { layer, logged } = collecting()
    const replies = [
      warning('299 - "v1 Pod is old"'),
      warning('299 - "v1 Pod is old", 299 kube "say \\"please\\", then go"'),
      warning('299 - "third"', '299 - "v1 Pod is old"'),
      { "content-type": "application/json" },
      warning("garbage")
    ]
    const { client } = fake((_, index) => ok({}, replies[index]))
    return Effect.gen(function* () {
      for (const _ of replies) yield* KubeClient.request(version)
      const at = JSON.stringify({ method: "GET", path: "/version" })
      assert.deepStrictEqual(logged, [
        `the API server warns: v1 Pod is old ${at}`,
        `the API server warns: say "please", then go ${at}`,
        `the API server warns: third ${at}`
      ])
    }).pipe(Effect.provide(Layer.merge(client, layer)))
  })

  it.effect("are UTF-8, and empty ones say nothing", () => {
    const { layer, logged } = collecting()
    // As a socket hands it over: a character for each byte.
    const text = Buffer.from('unknown field "spéc€"').toString("latin1").replaceAll('"', '\\"')
    const { client } = fake(() => ok({}, warning(`299 - "${text}", 299 - ""`)))
    return Effect.gen(function* () {
      yield* KubeClient.request(version)
      assert.deepStrictEqual(
        logged.map((line) => line.slice(0, line.indexOf(" {"))),
        ['the API server warns: unknown field "spéc€"']
      )
    }).pipe(Effect.provide(Layer.merge(client, layer)))
  })

  it.effect("are logged for failed calls, too", () => {
    const { layer, logged } = collecting()
    const { client } = fake(() => answer(422, status(422, "Invalid"), warning('299 - "unknown field"')))
    return Effect.gen(function* () {
      yield* Effect.flip(create)
      assert.strictEqual(logged.length, 1)
    }).pipe(Effect.provide(Layer.merge(client, layer)))
  })
})

interface Seen {
  readonly name: string
  readonly kind: string
  readonly parent: string | undefined
  readonly attributes: Map<string, unknown>
  exit: string | undefined
}

const tracing = () => {
  const spans: Array<Seen> = []
  const tracer = Tracer.make({
    span(name, parent, context, links, startTime, kind, options) {
      const seen: Seen = {
        name,
        kind,
        parent: Option.getOrUndefined(Option.map(parent, (span) => ("name" in span ? span.name : span.spanId))),
        attributes: new Map(Object.entries(options?.attributes ?? {})),
        exit: undefined
      }
      spans.push(seen)
      return {
        _tag: "Span",
        name,
        spanId: String(spans.length),
        traceId: "1",
        parent,
        context,
        status: { _tag: "Started", startTime },
        attributes: seen.attributes,
        links,
        sampled: true,
        kind,
        end: (_, exit) => {
          seen.exit = exit._tag
        },
        attribute: (name, value) => seen.attributes.set(name, value),
        event: () => {},
        addLinks: () => {}
      }
    },
    context: (f) => f()
  })
  return { spans, layer: Layer.setTracer(tracer) }
}

describe("spans", () => {
  it.effect("there is one a call, with the attributes of OpenTelemetry, inside that of the caller", () => {
    const { layer, spans } = tracing()
    const { clientWith } = fake(() => ok(pod("web")))
    const auth = Auth.layerToken(Effect.succeed(Redacted.make("top-secret")))
    return Effect.gen(function* () {
      yield* Effect.withSpan(Pod.get("web", { namespace: "prod" }), "caller")
      const [caller, span, ...more] = spans
      assert.deepStrictEqual(more, [])
      assert.strictEqual(caller?.name, "caller")
      assert.deepStrictEqual(
        { ...span, attributes: Object.fromEntries(span?.attributes ?? []) },
        {
          name: "get pods",
          kind: "client",
          parent: "caller",
          exit: "Success",
          attributes: {
            "server.address": "kube.test",
            "server.port": 6443,
            "url.scheme": "https",
            "http.request.method": "GET",
            "url.full": "https://kube.test:6443/api/v1/namespaces/prod/pods/web",
            "url.path": "/api/v1/namespaces/prod/pods/web",
            "k8s.verb": "get",
            "k8s.resource": "pods",
            "k8s.namespace.name": "prod",
            "k8s.pod.name": "web",
            "http.response.status_code": 200
          }
        }
      )
      assert.notInclude(JSON.stringify([...(span?.attributes ?? [])]), "top-secret")
    }).pipe(Effect.provide(Layer.merge(clientWith({ auth }), layer)))
  })

  it.effect("the URL holds what was asked for, and no word of a command", () => {
    const { layer, spans } = tracing()
    const { client } = fake(() => ok({}))
    const query = { labelSelector: "a=b", command: "--password=secret" }
    return Effect.gen(function* () {
      yield* KubeClient.request(Request.get("/x", { query }))
      assert.strictEqual(
        spans[0]?.attributes.get("url.full"),
        "https://kube.test:6443/x?labelSelector=a%3Db&command=REDACTED"
      )
    }).pipe(Effect.provide(Layer.merge(client, layer)))
  })

  it.effect("a failure tells its type and status", () => {
    const { layer, spans } = tracing()
    const replies = [answer(404, status(404, "NotFound")), failure("Tls"), ok("{")]
    const { client } = fake((_, index) => replies[index] ?? failure("Unknown"))
    return Effect.gen(function* () {
      yield* Effect.flip(Pod.get("web"))
      yield* Effect.flip(KubeClient.request(version))
      assert.deepStrictEqual(
        spans.map(({ attributes, exit, name }) => [
          name,
          exit,
          attributes.get("error.type"),
          attributes.get("http.response.status_code")
        ]),
        [
          ["get pods", "Failure", "NotFound", 404],
          ["GET", "Failure", "TransportError", undefined]
        ]
      )
    }).pipe(Effect.provide(Layer.merge(client, layer)))
  })

  it.effect("a call that is tried again is one span", () => {
    const { layer, spans } = tracing()
    const { client } = fake((_, index) => (index === 0 ? tooMany : ok(pod("web"))))
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(Pod.get("web"))
      yield* TestClock.adjust("6 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        spans.map(({ attributes, name }) => [name, attributes.get("http.response.status_code")]),
        [["get pods", 200]]
      )
    }).pipe(Effect.provide(Layer.merge(client, layer)))
  })
})

describe("metrics", () => {
  /** The metrics about one kind, by name and by the value of the label that tells answers apart. */
  const about = (resource: string) =>
    Effect.map(Metric.snapshot, (pairs) =>
      pairs.flatMap(({ metricKey: { name, tags }, metricState }) => {
        const labels = Object.fromEntries(tags.map(({ key, value }) => [key, value]))
        if (labels["k8s.resource"] !== resource) return []
        const count = "count" in metricState ? Number(metricState.count) : undefined
        return [
          `${name} ${labels["k8s.verb"]} ${labels["http.response.status_code"] ?? labels["error.type"] ?? ""} ${count}`
        ]
      })
    )

  it.effect("count answers, failures and further tries", () => {
    const replies = [ok({ apiVersion: "v1", kind: "ConfigMap", metadata: {} }), answer(404, status(404, "NotFound"))]
    const { client } = fake((_, index) => replies[index] ?? failure("Refused"))
    return Effect.gen(function* () {
      yield* ConfigMap.get("a").pipe(Effect.ignore)
      yield* Effect.flip(ConfigMap.get("a"))
      const fiber = yield* Effect.fork(Effect.flip(ConfigMap.list()))
      yield* TestClock.adjust("30 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual((yield* about("configmaps")).toSorted(), [
        "http.client.request.duration get 200 1",
        "http.client.request.duration get 404 1",
        "kubernetes.client.failures get NotFound 1",
        "kubernetes.client.failures list TransportError 1",
        "kubernetes.client.retries list  4"
      ])
    }).pipe(Effect.provide(client))
  })

  it.effect("tell the servers apart", () => {
    const { client } = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      yield* Pod.getOption("web")
      const servers = (yield* Metric.snapshot).flatMap(({ metricKey: { name, tags } }) => {
        const labels = Object.fromEntries(tags.map(({ key, value }) => [key, value]))
        return name === "http.client.request.duration" ? [`${labels["server.address"]} ${labels["server.port"]}`] : []
      })
      assert.include(servers, "kube.test 6443")
      assert.notInclude(servers, "undefined undefined")
    }).pipe(Effect.provide(client))
  })

  it.effect("count calls that had no credentials as failed", () => {
    const auth = Layer.succeed(Auth, {
      credentials: Effect.fail(new AuthError({ message: "none" })),
      reject: () => Effect.void,
      clientCertificate: undefined
    })
    const { clientWith } = fake(() => ok({}))
    return Effect.gen(function* () {
      yield* Effect.flip(Node.get("a"))
      assert.deepStrictEqual(yield* about("nodes"), ["kubernetes.client.failures get AuthError 1"])
    }).pipe(Effect.provide(clientWith({ auth })))
  })
})

describe("what the server reports", () => {
  const at = "/api/v1/namespaces/team/pods/web"
  const get = (reply: ReturnType<typeof answer>) =>
    Effect.flip(Pod.get("web", { timeout: "infinity" })).pipe(
      Effect.provide(fake(() => reply).clientWith({ options: { retry: Schedule.recurs(0) } }))
    )

  const reasons: ReadonlyArray<readonly [reason: string, code: number]> = [
    ["BadRequest", 400],
    ["Unauthorized", 401],
    ["Forbidden", 403],
    ["NotFound", 404],
    ["MethodNotAllowed", 405],
    ["NotAcceptable", 406],
    ["AlreadyExists", 409],
    ["Conflict", 409],
    ["Gone", 410],
    ["Expired", 410],
    ["RequestEntityTooLarge", 413],
    ["UnsupportedMediaType", 415],
    ["Invalid", 422],
    ["TooManyRequests", 429],
    ["InternalError", 500],
    ["ServerTimeout", 500],
    ["StoreReadError", 500],
    ["ServiceUnavailable", 503],
    ["Timeout", 504]
  ]
  for (const [reason, code] of reasons) {
    it.effect(`the reason ${reason} is the tag ${reason}`, () =>
      Effect.gen(function* () {
        const sent = status(code, reason, { message: `about ${reason}`, details: { name: "web" } })
        const error = yield* get(answer(code, sent))
        assert.strictEqual(error._tag, reason)
        assert.isTrue(isKubeError(error))
        assert.include(error.message, `about ${reason}`)
        if (!("status" in error)) return assert.fail("no error of the API")
        const { kind, method, name, namespace, objectName, path, verb } = error
        assert.deepStrictEqual<unknown>(
          [error.code, error.status, method, path, verb, kind, namespace, objectName, name],
          // The last is the error's own name.
          [code, sent, "GET", at, "get", "Pod", "team", "web", reason]
        )
      })
    )
  }

  const codes: ReadonlyArray<readonly [code: number, tag: string]> = [
    [400, "BadRequest"],
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [405, "MethodNotAllowed"],
    [406, "NotAcceptable"],
    [409, "Conflict"],
    [410, "Gone"],
    [413, "RequestEntityTooLarge"],
    [415, "UnsupportedMediaType"],
    [422, "Invalid"],
    [429, "TooManyRequests"],
    [500, "InternalError"],
    [503, "ServiceUnavailable"],
    [504, "Timeout"],
    [418, "UnexpectedStatus"],
    [502, "UnexpectedStatus"]
  ]
  it.effect("a Status without a reason, or with one that is not known, is what its code says", () =>
    Effect.gen(function* () {
      for (const [code, tag] of codes) {
        const bare = yield* get(answer(code, status(code)))
        assert.strictEqual(bare._tag, tag)
        if (code !== 401) assert.strictEqual(bare.message, `GET ${at}: ${tag} (HTTP ${code})`)
        assert.strictEqual((yield* get(answer(code, status(code, "toString"))))._tag, tag)
      }
    })
  )

  const texts: ReadonlyArray<readonly [name: string, reply: ReturnType<typeof answer>, tag: string, message: string]> =
    [
      [
        "a proxy's HTML",
        answer(
          502,
          "<html><head><style>p{}</style><title>502 Bad Gateway</title></head>\n<body><h1>502</h1>nginx</body></html>",
          { "content-type": "text/html; charset=utf-8" }
        ),
        "UnexpectedStatus",
        'the server answered HTTP 502 with text/html: "502 Bad Gateway 502 nginx"'
      ],
      ["nothing", answer(500, "", {}), "InternalError", "the server answered HTTP 500 and nothing else"],
      [
        "plain text",
        answer(404, "404 page not found\n", { "content-type": "text/plain; charset=utf-8" }),
        "NotFound",
        'the server answered HTTP 404 with text/plain: "404 page not found"'
      ],
      [
        "a text without a type",
        answer(403, "no", {}),
        "Forbidden",
        'the server answered HTTP 403 with no content type: "no"'
      ],
      [
        "a long text",
        answer(500, "x".repeat(1000), { "content-type": "text/plain" }),
        "InternalError",
        `the server answered HTTP 500 with text/plain: "${"x".repeat(119)}…"`
      ],
      [
        "a redirect",
        answer(302, "", { location: "https://login.test/" }),
        "UnexpectedStatus",
        "the server redirects to https://login.test/ (HTTP 302); is its URL right?"
      ],
      [
        "JSON that is no Status",
        answer(500, { error: "no" }),
        "InternalError",
        'the server answered HTTP 500 with application/json: "{\\"error\\":\\"no\\"}"'
      ]
    ]
  for (const [name, reply, tag, message] of texts) {
    it.effect(`${name} instead of a Status`, () =>
      Effect.gen(function* () {
        const error = yield* get(reply)
        assert.strictEqual(error._tag, tag)
        assert.strictEqual(error.message, message)
      })
    )
  }

  it.effect("the delay that the server asks for is in the error", () =>
    Effect.gen(function* () {
      const error = yield* get(tooMany)
      assert.deepStrictEqual("retryAfter" in error ? error.retryAfter : undefined, Duration.seconds(5))
    })
  )

  it.effect("getOption and exists take only a missing object for an absence", () =>
    Effect.gen(function* () {
      const missing = fake(() => answer(404, status(404, "NotFound"))).client
      assert.deepStrictEqual(yield* Effect.provide(Pod.getOption("web"), missing), Option.none())
      assert.isFalse(yield* Effect.provide(Pod.exists("web"), missing))
      for (const reply of [
        answer(404, "404 page not found", { "content-type": "text/plain" }),
        answer(403, status(403, "Forbidden")),
        answer(500, status(500, "InternalError"))
      ]) {
        const { client } = fake(() => reply)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.provide(Pod.getOption("web"), client))))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.provide(Pod.exists("web"), client))))
      }
    })
  )
})

describe("a 200 that is not what was asked for", () => {
  const at = "/api/v1/namespaces/team/pods"
  const fails = (call: Effect.Effect<unknown, KubeError, KubeClient>, reply: ReturnType<typeof answer>) =>
    Effect.flip(call).pipe(
      Effect.map((error) => `${error._tag}: ${error.message}`),
      Effect.provide(fake(() => reply).client)
    )

  const answers: ReadonlyArray<readonly [name: string, reply: ReturnType<typeof answer>, problem: string]> = [
    ["truncated JSON", ok('{"kind":"Pod"'), "the JSON ends early or is damaged, after 13 characters"],
    [
      "truncated JSON that says it is a text, which may be a secret's",
      ok('{"data":{"password":"czNjcjN0', { "content-type": "text/plain" }),
      "the JSON ends early or is damaged, after 29 characters"
    ],
    [
      "HTML",
      ok("<html>\n<p>Please sign in</p></html>", { "content-type": "text/html" }),
      'expected JSON, got text/html: "<html> <p>Please sign in</p></html>"'
    ],
    ["a Service", ok({ kind: "Service", apiVersion: "v1" }), "expected a Pod of v1, got a Service of v1"],
    ["a Pod of another version", ok({ kind: "Pod", apiVersion: "v2" }), "expected a Pod of v1, got a Pod of v2"],
    ["a Status", ok(status(200)), "expected a Pod of v1, got a Status of v1"],
    ["a list of pods", ok(podList([pod("web")])), "expected a Pod of v1, got a PodList of v1"],
    ["an object without a kind", ok({}), "expected a Pod of v1, got an object without a kind"],
    ["a bare list", ok([]), "expected a Pod, got an array"],
    ["a string", ok('"pod"'), "expected a Pod, got a string"],
    ["a number", ok("5"), "expected a Pod, got a number"],
    ["null", ok("null"), "expected a Pod, got null"]
  ]
  for (const [name, reply, problem] of answers) {
    it.effect(`${name} for a Pod`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* fails(Pod.get("web"), reply), `DecodeError: ${problem} (GET ${at}/web)`)
      })
    )
  }

  it.effect("a Pod without what the server always sends", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* fails(Pod.get("web"), ok({ ...pod("web"), status: undefined })),
        `DecodeError: status: expected object, got nothing (GET ${at}/web)`
      )
    })
  )

  it.effect("a list with one bad item says which, and where in it", () =>
    Effect.gen(function* () {
      const bad = pod("bad", {
        spec: { containers: [{ name: "web", resources: {}, ports: [{ containerPort: "80" }] }] }
      })
      assert.strictEqual(
        yield* fails(Pod.list(), ok(podList([pod("a"), pod("b"), pod("c"), bad]))),
        `DecodeError: items[3].spec.containers[0].ports[0].containerPort: expected number, got "80" (GET ${at})`
      )
      assert.strictEqual(
        yield* fails(Pod.list(), ok(podList([pod("a"), { kind: "Service", apiVersion: "v1" }]))),
        `DecodeError: items[1]: expected a Pod of v1, got a Service of v1 (GET ${at})`
      )
    })
  )

  it.effect("a JSON Schema of 20,000 levels is an error, and no defect", () =>
    Effect.gen(function* () {
      const levels = 20_000
      const text = `${'{"items":'.repeat(levels)}{}${"}".repeat(levels)}`
      const { metadata } = pod("web")
      const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: "deep" } }]
      const spec = { group: "g", names: { kind: "K", plural: "ks" }, scope: "Cluster", versions }
      const whole = {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata,
        spec,
        status: {}
      }
      assert.match(
        yield* fails(CustomResourceDefinition.get("x"), ok(JSON.stringify(whole).replace('"deep"', text))),
        /^DecodeError: nested too deeply to be read \(GET /
      )
    })
  )

  for (const [name, reply] of [
    ["a Status", ok(status(200))],
    ["a Pod", ok(pod("web"))],
    ["null", ok("null")],
    ["items that are none", ok({ kind: "PodList", apiVersion: "v1", metadata: {}, items: {} })],
    ["metadata that is none", ok({ kind: "PodList", apiVersion: "v1", metadata: 5, items: [] })]
  ] as const) {
    it.effect(`${name} for a list of pods is an error, and not an empty list`, () =>
      Effect.gen(function* () {
        assert.match(yield* fails(Pod.list(), reply), /^DecodeError: .*expected .*, got /)
      })
    )
  }

  it.effect("null for an empty list is an empty list, as Go means it", () =>
    Effect.gen(function* () {
      const { client } = fake(() =>
        ok({ kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: null })
      )
      assert.deepStrictEqual(yield* Effect.provide(Pod.list(), client), { items: [], resourceVersion: "1" })
    })
  )

  it.effect("a schema of the caller says where the answer differs", () =>
    Effect.gen(function* () {
      const Version = Schema.Struct({ major: Schema.String, minor: Schema.NumberFromString })
      const call = KubeClient.request(version, Version)
      const { client } = fake(() => ok({ major: "1", minor: "35" }))
      assert.deepStrictEqual(yield* Effect.provide(call, client), { major: "1", minor: 35 })
      assert.match(yield* fails(call, ok({ major: "1", minor: "x" })), /^DecodeError: minor: .*\(GET \/version\)$/)
    })
  )

  it.effect("a body that cannot be written as JSON is not sent", () =>
    Effect.gen(function* () {
      const { client, sent } = fake(() => ok({}))
      const error = yield* Effect.flip(Effect.provide(KubeClient.request(Request.post("/x", { a: 1n })), client))
      assert.strictEqual(error._tag, "InvalidRequest")
      assert.strictEqual(sent.length, 0)
    })
  )
})

describe("discovery", () => {
  const aggregated = (name: string, resource: string) => ({
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    items: [
      {
        metadata: { name },
        versions: [
          {
            version: "v1",
            resources: [
              {
                resource,
                responseKind: { kind: "Thing" },
                scope: "Namespaced",
                singularResource: "thing",
                verbs: ["get"],
                shortNames: ["th"],
                subresources: [{ subresource: "status", verbs: ["get", "patch"] }]
              }
            ]
          }
        ]
      }
    ]
  })
  const reply = (request: HttpRequest) =>
    request.target === "/api" ? ok(aggregated("", "pods")) : ok(aggregated("example.com", "things"))

  it.effect("asks twice, once for all, and keeps the answer until it is told to forget it", () => {
    const { client, sent } = fake(reply)
    return Effect.gen(function* () {
      const lists = yield* Effect.all(
        Array.from({ length: 20 }, () => KubeClient.apiResources),
        {
          concurrency: "unbounded"
        }
      )
      assert.deepStrictEqual(sent.map((wire) => wire.target).toSorted(), ["/api", "/apis"])
      assert.deepStrictEqual(lists[19]?.[1], {
        group: "example.com",
        version: "v1",
        apiVersion: "example.com/v1",
        kind: "Thing",
        plural: "things",
        singular: "thing",
        shortNames: ["th"],
        categories: [],
        scope: "Namespaced",
        verbs: ["get"],
        subresources: { status: ["get", "patch"] }
      })
      const client = yield* KubeClient
      yield* client.invalidateApiResources
      yield* KubeClient.apiResources
      assert.strictEqual(sent.length, 4)
    }).pipe(Effect.provide(client))
  })

  it.effect("reads the older form: a request a group version; one that is down does not hide the others", () => {
    const lists: { readonly [target: string]: ReturnType<typeof answer> } = {
      "/api": ok({ kind: "APIVersions", versions: ["v1"] }),
      "/apis": ok({
        kind: "APIGroupList",
        groups: [{ versions: [{ groupVersion: "apps/v1" }] }, { versions: [{ groupVersion: "down/v1" }] }]
      }),
      "/api/v1": ok({
        groupVersion: "v1",
        resources: [
          { name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs: ["get"] },
          { name: "pods/log", singularName: "", namespaced: true, kind: "Pod", verbs: ["get"] }
        ]
      }),
      "/apis/apps/v1": ok({ groupVersion: "apps/v1", resources: [] })
    }
    const { client } = fake((request) => lists[pathOf(request)] ?? answer(503, status(503, "ServiceUnavailable")))
    const { layer } = collecting()
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(KubeClient.apiResources)
      yield* TestClock.adjust("30 seconds")
      const resources = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        resources.map(({ plural, subresources }) => [plural, subresources]),
        [["pods", { log: ["get"] }]]
      )
    }).pipe(Effect.provide(Layer.merge(client, layer)))
  })

  it.effect("a failure is not kept", () => {
    let broken = true
    const { client } = fake((request) => (broken ? answer(403, status(403, "Forbidden")) : reply(request)))
    return Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(KubeClient.apiResources))._tag, "Forbidden")
      broken = false
      assert.strictEqual((yield* KubeClient.apiResources).length, 2)
    }).pipe(Effect.provide(client))
  })

  it.effect("nor is an interruption", () => {
    let hangs = true
    const { client, sent } = fake((request) => (hangs ? Effect.never : reply(request)))
    return Effect.gen(function* () {
      const fiber = yield* Effect.fork(KubeClient.apiResources)
      while (sent.length < 2) yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      hangs = false
      const exit = yield* Effect.exit(KubeClient.apiResources)
      assert.isTrue(Exit.isSuccess(exit))
    }).pipe(Effect.provide(client))
  })
})

describe("a user puts one layer in the place of ours", () => {
  it.effect("KubeConfig", () => {
    const { clientWith, sent } = fake(() => ok({}))
    const mine = {
      ...config,
      context: "mine",
      namespace: "mine",
      cluster: { ...config.cluster, server: "http://mine" }
    }
    return Effect.gen(function* () {
      const client = yield* KubeClient
      assert.deepStrictEqual([client.server, client.context, client.namespace], ["http://mine", "mine", "mine"])
      yield* Effect.ignore(Pod.get("web"))
      assert.strictEqual(pathOf(sent[0]), "/api/v1/namespaces/mine/pods/web")
    }).pipe(Effect.provide(clientWith({ config: mine })))
  })

  it.effect("Auth", () => {
    const { clientWith, sent } = fake(() => ok({}))
    const auth = Layer.succeed(Auth, {
      credentials: Effect.succeed({ "x-api-key": Redacted.make("k") }),
      reject: () => Effect.void,
      clientCertificate: undefined
    })
    return Effect.gen(function* () {
      yield* KubeClient.request(version)
      assert.strictEqual(sent[0]?.headers["x-api-key"], "k")
    }).pipe(Effect.provide(clientWith({ auth })))
  })

  it.effect("Http", () =>
    Effect.gen(function* () {
      const http = Layer.succeed(Http, {
        request: (request) => Effect.succeed({ status: 200, headers: {}, text: JSON.stringify(request.target) }),
        stream: () => Effect.die("not asked for")
      })
      const client = KubeClient.layer.pipe(Layer.provide([http, Auth.layerAnonymous, KubeConfig.layerValue(config)]))
      assert.strictEqual(yield* Effect.provide(KubeClient.request(version), client), "/version")
    })
  )

  it.effect("KubeClient", () =>
    Effect.gen(function* () {
      const client = Layer.succeed(KubeClient, {
        server: "memory",
        context: undefined,
        namespace: "memory",
        timeout: "infinity",
        json: (request) => Effect.succeed(pod(request.path)),
        text: () => Effect.succeed(""),
        stream: () => Stream.empty,
        exchange: () => Effect.die("not asked for"),
        webSocket: () => Effect.die("not asked for"),
        apiResources: Effect.succeed([]),
        invalidateApiResources: Effect.void
      } satisfies Context.Tag.Service<KubeClient>)
      const found = yield* Effect.provide(Pod.get("web"), client)
      assert.strictEqual(found.metadata.name, "/api/v1/namespaces/memory/pods/web")
    })
  )
})
