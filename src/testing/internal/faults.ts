/** Faults between the client and the server: an `Http` around that of the cluster. */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { failure } from "../../internal/http.js"
import type { HttpFailure, HttpHead, HttpRequest, HttpService, HttpStream } from "../../layers/Http.js"
import type { Fault, FaultRequest, Rule } from "../Fault.js"
import { joined, limited } from "./http.js"
import { first } from "../../internal/fork.js"

const broken = failure("Reset", "the connection was reset (a fault of the test)", undefined)
const refused = failure("Refused", "nobody listens (a fault of the test)", undefined)

const requestOf = ({ headers, method, target }: HttpRequest): FaultRequest => {
  const [path = "", text = ""] = target.split("?", 2)
  const query = new URLSearchParams(text)
  return {
    method,
    path,
    query,
    headers: joined(headers),
    isWatch: ["true", "1"].includes(query.get("watch") ?? "")
  }
}

const reasons: { readonly [code: number]: string } = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout"
}

const utf8 = new TextEncoder()

interface Refusal extends HttpHead {
  readonly text: string
}

const refusalOf = ({
  code,
  message,
  reason,
  retryAfterSeconds
}: Extract<Fault, { readonly _tag: "Status" }>): Refusal => {
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: message ?? "a fault of the test",
    reason: reason ?? reasons[code] ?? "",
    ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }),
    code
  }
  const text = JSON.stringify(body)
  return {
    status: code,
    headers: {
      "content-type": "application/json",
      "content-length": String(utf8.encode(text).length),
      ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) })
    },
    text
  }
}

/** The first bytes of a body, and then `end`. */
const cut = (
  body: Stream.Stream<Uint8Array, HttpFailure>,
  bytes: number,
  end: Stream.Stream<Uint8Array, HttpFailure>
): Stream.Stream<Uint8Array, HttpFailure> =>
  Stream.suspend(() => {
    let left = bytes
    return body.pipe(
      Stream.map((chunk) => {
        const part = chunk.subarray(0, left)
        left -= part.length
        return part
      }),
      Stream.takeUntil(() => left <= 0),
      // What comes after the last byte of a shorter body is its own end.
      (first) =>
        bytes <= 0
          ? end
          : Stream.concat(
              first,
              Stream.suspend(() => (left <= 0 ? end : Stream.empty))
            )
    )
  })

/**
 * A body until something fails. Each pull is raced, which costs less than to merge two streams.
 */
const until = (
  body: Stream.Stream<Uint8Array, HttpFailure>,
  failing: Effect.Effect<never, HttpFailure>
): Stream.Stream<Uint8Array, HttpFailure> =>
  Stream.fromPull(Effect.map(Stream.toPull(body), (pull) => first(pull, Effect.mapError(failing, Option.some))))

/** A pause after the first bytes of a body. */
const stalled = (
  body: Stream.Stream<Uint8Array, HttpFailure>,
  bytes: number,
  duration: Duration.DurationInput
): Stream.Stream<Uint8Array, HttpFailure> =>
  Stream.suspend(() => {
    let left = bytes
    return Stream.flatMap(body, (chunk) => {
      if (left < 0 || chunk.length < left) {
        left -= chunk.length
        return Stream.make(chunk)
      }
      const [first, rest] = [chunk.subarray(0, left), chunk.subarray(left)]
      left = -1
      return Stream.concat(Stream.make(first), Stream.fromEffect(Effect.delay(Effect.succeed(rest), duration)))
    })
  })

/** The bytes in pieces. */
const fragmented = (body: Stream.Stream<Uint8Array, HttpFailure>, bytes: number) =>
  Stream.mapConcat(body, (chunk) =>
    Array.from({ length: Math.ceil(chunk.length / bytes) }, (_, index) =>
      chunk.subarray(index * bytes, (index + 1) * bytes)
    )
  )

/** What becomes of an answer. */
const spoil = (answer: HttpStream, fault: Fault): HttpStream => {
  switch (fault._tag) {
    case "Reset":
      return { ...answer, body: cut(answer.body, fault.afterBytes ?? 0, Stream.fail(broken)) }
    case "HalfOpen":
      return { ...answer, body: cut(answer.body, fault.afterBytes ?? 0, Stream.never) }
    case "Truncated":
      return { ...answer, body: cut(answer.body, fault.afterBytes, Stream.empty) }
    case "Malformed":
      return { ...answer, body: cut(answer.body, fault.afterBytes, Stream.make(utf8.encode(fault.text))) }
    case "Stalled":
      return { ...answer, body: stalled(answer.body, fault.afterBytes, fault.duration) }
    case "Fragmented":
      return { ...answer, body: Stream.rechunk(fragmented(answer.body, fault.bytes), 1) }
    default:
      return answer
  }
}

