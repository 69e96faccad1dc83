/** The tar format, by node-tar's parser and headers: between bytes and entries, without any stream in between. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Header, type HeaderData } from "tar/header"
import { Parser } from "tar/parse"
import type { ReadEntry } from "tar/read-entry"
import { CopyFailed } from "../KubeError.js"

const block = 512

const pad = (size: number): Uint8Array => new Uint8Array((block - (size % block)) % block)

const encode = (fields: HeaderData): Buffer => {
  const buffer = Buffer.alloc(block)
  new Header(fields).encode(buffer)
  return buffer
}

/** What fits into a header, with the zero byte that old readers want. */
const nameSize = 99

/**
 * A name that is too long for a header goes in front, as GNU's tar has it. busybox knows that form, and ignores the
 * newer one of POSIX, which would cut the name.
 */
const long = (type: "NextFileHasLongPath" | "NextFileHasLongLinkpath", name: string | undefined) => {
  if (name === undefined || Buffer.byteLength(name) <= nameSize) return []
  const body = Buffer.from(`${name}\0`)
  const header = encode({ path: "././@LongLink", type, mode: 0o644, uid: 0, gid: 0, size: body.length })
  return [header, body, pad(body.length)]
}

/** Cut where it is too long: a character has 3 bytes at most for each unit of a string. */
const short = (name: string): string => (Buffer.byteLength(name) <= nameSize ? name : name.slice(0, nameSize / 3))

export interface EntryHeader {
  readonly path: string
  readonly type: "File" | "Directory" | "SymbolicLink"
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: Date
  readonly linkpath?: string
}

/** The head of an entry; sizes from 8 GiB on are in GNU's binary form, which busybox knows too. */
export const header = (entry: EntryHeader): Uint8Array =>
  Buffer.concat([
    ...long("NextFileHasLongLinkpath", entry.linkpath),
    ...long("NextFileHasLongPath", entry.path),
    encode({
      ...entry,
      path: short(entry.path),
      ...(entry.linkpath === undefined ? {} : { linkpath: short(entry.linkpath) })
    })
  ])

/** What follows the content of a file of that size. */
export const padding = pad

export const end: Uint8Array = new Uint8Array(2 * block)

export type Event =
  | { readonly _tag: "Entry"; readonly entry: ReadEntry }
  | { readonly _tag: "Data"; readonly bytes: Uint8Array }
  | { readonly _tag: "End" }

const damaged = (message: string, entry?: string) =>
  new CopyFailed({
    reason: "BadArchive",
    ...(entry === undefined ? {} : { entry }),
    message: `what tar in the container sent is damaged: ${message}`
  })

export interface Reader {
  /** What the next bytes bring. */
  readonly read: (bytes: Uint8Array) => Either.Either<ReadonlyArray<Event>, CopyFailed>
  /** Whether the archive was whole. */
  readonly end: Effect.Effect<void, CopyFailed>
}

export const reader = (): Reader => {
  let events: Array<Event> = []
  let problem: CopyFailed | undefined
  let ended = false
  let rest: Buffer = Buffer.alloc(0)
  const parser = new Parser({
    // Nobody asked for a compressed archive, which could hold far more than was sent.
    zstd: false,
    maxDecompressionRatio: 0,
    onwarn: (_, message) => {
      problem ??= damaged(message)
    },
    onReadEntry: (entry) => {
      if (!Number.isSafeInteger(entry.header.size)) {
        problem ??= damaged(`the size of ${JSON.stringify(entry.path)} is no number`, entry.path)
      }
      events.push({ _tag: "Entry", entry })
      entry.on("end", () => events.push({ _tag: "End" }))
      // From here on the entry hands out its data as they are written, before `write` returns.
      entry.on("data", (bytes) => events.push({ _tag: "Data", bytes }))
    }
  })
  parser.on("ignoredEntry", (entry: ReadEntry) => {
    problem ??= damaged(`${JSON.stringify(entry.path)} is of a type that is not known`, entry.path)
  })
  parser.on("eof", () => {
    ended = true
  })
  const read = (bytes: Uint8Array): Either.Either<ReadonlyArray<Event>, CopyFailed> => {
    // Tar fills its last record with zeros, which the parser would collect.
    if (ended) return Either.right([])
    const all =
      rest.length === 0 ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) : Buffer.concat([rest, bytes])
    // The parser decodes a long name piece by piece: in whole blocks there is hardly ever more than one.
    const whole = all.length - (all.length % block)
    rest = all.subarray(whole)
    events = []
    if (whole === 0) return Either.right(events)
    return Either.try({
      try: () => parser.write(all.subarray(0, whole)),
      catch: (cause) => damaged(cause instanceof Error ? cause.message : String(cause))
    }).pipe(Either.flatMap(() => (problem === undefined ? Either.right(events) : Either.left(problem))))
  }
  return {
    read,
    end: Effect.suspend(() =>
      ended ? Effect.void : Effect.fail(damaged("it ends in the middle; the connection may have lost the rest"))
    )
  }
}
