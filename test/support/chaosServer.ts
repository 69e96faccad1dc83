/**
 * The part of an API server that a watch needs, in memory and as an `Http` service: config maps with versions, lists with
 * pages, watches with bookmarks, a history that is forgotten; and faults, wherever a test wants them.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Mailbox from "effect/Mailbox"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { Auth, Http, KubeClient, KubeConfig, type AuthError } from "effect-kubernetes"
import type { HttpFailure, HttpRequest, HttpResponse, HttpStream } from "effect-kubernetes/layers/Http"
import { config, status } from "../layers/fake.js"

/** What goes wrong with one request. */
export type Fault =
  /** Instead of an answer. */
  | { readonly _tag: "Refuse" | "Reset" | "Hang" }
  | { readonly _tag: "Answer"; readonly code: number; readonly reason: string; readonly retryAfter?: number }
  /** In the body, at a byte: `end` closes the connection as if all was said; `garbage` goes on behind it. */
  | { readonly _tag: "Cut"; readonly at: number; readonly how: "reset" | "end" | "garbage" | "half-open" | "stall" }

export interface Item {
  readonly kind: "ConfigMap"
  readonly apiVersion: "v1"
  readonly metadata: {
    readonly name: string
    readonly namespace: "team"
    readonly uid: string
    readonly resourceVersion: string
    readonly creationTimestamp: string
    readonly managedFields: ReadonlyArray<unknown>
  }
  readonly data: { readonly [key: string]: string }
}

type Change = { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: Item; readonly version: number }

interface Connection {
  readonly tell: (line: string) => void
  readonly bookmarks: boolean
}

const encoder = new TextEncoder()
const failure = (reason: HttpFailure["reason"]): HttpFailure => ({
  _tag: "HttpFailure",
  reason,
  description: `made to fail: ${reason}`,
  cause: undefined
})

/** What the server does where the documentation leaves it a choice. */
export interface Habits {
  /** How a watch of a forgotten version is answered; `silence` is an end without a word (kubernetes#104171). */
  readonly forgotten: () => "status" | "event" | "silence"
  /** `false`: it knows no `sendInitialEvents`; `"ignored"`: it does not even refuse it. */
  readonly initialEvents: () => boolean | "ignored"
  /** How long the pieces are in which bytes arrive. */
  readonly piece: () => number
}

const usual: Habits = { forgotten: () => "event", initialEvents: () => true, piece: () => Number.MAX_SAFE_INTEGER }

