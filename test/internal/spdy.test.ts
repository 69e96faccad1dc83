/** SPDY/3.1 as bytes. */
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import { constants, inflateSync } from "node:zlib"
import * as spdy from "../../src/internal/spdy.js"

/** Data as one piece each stretch, and bytes as text: what two readings of the same have in common. */
const normal = (frames: ReadonlyArray<spdy.Frame>) => {
  const all: Array<Record<string, unknown>> = []
  for (const frame of frames) {
    const last = all.at(-1)
    if (frame._tag !== "Data") {
      all.push({ ...frame, ...("block" in frame ? { block: Buffer.from(frame.block).toString("hex") } : {}) })
    } else if (last?.["_tag"] === "Data" && last["stream"] === frame.stream && last["fin"] === false) {
      last["bytes"] = String(last["bytes"]) + Buffer.from(frame.bytes).toString("hex")
      last["fin"] = frame.fin
    } else if (frame.bytes.length > 0 || frame.fin) {
      all.push({ ...frame, bytes: Buffer.from(frame.bytes).toString("hex") })
    }
  }
  return all
}

const read = (parts: ReadonlyArray<Uint8Array>) => {
  const decode = spdy.decoder()
  return parts.flatMap((part) => Either.getOrThrow(decode(part)))
}

const stream = FastCheck.integer({ min: 1, max: 2 ** 31 - 1 })
const number = FastCheck.integer({ min: 0, max: 2 ** 31 - 1 })
const frame = FastCheck.oneof(
  FastCheck.tuple(stream, FastCheck.dictionary(FastCheck.string(), FastCheck.string()), FastCheck.boolean()).map(
    ([id, headers, fin]) => spdy.synStream(id, headers, { first: false, fin })
  ),
  stream.map((id) => spdy.synReply(id, { first: true })),
  FastCheck.tuple(stream, number).map(([id, status]) => spdy.rstStream(id, status)),
  number.map((id) => spdy.ping(id)),
  FastCheck.tuple(number, number).map(([id, status]) => spdy.goAway(id, status)),
  FastCheck.tuple(number, number).map(([id, delta]) => spdy.windowUpdate(id, delta)),
  FastCheck.tuple(stream, FastCheck.uint8Array({ maxLength: 300 }), FastCheck.boolean()).map(([id, bytes, fin]) =>
    spdy.data(id, bytes, fin)
  )
)

describe("SPDY", () => {
  it("reads the same, however the bytes are cut", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(frame, { maxLength: 8 }),
        FastCheck.array(FastCheck.nat({ max: 400 }), { minLength: 1, maxLength: 30 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames)
          const parts: Array<Uint8Array> = []
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = cuts[turn % cuts.length] ?? 0
            parts.push(bytes.subarray(at, at + size))
            at += turn >= cuts.length && size === 0 ? 1 : size
            if (turn > 5000) {
              parts.push(bytes.subarray(at))
              break
            }
          }
          const read_ = parts.reduce((sum, part) => sum + part.length, 0) === bytes.length ? parts : [bytes]
          assert.deepStrictEqual(normal(read(read_)), normal(read([bytes])))
          assert.deepStrictEqual(normal(read([...bytes].map((byte) => Uint8Array.of(byte)))), normal(read([bytes])))
        }
      ),
      { numRuns: 60 }
    )
  })

  it("gives what was written", () => {
    const bytes = Buffer.concat([
      spdy.rstStream(3, spdy.cancel),
      spdy.ping(7),
      spdy.goAway(5, 2),
      spdy.windowUpdate(0, 9),
      spdy.synReply(3, { first: true }),
      spdy.data(3, Buffer.from("hello")),
      spdy.data(3, new Uint8Array(0), true)
    ])
    assert.deepStrictEqual(normal(read([bytes])), [
      { _tag: "RstStream", stream: 3, status: 5 },
      { _tag: "Ping", id: 7 },
      { _tag: "GoAway", lastStream: 5, status: 2 },
      { _tag: "WindowUpdate", stream: 0, delta: 9 },
      { _tag: "SynReply", stream: 3, fin: false },
      { _tag: "Data", stream: 3, fin: true, bytes: Buffer.from("hello").toString("hex") }
    ])
  })

  it("writes headers as one zlib stream that any reader unpacks", () => {
    const frames = read([
      spdy.synStream(1, { streamType: "error", port: "80" }, { first: true }),
      spdy.synStream(3, { long: "x".repeat(40_000) }, { first: false, fin: true })
    ])
    const blocks = frames.map((frame) => (frame._tag === "SynStream" ? frame.block : new Uint8Array(0)))
    const plain = inflateSync(Buffer.concat(blocks), { finishFlush: constants.Z_SYNC_FLUSH })
    assert.strictEqual(
      plain.subarray(0, 41).toString("latin1"),
      "\0\0\0\x02\0\0\0\x0astreamtype\0\0\0\x05error\0\0\0\x04port\0\0\0\x0280"
    )
    assert.strictEqual(plain.length, 41 + 4 + 4 + 4 + 4 + 40_000)
  })

  it("keeps no data frame back, however long", () => {
    const decode = spdy.decoder()
    const [first] = Either.getOrThrow(decode(Buffer.concat([spdy.dataHead(1, 10_000_000, true), Buffer.alloc(1000)])))
    assert.strictEqual(first?._tag === "Data" && first.bytes.length === 1000 && !first.fin, true)
  })

  const control = (type: number, payload: Buffer, version = 3) => {
    const head = Buffer.alloc(8)
    head.writeUInt16BE(0x8000 | version, 0)
    head.writeUInt16BE(type, 2)
    head.writeUInt32BE(payload.length, 4)
    return Buffer.concat([head, payload])
  }
  const malformed: ReadonlyArray<readonly [name: string, bytes: Buffer]> = [
    ["another version", control(6, Buffer.alloc(4), 2)],
    ["HTTP", Buffer.from("\x80TTP/1.1 400 Bad Request\r\n\r\n", "latin1")],
    ["a ping that is too long", control(6, Buffer.alloc(5))],
    ["a reset that is too short", control(3, Buffer.from([0, 0, 0, 1]))],
    ["a reset of stream 0", control(3, Buffer.alloc(8))],
    ["data of stream 0", spdy.data(0, Buffer.from("x"))],
    ["settings of another number", control(4, Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]))],
    ["a control frame without end", spdy.synStream(1, { long: "x".repeat(70_000) }, { first: true })]
  ]
  for (const [name, bytes] of malformed) {
    it(`is malformed: ${name}`, () => {
      const decode = spdy.decoder()
      assert.strictEqual(Either.isLeft(decode(bytes)), true)
      // And so is all that follows.
      assert.strictEqual(Either.isLeft(decode(spdy.ping(1))), true)
    })
  }

  it("ignores control frames that it does not know", () => {
    assert.deepStrictEqual(normal(read([Buffer.concat([control(99, Buffer.alloc(7)), spdy.ping(1)])])), [
      { _tag: "Ping", id: 1 }
    ])
  })

  it("fails on no bytes at all with anything but Malformed", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.uint8Array({ maxLength: 100 })), (parts) => {
        const decode = spdy.decoder()
        assert.isTrue(parts.map(decode).every(Either.isEither))
      })
    )
  })
})
