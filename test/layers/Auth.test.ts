import { FileSystem } from "@effect/platform"
import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Context,
  Deferred,
  Effect,
  Exit,
  FastCheck as fc,
  Fiber,
  Layer,
  Logger,
  Option,
  Redacted,
  TestClock,
  Tracer
} from "effect"
import { Auth, AuthError, KubeClient, KubeConfig, Pod, Request } from "effect-kubernetes"
import { impersonationHeaders } from "effect-kubernetes/layers/Auth"
import type { User } from "effect-kubernetes/layers/KubeConfig"
import { inspect } from "node:util"
import { answer, config, failure, fake, ok, pod, status } from "./fake.js"

const ofUser = (user: Partial<User>) => ({ ...config, user: { ...config.user, name: "jane", ...user } })

const noFiles = FileSystem.layerNoop({})

const layer = (user: Partial<User>, files: Layer.Layer<FileSystem.FileSystem> = noFiles) =>
  Auth.layer.pipe(Layer.provide([KubeConfig.layerValue(ofUser(user)), files]))

const headers = Effect.flatMap(Auth, (auth) => Effect.map(auth.credentials, plain))

const plain = (credentials: { readonly [name: string]: Redacted.Redacted }) =>
  Object.fromEntries(Object.entries(credentials).map(([name, value]) => [name, Redacted.value(value)]))