interface Active {
  readonly rule: Rule
  left: number
}

export const make = (http: HttpService) =>
  Effect.gen(function* () {
    let active: ReadonlyArray<Active> = []
    let isDown = false
    /** Fails for everybody who is connected. */
    let outage = yield* Deferred.make<never, HttpFailure>()

    const faultFor = (request: HttpRequest): Fault | undefined => {
      const shown = requestOf(request)
      const found = active.find(({ left, rule }) => left > 0 && (rule.when?.(shown) ?? true))
      if (found === undefined) return undefined
      found.left -= 1
      return found.rule.fault
    }

    /** The answer, with the fault that it has, until the server goes down. */
    const spoiled = (
      request: HttpRequest,
      fault: Fault | undefined
    ): Effect.Effect<HttpStream, HttpFailure, Scope.Scope> => {
      const down = Deferred.await(outage)
      const answered = Effect.map(http.stream(request), (answer) => ({ ...answer, body: until(answer.body, down) }))
      if (fault === undefined) return answered
      switch (fault._tag) {
        case "Refused":
          return Effect.fail(refused)
        case "Latency":
          return Effect.delay(answered, fault.duration)
        case "Status": {
          const { text, ...head } = refusalOf(fault)
          return Effect.succeed({ ...head, body: Stream.make(utf8.encode(text)) })
        }
        case "Reset":
        case "HalfOpen":
          return fault.afterBytes === undefined
            ? // The server has acted; only nobody hears of it.
              Effect.zipRight(
                Effect.scoped(http.stream(request)),
                fault._tag === "Reset" ? Effect.fail(broken) : Effect.never
              )
            : Effect.map(answered, (answer) => spoil(answer, fault))
        default:
          return Effect.map(answered, (answer) => spoil(answer, fault))
      }
    }

    const stream = (request: HttpRequest) =>
      Effect.suspend(() => {
        if (isDown) return Effect.fail(refused)
        const fault = faultFor(request)
        const answer = spoiled(request, fault)
        // Without a fault it begins at once.
        return fault === undefined ? answer : limited(answer, request.timeout)
      })

    const request = (request: HttpRequest) =>
      Effect.suspend(() => {
        if (isDown) return Effect.fail(refused)
        const fault = faultFor(request)
        // It is answered at once, so nothing can come between.
        if (fault === undefined) return http.request(request)
        const whole = Effect.flatMap(spoiled(request, fault), ({ body, headers, status }) =>
          Effect.map(Stream.mkString(Stream.decodeText(body)), (text) => ({ headers, status, text }))
        )
        return limited(Effect.scoped(whole), request.timeout)
      })

    const { webSocket } = http
    const service: HttpService = {
      stream,
      request,
      ...(webSocket === undefined
        ? {}
        : {
            webSocket: (request, protocols) =>
              Effect.suspend(() => {
                if (isDown) return Effect.fail(refused)
                const fault = faultFor(request)
                const opened = Effect.map(webSocket(request, protocols), (upgrade) => {
                  const { webSocket: socket } = upgrade
                  return socket === undefined
                    ? upgrade
                    : {
                        ...upgrade,
                        webSocket: {
                          protocol: socket.protocol,
                          send: socket.send,
                          messages: Stream.interruptWhen(socket.messages, Deferred.await(outage))
                        }
                      }
                })
                switch (fault?._tag) {
                  case undefined:
                  // Messages come whole.
                  case "Fragmented":
                    return opened
                  case "Latency":
                  case "Stalled":
                    return Effect.delay(opened, fault.duration)
                  case "Refused":
                    return Effect.fail(refused)
                  case "Status":
                    return Effect.succeed(refusalOf(fault))
                  case "HalfOpen":
                    return Effect.never
                  default:
                    return Effect.fail(broken)
                }
              })
          })
    }

    return {
      http: service,
      inject: (rule: Rule) =>
        Effect.sync(() => {
          active = [...active.filter(({ left }) => left > 0), { rule, left: rule.times ?? Infinity }]
        }),
      clear: Effect.sync(() => {
        active = []
      }),
      /** Breaks every connection; nobody listens until `up`. */
      down: Effect.gen(function* () {
        const before = outage
        isDown = true
        outage = yield* Deferred.make<never, HttpFailure>()
        yield* Deferred.fail(before, broken)
      }),
      up: Effect.sync(() => {
        isDown = false
      })
    }
  })
