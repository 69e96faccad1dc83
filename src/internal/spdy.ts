/**
 * The frames of SPDY/3.1, as far as a port-forward needs them
 * ([draft](https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/)). Pure: bytes to frames and back.
 *
 * Header blocks are written without compression, and not read: nothing that a server answers stands in them.
 */
import * as Either from "effect/Either"

export type Frame =
  /** `block` is its part of the zlib stream that the headers of one direction are. */
  | { readonly _tag: "SynStream"; readonly stream: number; readonly fin: boolean; readonly block: Uint8Array }
  | { readonly _tag: "SynReply"; readonly stream: number; readonly fin: boolean }
  | { readonly _tag: "RstStream"; readonly stream: number; readonly status: number }
  | { readonly _tag: "Settings" }
  | { readonly _tag: "Ping"; readonly id: number }
  | { readonly _tag: "GoAway"; readonly lastStream: number; readonly status: number }
  | { readonly _tag: "Headers"; readonly stream: number; readonly fin: boolean }
  | { readonly _tag: "WindowUpdate"; readonly stream: number; readonly delta: number }
  /** Any part of a data frame; `fin` comes with the last one. */
  | { readonly _tag: "Data"; readonly stream: number; readonly fin: boolean; readonly bytes: Uint8Array }

/** What is no SPDY/3.1. */
export interface Malformed {
  readonly _tag: "Malformed"
  readonly problem: string
}

const version = 3
const types = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9
} as const

const finFlag = 1
const headSize = 8
/** Control frames are small: the headers of a forward are a few hundred bytes. A larger one is not kept in memory. */
const maxControl = 64 * 1024

/** The status of a stream that its maker does not want any more. */
export const cancel = 5

const control = (type: number, flags: number, payload: number): Buffer => {
  const frame = Buffer.alloc(headSize + payload)
  frame.writeUInt16BE(0x8000 | version, 0)
  frame.writeUInt16BE(type, 2)
  frame.writeUInt32BE(payload, 4)
  frame[4] = flags
  return frame
}

/** The longest stored block of deflate. */
const maxStored = 0xffff

/** Go's reader shows what it has read of a block when an empty one follows, as it does where zlib flushes. */
const flush = Buffer.from([0, 0, 0, 0xff, 0xff])

/** The header blocks of one direction are one zlib stream; its blocks may be stored as they are. */
const stored = (block: Buffer, first: boolean): Buffer => {
  const parts: Array<Buffer> = first ? [Buffer.from([0x78, 0x01])] : []
  for (let at = 0; at < block.length; at += maxStored) {
    const part = block.subarray(at, at + maxStored)
    const head = Buffer.alloc(5)
    head.writeUInt16LE(part.length, 1)
    head.writeUInt16LE(~part.length & 0xffff, 3)
    parts.push(head, part)
  }
  return Buffer.concat([...parts, flush])
}

const headerBlock = (headers: { readonly [name: string]: string }): Buffer => {
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  const text = (value: string) => {
    const bytes = Buffer.from(value, "latin1")
    return [uint32(bytes.length), bytes]
  }
  const entries = Object.entries(headers)
  return Buffer.concat([
    uint32(entries.length),
    ...entries.flatMap(([name, value]) => [...text(name.toLowerCase()), ...text(value)])
  ])
}

/** Opens a stream. `first`: no other one was opened on this connection before. */
export const synStream = (
  stream: number,
  headers: { readonly [name: string]: string },
  { first, fin = false }: { readonly first: boolean; readonly fin?: boolean }
): Buffer => {
  const block = stored(headerBlock(headers), first)
  const frame = control(types.synStream, fin ? finFlag : 0, 10 + block.length)
  frame.writeUInt32BE(stream, headSize)
  block.copy(frame, headSize + 10)
  return frame
}

export const synReply = (stream: number, { first }: { readonly first: boolean }): Buffer => {
  const block = stored(headerBlock({}), first)
  const frame = control(types.synReply, 0, 4 + block.length)
  frame.writeUInt32BE(stream, headSize)
  block.copy(frame, headSize + 4)
  return frame
}

const ofTwo = (type: number, one: number, two: number): Buffer => {
  const frame = control(type, 0, 8)
  frame.writeUInt32BE(one, headSize)
  frame.writeUInt32BE(two, headSize + 4)
  return frame
}

export const rstStream = (stream: number, status: number): Buffer => ofTwo(types.rstStream, stream, status)

export const goAway = (lastStream: number, status: number): Buffer => ofTwo(types.goAway, lastStream, status)

export const windowUpdate = (stream: number, delta: number): Buffer => ofTwo(types.windowUpdate, stream, delta)

export const ping = (id: number): Buffer => {
  const frame = control(types.ping, 0, 4)
  frame.writeUInt32BE(id, headSize)
  return frame
}

/** The head of a data frame; its bytes follow. */
export const dataHead = (stream: number, length: number, fin: boolean): Buffer => {
  const head = Buffer.alloc(headSize)
  head.writeUInt32BE(stream, 0)
  head.writeUInt32BE(length, 4)
  head[4] = fin ? finFlag : 0
  return head
}

