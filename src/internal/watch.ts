/** From the bytes of a watch to its events. */
import * as Chunk from "effect/Chunk"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import type { ApiError, DecodeError, KubeError } from "../KubeError.js"
import type { Request } from "../Request.js"
import type { Status } from "../resources/MetaV1.js"
import { statusError } from "./client.js"
import { decodeError } from "./decode.js"
import { isObject } from "./isObject.js"

const newline = 0x0a

/** The lines of a stream of bytes, without their ends; the last one may lack it. */
export const lines = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<string, E, R> =>
  Stream.map(splitLines(bytes), ({ text }) => text)

interface Line {
  readonly text: string
  /** Whether its end was there. */
  readonly whole: boolean
}

const splitLines = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Line, E, R> =>
  Stream.suspend(() => {
    let rest: Array<Uint8Array> = []
    const text = (last: Uint8Array): string => {
      if (rest.length === 0) return toBuffer(last).toString("utf8")
      const whole = Buffer.concat([...rest, last]).toString("utf8")
      rest = []
      return whole
    }
    return bytes.pipe(
      Stream.mapConcatChunk((chunk) => {
        const found: Array<Line> = []
        let begin = 0
        for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, begin)) {
          found.push({ text: text(chunk.subarray(begin, at)), whole: true })
          begin = at + 1
        }
        if (begin < chunk.length) rest.push(chunk.subarray(begin))
        return Chunk.unsafeFromArray(found)
      }),
      Stream.concat(
        Stream.suspend(() =>
          rest.length === 0
            ? Stream.empty
            : Stream.succeed({ text: Buffer.concat(rest).toString("utf8"), whole: false })
        )
      )
    )
  })

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

interface RawEvent {
  readonly type?: unknown
  readonly object?: unknown
}

interface RawObject {
  readonly metadata?: {
    readonly resourceVersion?: string
    readonly annotations?: { readonly [key: string]: string }
  }
  readonly code?: unknown
}

/** Says that what came before were the objects of the start (`sendInitialEvents`). */
const initialEventsEnd = "k8s.io/initial-events-end"

type Event<A> =
  | { readonly _tag: "Added" | "Modified" | "Deleted"; readonly object: A }
  | { readonly _tag: "Bookmark" | "Synced"; readonly resourceVersion: string }

const tags = { ADDED: "Added", MODIFIED: "Modified", DELETED: "Deleted" } as const

/** The events of a watch's answer. `read` decodes the object of one. */
export const events = <A>(
  bytes: Stream.Stream<Uint8Array, KubeError>,
  request: Request,
  read: (object: unknown) => Either.Either<A, DecodeError>
) =>
  splitLines(bytes).pipe(
    Stream.filter(({ text }) => text.trim() !== ""),
    Stream.mapEffect((line) =>
      Either.flatMap(
        line.whole ? parse(line.text, request) : cutShort(line.text, request),
        ({ object, type }): Either.Either<Event<A>, ApiError | DecodeError> => {
          if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") {
            return Either.map(read(object), (decoded) => ({ _tag: tags[type], object: decoded }) as const)
          }
          // What the fields of a bookmark and of a Status are, if it is one.
          const { code, metadata } = (isObject(object) ? object : {}) as RawObject
          if (type === "BOOKMARK") {
            const resourceVersion = metadata?.resourceVersion ?? ""
            return Either.right(
              metadata?.annotations?.[initialEventsEnd] === "true"
                ? ({ _tag: "Synced", resourceVersion } as const)
                : ({ _tag: "Bookmark", resourceVersion } as const)
            )
          }
          return Either.left(
            type === "ERROR"
              ? isObject(object)
                ? statusError(request, object as Status, typeof code === "number" ? code : 0, undefined)
                : decodeError(request, { at: "object", problem: "expected a Status, got something else" })
              : decodeError(request, { at: "type", problem: `expected a watch event, got ${JSON.stringify(type)}` })
          )
        }
      )
    )
  )

const cutShort = (rest: string, request: Request): Either.Either<never, DecodeError> =>
  Either.left(
    decodeError(request, {
      at: "",
      problem: `the watch ended in the middle of an event, after ${rest.length} characters of it`
    })
  )

const parse = (line: string, request: Request): Either.Either<RawEvent, DecodeError> =>
  Either.flatMap(
    Either.try({
      try: (): unknown => JSON.parse(line),
      catch: (cause) =>
        decodeError(request, {
          at: "",
          problem: `expected a watch event, got ${JSON.stringify(line.slice(0, 80))}`,
          cause
        })
    }),
    (event) =>
      typeof event === "object" && event !== null
        ? Either.right(event)
        : Either.left(decodeError(request, { at: "", problem: "expected a watch event, got something else" }))
  )
