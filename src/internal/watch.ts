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
import { run } from "./pull.js"

const newline = 0x0a

/** Bytes that a connection keeps for its next line. */
const longestKept = 64 * 1024

/** Cuts bytes into lines as they come. */
const lineSplitter = () => {
  // What came behind the last end of a line. The next line that is cut in two is written over it.
  let rest = Buffer.alloc(0)
  let length = 0
  const add = (bytes: Uint8Array): void => {
    const needed = length + bytes.length
    if (needed > rest.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * rest.length))
      rest.copy(larger, 0, 0, length)
      rest = larger
    }
    rest.set(bytes, length)
    length = needed
  }
  const take = (): string => {
    const text = rest.toString("utf8", 0, length)
    length = 0
    if (rest.length > longestKept) rest = Buffer.alloc(0)
    return text
  }
  return {
    /** The lines that end in these bytes, without their ends. */
    push: (bytes: Uint8Array, found: Array<string>): void => {
      const buffer = toBuffer(bytes)
      let begin = 0
      for (let at = buffer.indexOf(newline); at !== -1; at = buffer.indexOf(newline, begin)) {
        if (length === 0) found.push(buffer.toString("utf8", begin, at))
        else {
          add(buffer.subarray(begin, at))
          found.push(take())
        }
        begin = at + 1
      }
      if (begin < buffer.length) add(buffer.subarray(begin))
    },
    /** What stands behind the last end of a line. */
    rest: take
  }
}

export interface Line {
  readonly text: string
  /** Whether its end was there. */
  readonly whole: boolean
}

/** The lines of a stream of bytes, and whether the last one was whole. */
export const splitLines = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Line, E, R> =>
  Stream.suspend(() => {
    const splitter = lineSplitter()
    return bytes.pipe(
      Stream.mapChunks((chunk) => {
        const found: Array<string> = []
        for (const part of chunk) splitter.push(part, found)
        return Chunk.unsafeFromArray(found.map((text) => ({ text, whole: true })))
      }),
      Stream.concat(
        Stream.suspend(() => {
          const text = splitter.rest()
          return text === "" ? Stream.empty : Stream.succeed({ text, whole: false })
        })
      )
    )
  })

/** The lines of a stream of bytes, without their ends; the last one may lack it. */
export const lines = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<string, E, R> =>
  Stream.map(splitLines(bytes), ({ text }) => text)

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

/** One line of a watch. */
export type Frame =
  /** `line` is the text that it was parsed from. */
  | { readonly _tag: "Added" | "Modified" | "Deleted"; readonly object: unknown; readonly line: string }
  | { readonly _tag: "Bookmark" | "Synced"; readonly resourceVersion: string }

const tags = { ADDED: "Added", MODIFIED: "Modified", DELETED: "Deleted" } as const

const frameOf = (line: string, request: Request): Either.Either<Frame, ApiError | DecodeError> =>
  Either.flatMap(parseEvent(line, request), ({ object, type }): Either.Either<Frame, ApiError | DecodeError> => {
    if (type === "ADDED" || type === "MODIFIED" || type === "DELETED") {
      return Either.right({ _tag: tags[type], object, line })
    }
    // What the fields of a bookmark and of a Status are, if it is one.
    const { code, metadata } = (isObject(object) ? object : {}) as RawObject
    if (type === "BOOKMARK") {
      const resourceVersion = metadata?.resourceVersion ?? ""
      const _tag = metadata?.annotations?.[initialEventsEnd] === "true" ? "Synced" : "Bookmark"
      return Either.right({ _tag, resourceVersion })
    }
    return Either.left(
      type === "ERROR"
        ? isObject(object)
          ? statusError(request, object as Status, typeof code === "number" ? code : 0, undefined)
          : decodeError(request, { at: "object", problem: "expected a Status, got something else" })
        : decodeError(request, { at: "type", problem: `expected a watch event, got ${JSON.stringify(type)}` })
    )
  })

/** JSON text without what nobody wants of it. */
export type Trim = (json: string) => string

export const untrimmed: Trim = (json) => json

/** The object of the `line` of a frame. */
export const objectOf = (line: string): unknown => {
  // It has been parsed before.
  const { object } = JSON.parse(line) as RawEvent
  return object
}

/** The lines of a watch's answer. */
export const frames = (
  bytes: Stream.Stream<Uint8Array, KubeError>,
  request: Request,
  trim: Trim = untrimmed
): Stream.Stream<Frame, KubeError> =>
  run(bytes, () => {
    const splitter = lineSplitter()
    return {
      take: (chunk, out: Array<Frame>) => {
        const found: Array<string> = []
        for (const part of chunk) splitter.push(part, found)
        for (const line of found) {
          if (line === "" || line.trim() === "") continue
          const frame = frameOf(trim(line), request)
          if (Either.isLeft(frame)) return frame.left
          out.push(frame.right)
        }
        return undefined
      },
      end: () => {
        const rest = splitter.rest()
        return rest.trim() === "" ? undefined : cutShort(rest, request)
      }
    }
  })

type Event<A> =
  | { readonly _tag: "Added" | "Modified" | "Deleted"; readonly object: A }
  | { readonly _tag: "Bookmark" | "Synced"; readonly resourceVersion: string }

/** The events of one connection. `read` decodes the object of one. */
export const events = <A>(
  frames: Stream.Stream<Frame, KubeError>,
  read: (object: unknown) => Either.Either<A, DecodeError>
): Stream.Stream<Event<A>, KubeError> =>
  run(frames, () => ({
    take: (chunk, out: Array<Event<A>>) => {
      for (const frame of chunk) {
        if (!("object" in frame)) {
          out.push(frame)
          continue
        }
        const object = read(frame.object)
        if (Either.isLeft(object)) return object.left
        out.push({ _tag: frame._tag, object: object.right })
      }
      return undefined
    }
  }))

const cutShort = (rest: string, request: Request): DecodeError =>
  decodeError(request, {
    at: "",
    problem: `the watch ended in the middle of an event, after ${rest.length} characters of it`
  })

const parseEvent = (line: string, request: Request): Either.Either<RawEvent, DecodeError> =>
  Either.flatMap(
    Either.try({
      try: (): unknown => JSON.parse(line),
      // The text of an event may be a secret's, and the engine's own error quotes it.
      catch: () =>
        decodeError(request, {
          at: "",
          problem: line.startsWith("{")
            ? `an event of ${line.length} characters is damaged`
            : `expected a watch event, got ${JSON.stringify(line.slice(0, 80))}`
        })
    }),
    (event) =>
      typeof event === "object" && event !== null
        ? Either.right(event)
        : Either.left(decodeError(request, { at: "", problem: "expected a watch event, got something else" }))
  )