const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`

describe("the credentials of a kubeconfig's user", () => {
  const cases: ReadonlyArray<readonly [name: string, user: Partial<User>, headers: Record<string, string>]> = [
    ["a token", { token: Redacted.make("t1") }, { authorization: "Bearer t1" }],
    ["a token with a newline after it", { token: Redacted.make("t1\n") }, { authorization: "Bearer t1" }],
    [
      "a name and a password",
      { username: "jané", password: Redacted.make("p:w") },
      { authorization: basic("jané:p:w") }
    ],
    ["a name without a password", { username: "jane" }, { authorization: basic("jane:") }],
    [
      "a token goes before a password",
      { token: Redacted.make("t1"), username: "jane", password: Redacted.make("pw") },
      { authorization: "Bearer t1" }
    ],
    ["nothing", {}, {}]
  ]
  for (const [name, user, expected] of cases) {
    it.effect(`${name}`, () =>
      Effect.gen(function* () {
        const auth = yield* Auth
        assert.deepStrictEqual(plain(yield* auth.credentials), expected)
        assert.strictEqual(auth.clientCertificate, undefined)
      }).pipe(Effect.provide(layer(user)))
    )
  }

  it.effect("a client certificate, which needs no header", () =>
    Effect.gen(function* () {
      const auth = yield* Auth
      assert.deepStrictEqual(yield* auth.credentials, {})
      assert.strictEqual(auth.clientCertificate?.certificate, "cert")
      assert.deepStrictEqual(auth.clientCertificate?.key, Redacted.make("key"))
    }).pipe(Effect.provide(layer({ clientCertificate: "cert", clientKey: Redacted.make("key") })))
  )

  it.effect("a client certificate and a token, both", () =>
    Effect.gen(function* () {
      const auth = yield* Auth
      assert.deepStrictEqual(plain(yield* auth.credentials), { authorization: "Bearer t" })
      assert.strictEqual(auth.clientCertificate?.certificate, "cert")
    }).pipe(
      Effect.provide(layer({ clientCertificate: "cert", clientKey: Redacted.make("key"), token: Redacted.make("t") }))
    )
  )

  for (const way of ["exec", "auth-provider"]) {
    it.effect(`${way} fails, instead of going on without credentials`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.provide(Auth, layer({ unsupported: [way] })))
        assert.instanceOf(error, AuthError)
        assert.strictEqual(
          error.message,
          `user "jane" authenticates by "${way}", which this version does not support; give it a token, a tokenFile or a client certificate, or provide an Auth layer of your own (Auth.layerToken)`
        )
      })
    )
  }

  it.effect("a token next to an unsupported way is used", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer t" })
    }).pipe(Effect.provide(layer({ unsupported: ["exec"], token: Redacted.make("t") })))
  )
})

describe("a token file", () => {
  /** A token file whose text can be changed, and which counts how often it is read. */
  const file = (text: string, token?: Redacted.Redacted) => {
    const state: { text: string | undefined; reads: number } = { text, reads: 0 }
    const files = FileSystem.layerNoop({
      readFileString: (path) =>
        Effect.suspend(() => {
          state.reads++
          return path === "/token" && state.text !== undefined
            ? Effect.succeed(state.text)
            : Effect.fail(
                new SystemError({
                  reason: "NotFound",
                  module: "FileSystem",
                  method: "readFile",
                  pathOrDescriptor: path
                })
              )
        }).pipe(Effect.tap(Effect.yieldNow()))
    })
    return { state, auth: layer({ tokenFile: "/token", ...(token === undefined ? {} : { token }) }, files) }
  }

  it.effect("goes before the token beside it, and is read again after a minute", () => {
    const { auth, state } = file("one\n", Redacted.make("ignored"))
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer one" })
      state.text = "two"
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer one" })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer two" })
      assert.strictEqual(state.reads, 2)
    }).pipe(Effect.provide(auth))
  })

  it.effect("is read once for many who ask at the same time", () => {
    const { auth, state } = file("one")
    return Effect.gen(function* () {
      const all = yield* Effect.all(
        Array.from({ length: 100 }, () => headers),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(new Set(all.map((credentials) => credentials["authorization"])), new Set(["Bearer one"]))
      assert.strictEqual(state.reads, 1)
    }).pipe(Effect.provide(auth))
  })

  it.effect("is not stuck when the first who asked is interrupted", () => {
    const { auth } = file("one")
    return Effect.gen(function* () {
      const first = yield* Effect.fork(headers)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer one" })
    }).pipe(Effect.provide(auth))
  })

  it.effect("fails where it is empty or not there, and recovers when it is there again", () => {
    const { auth, state } = file(" \n")
    return Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(headers)).message, "the token file /token is empty")
      state.text = undefined
      const error = yield* Effect.flip(headers)
      assert.instanceOf(error, AuthError)
      assert.strictEqual(error.message, "the token file /token cannot be read")
      state.text = "back"
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer back" })
    }).pipe(Effect.provide(auth))
  })

  it.effect("that cannot be read any more leaves the last token in use, until the server refuses it", () => {
    const { auth, state } = file("one")
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer one" })
      for (const broken of [undefined, " "]) {
        state.text = broken
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* headers, { authorization: "Bearer one" })
      }
      state.text = "two"
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer two" })
      state.text = undefined
      const { credentials, reject } = yield* Auth
      yield* reject(yield* credentials)
      assert.strictEqual((yield* Effect.flip(headers)).message, "the token file /token cannot be read")
    }).pipe(Effect.provide(auth))
  })

  it.effect("that is not there yet leaves it to the token beside it", () => {
    const { auth, state } = file("", Redacted.make("beside"))
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer beside" })
      state.text = "one"
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* headers, { authorization: "Bearer one" })
    }).pipe(Effect.provide(auth))
  })

  it.effect("is read again at once after a 401, and the call succeeds", () => {
    const { auth, state } = file("old")
    const server = fake((request) =>
      request.headers["authorization"] === "Bearer new" ? ok(pod("web")) : answer(401, status(401, "Unauthorized"))
    )
    return Effect.gen(function* () {
      state.text = "old"
      yield* Effect.flip(Pod.get("web"))
      state.text = "new"
      const found = yield* Pod.get("web")
      assert.strictEqual(found.metadata.name, "web")
    }).pipe(Effect.provide(server.clientWith({ auth })))
  })
})

describe("credentials that the server refuses", () => {
  const server = (accepted: string) =>
    fake((request) =>
      Effect.zipRight(
        Effect.yieldNow(),
        request.headers["authorization"] === `Bearer ${accepted}`
          ? ok(pod("web"))
          : answer(401, status(401, "Unauthorized", { message: "Unauthorized" }))
      )
    )

  it.effect("layerToken makes one new token for many calls that were refused", () => {
    let made = 0
    const { clientWith, sent } = server("token-2")
    const auth = Auth.layerToken(
      Effect.sync(() => Redacted.make(`token-${++made}`)).pipe(Effect.tap(Effect.yieldNow()))
    )
    return Effect.gen(function* () {
      const pods = yield* Effect.all(
        Array.from({ length: 50 }, () => Pod.get("web")),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(pods.length, 50)
      assert.strictEqual(made, 2)
      assert.strictEqual(sent.length, 100)
    }).pipe(Effect.provide(clientWith({ auth })))
  })

  it.effect("a second refusal is the end of it", () => {
    let made = 0
    const { clientWith, sent } = server("another")
    const auth = Auth.layerToken(Effect.sync(() => Redacted.make(`token-${++made}`)))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Pod.get("web"))
      assert.strictEqual(error._tag, "Unauthorized")
      assert.strictEqual(error.message, "the API server does not accept these credentials: Unauthorized")
      assert.strictEqual(sent.length, 2)
    }).pipe(Effect.provide(clientWith({ auth })))
  })

  it.effect("credentials of which there are no others are not sent twice", () => {
    const { clientWith, sent } = server("another")
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Pod.get("web"))
      assert.strictEqual(error._tag, "Unauthorized")
      assert.strictEqual(sent.length, 1)
    }).pipe(Effect.provide(clientWith({ auth: layer({ token: Redacted.make("t") }) })))
  })

  it.effect("a token that cannot be had is an AuthError of the call", () => {
    const { clientWith, sent } = server("another")
    const auth = Auth.layerToken(Effect.fail(new AuthError({ message: "the vault is closed" })))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Pod.get("web"))
      assert.strictEqual(error._tag, "AuthError")
      assert.strictEqual(error.message, "the vault is closed")
      assert.strictEqual(sent.length, 0)
    }).pipe(Effect.provide(clientWith({ auth })))
  })

  it.effect("layerToken passes its own needs on", () =>
    Effect.gen(function* () {
      class Vault extends Context.Tag("test/Vault")<Vault, string>() {}
      const auth = Auth.layerToken(Effect.map(Vault, Redacted.make)).pipe(Layer.provide(Layer.succeed(Vault, "v")))
      assert.deepStrictEqual(yield* Effect.provide(headers, auth), { authorization: "Bearer v" })
    })
  )
})

describe("impersonation", () => {
  const jane = {
    user: "jane",
    uid: "1",
    groups: ["dev", "ops"],
    extra: { scopes: ["view", "edit"], "example.com/Team": ["a"] }
  }

  it("has a header for each part; keys are escaped", () => {
    assert.deepStrictEqual(impersonationHeaders(jane), [
      ["impersonate-user", "jane"],
      ["impersonate-uid", "1"],
      ["impersonate-group", "dev"],
      ["impersonate-group", "ops"],
      ["impersonate-extra-scopes", "view"],
      ["impersonate-extra-scopes", "edit"],
      ["impersonate-extra-example.com%2fteam", "a"]
    ])
  })

  it("makes header names of any key", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii", minLength: 1 }), (key) => {
        for (const [name] of impersonationHeaders({ user: "jane", extra: { [key]: ["a"] } })) {
          // The token of RFC 9110.
          assert.match(name, /^[!#$%&'*+.^_`|~0-9a-z-]+$/)
        }
      })
    )
  })

  it.effect("of the kubeconfig is sent with every request", () => {
    const { clientWith, sent } = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      yield* Pod.get("web")
      assert.deepInclude(sent[0]?.headers, {
        "impersonate-user": "jane",
        "impersonate-uid": "1",
        "impersonate-group": ["dev", "ops"],
        "impersonate-extra-scopes": ["view", "edit"],
        "impersonate-extra-example.com%2fteam": "a"
      })
    }).pipe(Effect.provide(clientWith({ config: ofUser({ impersonate: jane }) })))
  })

  it.effect("of a name that is not ASCII goes out as UTF-8", () => {
    const { clientWith, sent } = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      yield* Pod.get("web").pipe(KubeClient.withImpersonation({ user: "jané€" }))
      assert.strictEqual(Buffer.from(String(sent[0]?.headers["impersonate-user"]), "latin1").toString("utf8"), "jané€")
    }).pipe(Effect.provide(clientWith({})))
  })

  it.effect("of a region replaces that of the kubeconfig as a whole, and ends with the region", () => {
    const { clientWith, sent } = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      yield* Pod.get("web").pipe(KubeClient.withImpersonation({ user: "joe" }))
      yield* Pod.get("web")
      const names = (index: number) =>
        Object.keys(sent[index]?.headers ?? {}).filter((name) => name.startsWith("impersonate-"))
      assert.deepStrictEqual(names(0), ["impersonate-user"])
      assert.strictEqual(sent[0]?.headers["impersonate-user"], "joe")
      assert.strictEqual(sent[1]?.headers["impersonate-user"], "jane")
      assert.strictEqual(names(1).length, 5)
    }).pipe(Effect.provide(clientWith({ config: ofUser({ impersonate: jane }) })))
  })
})