export const make = (habits: Partial<Habits> = {}) => {
  const { forgotten, initialEvents, piece } = { ...usual, ...habits }
  const objects = new Map<string, Item>()
  const history: Array<Change> = []
  /** Lists that are read in pages: their version and what is to come. */
  const snapshots = new Map<string, { readonly version: number; readonly items: ReadonlyArray<Item> }>()
  const connections = new Set<Connection>()
  const requests: Array<{ readonly at: number; readonly target: string; readonly watch: boolean }> = []
  let version = 10
  let forgottenBefore = 0
  let uids = 0
  let tokens = 1
  let fault: (request: HttpRequest, watch: boolean) => Fault | undefined = () => undefined

  const bookmark = (more: Record<string, unknown> = {}) =>
    line("BOOKMARK", {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: { resourceVersion: String(version), creationTimestamp: null, ...more }
    })
  const change = (type: Change["type"], object: Item) => {
    history.push({ type, object, version })
    for (const { tell } of connections) tell(line(type, object))
  }
  const put = (name: string, data: Item["data"]) => {
    const before = objects.get(name)
    version++
    const object: Item = {
      kind: "ConfigMap",
      apiVersion: "v1",
      metadata: {
        name,
        namespace: "team",
        uid: before?.metadata.uid ?? `uid-${++uids}`,
        resourceVersion: String(version),
        creationTimestamp: "2026-01-01T00:00:00Z",
        managedFields: [{ manager: "kubectl", operation: "Update", fieldsV1: { "f:data": { ".": {}, 'f:["x"]': {} } } }]
      },
      data
    }
    objects.set(name, object)
    change(before === undefined ? "ADDED" : "MODIFIED", object)
  }
  const remove = (name: string) => {
    const before = objects.get(name)
    if (before === undefined) return
    version++
    objects.delete(name)
    change("DELETED", { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } })
  }

  const answer = (code: number, body: unknown, headers: Record<string, string> = {}): HttpResponse => ({
    status: code,
    headers: { "content-type": "application/json", ...headers },
    text: typeof body === "string" ? body : JSON.stringify(body)
  })
  const refused = (code: number, reason: string, retryAfter?: number) =>
    answer(
      code,
      status(code, reason, { message: reason }),
      retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }
    )

  const list = (query: URLSearchParams): HttpResponse => {
    const limit = Number(query.get("limit") ?? Infinity)
    const token = query.get("continue")
    const found = token === null ? { version, items: [...objects.values()] } : snapshots.get(token)
    if (found === undefined || found.version < forgottenBefore) return refused(410, "Expired")
    const items = found.items.slice(0, limit)
    const rest = found.items.slice(limit)
    const next = rest.length === 0 ? undefined : `${found.version}-${rest.length}`
    if (next !== undefined) snapshots.set(next, { version: found.version, items: rest })
    return answer(200, {
      kind: "ConfigMapList",
      apiVersion: "v1",
      metadata: { resourceVersion: String(found.version), ...(next === undefined ? {} : { continue: next }) },
      // Items of a list do not say what they are.
      items: items.map(({ data, metadata }) => ({ metadata, data }))
    })
  }

  /** What an answer is without its faults, at least its beginning. */
  const watch = (query: URLSearchParams): HttpResponse => {
    const from = query.get("resourceVersion")
    const initial = query.get("sendInitialEvents") === "true"
    if (initial && initialEvents() === false) return refused(422, "Invalid")
    if (from === null || from === "0") {
      const first = [...objects.values()].map((object) => line("ADDED", object)).join("")
      const end =
        initial && initialEvents() === true ? bookmark({ annotations: { "k8s.io/initial-events-end": "true" } }) : ""
      return answer(200, first + end)
    }
    if (Number(from) < forgottenBefore) {
      const how = forgotten()
      if (how === "status") return refused(410, "Expired")
      return answer(200, how === "silence" ? "" : line("ERROR", status(410, "Expired")), { ends: "true" })
    }
    return answer(200, history.flatMap((it) => (it.version > Number(from) ? line(it.type, it.object) : [])).join(""))
  }

  /** What stands before any answer. */
  const receive = (
    wire: HttpRequest
  ): Effect.Effect<{ query: URLSearchParams; cut: Fault | undefined }, HttpFailure | HttpResponse> =>
    Effect.clockWith((clock): ReturnType<typeof receive> => {
      const query = new URLSearchParams(wire.target.split("?")[1] ?? "")
      const isWatch = query.get("watch") === "true"
      requests.push({ at: clock.unsafeCurrentTimeMillis(), target: wire.target, watch: isWatch })
      const it = fault(wire, isWatch)
      switch (it?._tag) {
        case "Refuse":
          return Effect.fail(failure("Refused"))
        case "Reset":
          return Effect.fail(failure("Reset"))
        case "Hang":
          return hang(wire)
        case "Answer":
          return Effect.fail(refused(it.code, it.reason, it.retryAfter))
        default:
          return wire.headers["authorization"] === `Bearer token-${tokens}`
            ? Effect.succeed({ query, cut: it })
            : Effect.fail(refused(401, "Unauthorized"))
      }
    })
  const hang = ({ timeout }: HttpRequest): Effect.Effect<never, HttpFailure> =>
    timeout === undefined ? Effect.never : Effect.delay(Effect.fail(failure("Timeout")), timeout)
  const orAnswer = <A, R>(
    effect: Effect.Effect<A, HttpFailure | HttpResponse, R>,
    wrap: (answer: HttpResponse) => Effect.Effect<A, HttpFailure, R>
  ) => Effect.catchAll(effect, (error) => ("_tag" in error ? Effect.fail(error) : wrap(error)))

  const request = (wire: HttpRequest): Effect.Effect<HttpResponse, HttpFailure> =>
    orAnswer(
      Effect.flatMap(receive(wire), ({ cut, query }) => {
        const whole = list(query)
        if (cut?._tag !== "Cut" || cut.at >= whole.text.length) return Effect.succeed(whole)
        switch (cut.how) {
          case "reset":
            return Effect.fail(failure("Reset"))
          case "half-open":
            return hang(wire)
          case "stall":
            return Effect.delay(Effect.succeed(whole), "5 seconds")
          case "end":
            return Effect.succeed({ ...whole, text: whole.text.slice(0, cut.at) })
          case "garbage":
            return Effect.succeed({ ...whole, text: `${whole.text.slice(0, cut.at)}<html>\u0000` })
        }
      }),
      Effect.succeed
    )

  const stream = (wire: HttpRequest): Effect.Effect<HttpStream, HttpFailure, Scope.Scope> =>
    orAnswer(
      Effect.gen(function* () {
        const { cut, query } = yield* receive(wire)
        const begin = watch(query)
        if (begin.status !== 200) return yield* Effect.fail(begin)
        const body = yield* Mailbox.make<Uint8Array, HttpFailure>()
        const scope = yield* Effect.scope
        let left = cut?._tag === "Cut" ? cut.at : Infinity
        let dead = false
        let held: Array<Uint8Array> | undefined
        const send = (bytes: Uint8Array) => {
          for (let at = 0; at < bytes.length;) {
            const length = Math.max(1, Math.min(piece(), bytes.length - at))
            body.unsafeOffer(bytes.subarray(at, at + length))
            at += length
          }
        }
        const over = (exit: Exit.Exit<void, HttpFailure>) => {
          dead = true
          connections.delete(connection)
          body.unsafeDone(exit)
        }
        const tell = (text: string) => {
          if (dead) return
          const bytes = encoder.encode(text)
          if (held !== undefined) {
            held.push(bytes)
            return
          }
          if (bytes.length < left) {
            left -= bytes.length
            send(bytes)
            return
          }
          const how = cut?._tag === "Cut" ? cut.how : "end"
          send(bytes.subarray(0, left))
          switch (how) {
            case "reset":
              return over(Exit.fail(failure("Reset")))
            case "end":
              return over(Exit.void)
            case "garbage":
              send(encoder.encode("\u0000}]<html>\n"))
              left = Infinity
              return
            case "half-open":
              dead = true
              connections.delete(connection)
              return
            case "stall":
              held = [bytes.subarray(left)]
              left = Infinity
          }
        }
        const connection: Connection = { tell, bookmarks: query.get("allowWatchBookmarks") === "true" }
        const flush = Effect.sync(() => {
          const bytes = held
          held = undefined
          left = Infinity
          if (!dead) for (const part of bytes ?? []) send(part)
        })
        connections.add(connection)
        yield* Scope.addFinalizer(
          scope,
          Effect.sync(() => {
            dead = true
            connections.delete(connection)
          })
        )
        tell(begin.text)
        if (begin.headers["ends"] === "true") over(Exit.void)
        const seconds = Number(query.get("timeoutSeconds") ?? 3600)
        if (cut?._tag === "Cut" && cut.how === "stall") {
          yield* Effect.forkIn(Effect.forever(Effect.delay(flush, "20 seconds")), scope)
        }
        yield* Effect.forkIn(
          Effect.forever(
            Effect.delay(
              Effect.sync(() => connection.bookmarks && tell(bookmark())),
              "60 seconds"
            )
          ),
          scope
        )
        yield* Effect.forkIn(
          Effect.delay(
            Effect.sync(() => {
              if (!dead) over(Exit.void)
            }),
            seconds * 1000
          ),
          scope
        )
        const bytes: Stream.Stream<Uint8Array, HttpFailure> = Mailbox.toStream(body)
        return { status: 200, headers: begin.headers, body: bytes }
      }),
      ({ headers, status, text }) =>
        Effect.gen(function* () {
          const body = yield* Mailbox.make<Uint8Array, HttpFailure>()
          body.unsafeOffer(encoder.encode(text))
          body.unsafeDone(Exit.void)
          return { status, headers, body: Mailbox.toStream(body) }
        })
    )

  const client: Layer.Layer<KubeClient, AuthError> = KubeClient.layer.pipe(
    Layer.provide([
      Layer.succeed(Http, { request, stream }),
      // The tokens of today; what is shown is what was valid when it was asked for.
      Auth.layerToken(Effect.sync(() => Redacted.make(`token-${tokens}`))),
      KubeConfig.layerValue(config)
    ])
  )
  return {
    client,
    objects: objects as ReadonlyMap<string, Item>,
    put,
    remove,
    /** Everything before now is forgotten; who has seen it all goes on. */
    forget: () => {
      forgottenBefore = version
      history.length = 0
    },
    /** Time passes elsewhere: versions grow, and this collection does not change. */
    elsewhere: () => {
      version++
    },
    /** The tokens that were given out are no longer valid. */
    expire: () => {
      tokens++
    },
    version: () => version,
    /** The connections that the server has, half-open ones left out. */
    connections: connections as ReadonlySet<unknown>,
    requests: requests as ReadonlyArray<(typeof requests)[number]>,
    setFault: (f: typeof fault) => {
      fault = f
    }
  }
}

export type Server = ReturnType<typeof make>

const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`