/** A data frame, of less than 16 MiB. */
export const data = (stream: number, bytes: Uint8Array, fin = false): Buffer =>
  Buffer.concat([dataHead(stream, bytes.length, fin), bytes])

/** Takes what came, however it was cut, and gives the frames in it. After `Malformed` there is nothing more to read. */
export type Decoder = (bytes: Uint8Array) => Either.Either<ReadonlyArray<Frame>, Malformed>

const malformed = (problem: string): Malformed => ({ _tag: "Malformed", problem })

/** The least payload of each control frame, and whether it may be longer. */
const sizes: { readonly [type: number]: readonly [least: number, exact: boolean] } = {
  [types.synStream]: [10, false],
  [types.synReply]: [4, false],
  [types.rstStream]: [8, true],
  [types.settings]: [4, false],
  [types.ping]: [4, true],
  [types.goAway]: [8, true],
  [types.headers]: [4, false],
  [types.windowUpdate]: [8, true]
}

const readControl = (type: number, flags: number, payload: Buffer): Either.Either<Frame | undefined, Malformed> => {
  const size = sizes[type]
  // The protocol has unknown frames ignored.
  if (size === undefined) return Either.right(undefined)
  const [least, exact] = size
  if (payload.length < least || (exact && payload.length !== least)) {
    return Either.left(malformed(`a control frame of type ${type} with ${payload.length} bytes`))
  }
  if (type === types.settings) {
    return payload.length === 4 + payload.readUInt32BE(0) * 8
      ? Either.right({ _tag: "Settings" })
      : Either.left(malformed("settings of another number than they state"))
  }
  if (type === types.ping) return Either.right({ _tag: "Ping", id: payload.readUInt32BE(0) })
  const stream = payload.readUInt32BE(0) & 0x7fffffff
  const fin = (flags & finFlag) !== 0
  if (type === types.goAway) {
    return Either.right({ _tag: "GoAway", lastStream: stream, status: payload.readUInt32BE(4) })
  }
  if (type === types.windowUpdate) {
    // Stream 0 is the whole connection.
    return Either.right({ _tag: "WindowUpdate", stream, delta: payload.readUInt32BE(4) & 0x7fffffff })
  }
  if (stream === 0) return Either.left(malformed(`a control frame of type ${type} for stream 0`))
  switch (type) {
    case types.synStream:
      return Either.right({ _tag: "SynStream", stream, fin, block: Uint8Array.from(payload.subarray(10)) })
    case types.synReply:
      return Either.right({ _tag: "SynReply", stream, fin })
    case types.headers:
      return Either.right({ _tag: "Headers", stream, fin })
    default:
      return Either.right({ _tag: "RstStream", stream, status: payload.readUInt32BE(4) })
  }
}

/** Reads one direction of a connection. It keeps no more than the beginning of one control frame. */
export const decoder = (): Decoder => {
  let kept: Buffer = Buffer.alloc(0)
  /** The data frame whose bytes are coming. */
  let open: { readonly stream: number; readonly fin: boolean; left: number } | undefined
  let broken: Malformed | undefined

  return (bytes) => {
    if (broken !== undefined) return Either.left(broken)
    const fail = (problem: string) => {
      broken = malformed(problem)
      return Either.left(broken)
    }
    const frames: Array<Frame> = []
    const came = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let rest = kept.length === 0 ? came : Buffer.concat([kept, came])
    kept = Buffer.alloc(0)
    while (true) {
      if (open !== undefined) {
        if (rest.length === 0) break
        const part = rest.subarray(0, open.left)
        rest = rest.subarray(part.length)
        open.left -= part.length
        const ended = open.left === 0
        frames.push({ _tag: "Data", stream: open.stream, fin: ended && open.fin, bytes: part })
        if (ended) open = undefined
        continue
      }
      if (rest.length < headSize) break
      const first = rest.readUInt32BE(0)
      const flags = rest.readUInt8(4)
      const length = rest.readUInt32BE(4) & 0xffffff
      if (first < 0x80000000) {
        if (first === 0) return fail("data for stream 0")
        const fin = (flags & finFlag) !== 0
        rest = rest.subarray(headSize)
        if (length > 0) open = { stream: first, fin, left: length }
        else if (fin) frames.push({ _tag: "Data", stream: first, fin, bytes: new Uint8Array(0) })
        continue
      }
      const spoken = (first >>> 16) & 0x7fff
      if (spoken !== version) return fail(`version ${spoken} of the protocol`)
      if (length > maxControl) return fail(`a control frame of ${length} bytes`)
      if (rest.length < headSize + length) break
      const read = readControl(first & 0xffff, flags, rest.subarray(headSize, headSize + length))
      if (Either.isLeft(read)) return fail(read.left.problem)
      if (read.right !== undefined) frames.push(read.right)
      rest = rest.subarray(headSize + length)
    }
    // A copy: what came is the socket's buffer.
    if (rest.length > 0) kept = Buffer.from(rest)
    return Either.right(frames)
  }
}