describe("secrets", () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9]{20,40}$/)

  const everything = (value: unknown): string => {
    const texts = [String(value), inspect(value, { depth: 12, showHidden: true })]
    return [
      ...texts,
      JSON.stringify(value) ?? "",
      value instanceof Error ? `${value.message} ${value.stack}` : ""
    ].join()
  }

  it("appear in no service, error, log or span", () =>
    fc.assert(
      fc.asyncProperty(secret, secret, secret, (token, password, key) => {
        const seen: Array<string> = []
        const logger = Logger.make((log) => {
          seen.push(everything(log.message), everything([...log.annotations]), Cause.pretty(log.cause))
        })
        const tracer = Tracer.make({
          span(name, parent, context, links, startTime, kind) {
            seen.push(name)
            return {
              _tag: "Span",
              name,
              spanId: "1",
              traceId: "1",
              parent,
              context,
              status: { _tag: "Started", startTime },
              attributes: new Map(),
              links,
              sampled: true,
              kind,
              end: (_, exit) => seen.push(everything(exit)),
              attribute: (name, value) => seen.push(`${name} ${everything(value)}`),
              event: (name, _, attributes) => seen.push(`${name} ${everything(attributes)}`),
              addLinks: () => {}
            }
          },
          context: (f) => f()
        })
        const replies = [
          ok(pod("web"), { "content-type": "application/json", warning: '299 - "old"' }),
          answer(401, status(401, "Unauthorized")),
          answer(500, "oops"),
          ok("{"),
          ok({ kind: "Service" }),
          failure("Tls"),
          failure("Timeout")
        ]
        const users: ReadonlyArray<Partial<User>> = [
          { token: Redacted.make(token) },
          { username: "jane", password: Redacted.make(password) },
          { clientCertificate: "cert", clientKey: Redacted.make(key), token: Redacted.make(token) }
        ]
        const program = Effect.forEach(users, (user) => {
          const value = ofUser(user)
          const auth = layer(user)
          const { clientWith } = fake((_, index) => replies[index % replies.length] ?? failure("Unknown"))
          return Effect.gen(function* () {
            for (const _ of replies) {
              const exit = yield* Effect.exit(Pod.get("web", { timeout: "infinity" }))
              seen.push(everything(exit))
              if (Exit.isFailure(exit)) {
                seen.push(Cause.pretty(exit.cause))
                seen.push(everything(Option.getOrUndefined(Cause.failureOption(exit.cause))))
              }
              yield* Effect.logError("failed", exit)
            }
            seen.push(everything(yield* KubeClient), everything(yield* Auth), everything(value))
            seen.push(everything(yield* (yield* Auth).credentials))
          }).pipe(Effect.provide([clientWith({ auth, config: value }), auth]))
        }).pipe(
          Effect.provide(Layer.merge(Logger.replace(Logger.defaultLogger, logger), Layer.setTracer(tracer))),
          Effect.andThen(() => {
            const all = seen.join("\n")
            for (const hidden of [token, password, key, Buffer.from(`jane:${password}`).toString("base64")]) {
              assert.notInclude(all, hidden)
            }
            // It did see something.
            assert.include(all, "kube.test")
            assert.include(all, "Unauthorized")
          })
        )
        return Effect.runPromise(program)
      }),
      { numRuns: 20 }
    ))

  it.effect("of a token that no header can carry do not show in the error either", () => {
    const token = "bad\u0000token"
    const seen = fake(() => ok(pod("web")))
    return Effect.gen(function* () {
      const exit = yield* Effect.exit(KubeClient.request(Request.get("/version")))
      assert.notInclude(everything(exit), "bad")
    }).pipe(Effect.provide(seen.clientWith({ auth: layer({ token: Redacted.make(token) }) })))
  })

  it.effect("that are being made are not made twice for a call that waits", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<Redacted.Redacted>()
      let made = 0
      const auth = Auth.layerToken(Effect.suspend(() => (made++, Deferred.await(gate))))
      yield* Effect.gen(function* () {
        const { credentials } = yield* Auth
        const waiting = yield* Effect.fork(Effect.all([credentials, credentials], { concurrency: 2 }))
        yield* Effect.yieldNow()
        yield* Deferred.succeed(gate, Redacted.make("t"))
        const [one, two] = yield* Fiber.join(waiting)
        assert.strictEqual(one, two)
        assert.strictEqual(made, 1)
      }).pipe(Effect.provide(auth))
    })
  )
})
