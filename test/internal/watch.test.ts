import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, FastCheck as fc, Stream } from "effect"
import { Pod } from "effect-kubernetes"
import { lines } from "../../src/internal/watch.js"
import { failure, fake, ok, pod, status } from "../layers/fake.js"

const encode = (text: string) => new TextEncoder().encode(text)

/** The bytes, cut at these places. */
const split = (bytes: Uint8Array, cuts: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => bytes.slice(places[index], end))
}

const collect = <A, E>(stream: Stream.Stream<A, E>) => Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

describe("the lines of a stream", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "ü", "漢", "🚢", " ", "\r", '"') })

  it("are the same however the bytes are cut", () =>
    fc.assert(
      fc.asyncProperty(fc.array(text), fc.boolean(), fc.array(fc.nat(), { maxLength: 30 }), (parts, open, cuts) => {
        const whole = parts.join("\n") + (open ? "" : "\n")
        const expected = whole.split("\n")
        // What stands behind the last end of a line is a line only if there is something.
        if (expected.at(-1) === "") expected.pop()
        return collect(lines(Stream.fromIterable(split(encode(whole), cuts)))).pipe(
          Effect.andThen((found) => assert.deepStrictEqual(found, expected)),
          Effect.runPromise
        )
      }),
      { numRuns: 300 }
    ))

  it.effect("of one stream value are found anew each time it runs", () =>
    Effect.gen(function* () {
      const stream = lines(Stream.make(encode("a\nb")))
      assert.deepStrictEqual(yield* collect(stream), ["a", "b"])
      assert.deepStrictEqual(yield* collect(Stream.take(stream, 1)), ["a"])
    })
  )
})

describe("the events of a watch", () => {
  const at = "/api/v1/namespaces/team/pods"

  const watch = (chunks: Stream.Stream<Uint8Array, never>) => {
    const { client } = fake(() => ok(""), chunks)
    const seen: Array<unknown> = []
    return Pod.watch({ resume: false, timeout: "infinity" }).pipe(
      Stream.runForEach((event) =>
        Effect.sync(() => void seen.push("object" in event ? [event._tag, event.object.metadata.name] : { ...event }))
      ),
      Effect.match({
        onFailure: (error) => ({ seen, error: `${error._tag}: ${error.message}` }),
        onSuccess: () => ({ seen, error: undefined })
      }),
      Effect.provide(client)
    )
  }
  const text = (...events: ReadonlyArray<unknown>) =>
    Stream.make(encode(events.map((e) => `${JSON.stringify(e)}\n`).join("")))

  const all = [
    { type: "ADDED", object: pod("ä") },
    { type: "MODIFIED", object: pod("b") },
    { type: "BOOKMARK", object: { kind: "Pod", apiVersion: "v1", metadata: { resourceVersion: "8" } } },
    {
      type: "BOOKMARK",
      object: {
        kind: "Pod",
        apiVersion: "v1",
        metadata: { resourceVersion: "9", annotations: { "k8s.io/initial-events-end": "true" } }
      }
    },
    { type: "DELETED", object: pod("c") }
  ]
  const expected = [
    ["Added", "ä"],
    ["Modified", "b"],
    { _tag: "Bookmark", resourceVersion: "8" },
    { _tag: "Synced", resourceVersion: "9" },
    ["Deleted", "c"]
  ]

  it("are the same however the bytes are cut", () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), (cuts) => {
        const bytes = encode(all.map((event) => `${JSON.stringify(event)}\n`).join(""))
        return Effect.runPromise(
          Effect.map(watch(Stream.fromIterable(split(bytes, cuts))), (result) => {
            assert.deepStrictEqual(result, { seen: expected, error: undefined })
          })
        )
      }),
      { numRuns: 50 }
    ))

  it.effect("come one by one, and not when the watch ends", () =>
    Effect.gen(function* () {
      const { client } = fake(() => ok(""), Stream.concat(text(all[0]), Stream.never))
      const events = yield* Effect.provide(Stream.runCollect(Stream.take(Pod.watch({ resume: false }), 1)), client)
      assert.strictEqual(Chunk.unsafeHead(events)._tag, "Added")
    })
  )

  it.effect("that are cut off are an error, after those before", () =>
    Effect.gen(function* () {
      const cut = Stream.make(encode(`${JSON.stringify(all[0])}\n{"type":"ADD`))
      assert.deepStrictEqual(yield* watch(cut), {
        seen: [["Added", "ä"]],
        error: `DecodeError: the watch ended in the middle of an event, after 12 characters of it (GET ${at})`
      })
    })
  )

  it.effect("ERROR is the error that it reports", () =>
    Effect.gen(function* () {
      const error = (code: number, reason?: string, message?: string) => ({
        type: "ERROR",
        object: status(code, reason, message === undefined ? {} : { message })
      })
      assert.deepStrictEqual(yield* watch(text(all[0], error(410, "Expired", "too old resource version: 1 (9)"))), {
        seen: [["Added", "ä"]],
        error: "Expired: too old resource version: 1 (9)"
      })
      assert.strictEqual((yield* watch(text(error(410, "Gone", "gone")))).error, "Gone: gone")
      assert.strictEqual((yield* watch(text(error(500)))).error, `InternalError: GET ${at}: InternalError (HTTP 500)`)
    })
  )

  it.effect("ERROR without a Status is an error, and no defect", () =>
    Effect.gen(function* () {
      for (const object of [undefined, null, 5, "gone", {}, []]) {
        const { error } = yield* watch(text({ type: "ERROR", object }))
        assert.match(error ?? "", /^(InternalError|UnexpectedStatus|DecodeError): /)
      }
    })
  )

  it.effect("what is no event is an error that shows its beginning", () =>
    Effect.gen(function* () {
      const garbage = (line: string) => Effect.map(watch(Stream.make(encode(`${line}\n`))), ({ error }) => error)
      assert.strictEqual(yield* garbage("<html>"), `DecodeError: expected a watch event, got "<html>" (GET ${at})`)
      assert.strictEqual(
        yield* garbage("x".repeat(500)),
        `DecodeError: expected a watch event, got "${"x".repeat(80)}" (GET ${at})`
      )
      assert.strictEqual(yield* garbage("5"), `DecodeError: expected a watch event, got something else (GET ${at})`)
      assert.strictEqual(
        yield* garbage('{"type":"NEW","object":{}}'),
        `DecodeError: type: expected a watch event, got "NEW" (GET ${at})`
      )
      assert.match((yield* garbage("{}")) ?? "", /^DecodeError: type: expected a watch event, got /)
      // A whole answer in the place of events: a proxy, or a server that does not know `watch`.
      assert.match(
        (yield* garbage(JSON.stringify(status(200)))) ?? "",
        /^DecodeError: type: expected a watch event, got /
      )
    })
  )

  it.effect("an object that is not of the kind is an error", () =>
    Effect.gen(function* () {
      const bad = pod("bad", { spec: { containers: "none" } })
      assert.match(
        (yield* watch(text({ type: "ADDED", object: bad }))).error ?? "",
        /^DecodeError: .*spec\.containers: expected array, got "none"/
      )
      assert.match((yield* watch(text({ type: "ADDED" }))).error ?? "", /^DecodeError: .*expected a Pod, got /)
    })
  )

  it.effect("a bookmark of an odd shape is an error or empty, and no defect", () =>
    Effect.gen(function* () {
      for (const object of [
        undefined,
        null,
        5,
        { metadata: null },
        { metadata: 5 },
        { metadata: { annotations: null } }
      ]) {
        yield* watch(text({ type: "BOOKMARK", object }))
      }
    })
  )

  it.effect("a connection that breaks is an error, after the events before", () =>
    Effect.gen(function* () {
      // In the middle of the next one, which is no news.
      const begun = Stream.concat(text(all[0]), Stream.make(encode('{"type":"ADD')))
      const chunks = Stream.concat(begun, Stream.fromEffect(failure("Reset", "the connection broke")))
      const { client } = fake(() => ok(""), chunks)
      const seen: Array<string> = []
      const error = yield* Pod.watch({ resume: false }).pipe(
        Stream.runForEach((event) => Effect.sync(() => void seen.push(event._tag))),
        Effect.flip,
        Effect.provide(client)
      )
      assert.strictEqual(error._tag, "TransportError")
      assert.deepStrictEqual(seen, ["Added"])
    })
  )

  it.effect("a server that ends the watch ends the stream", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* watch(Stream.empty), { seen: [], error: undefined })
      assert.deepStrictEqual(yield* watch(Stream.make(encode("\n\r\n"))), { seen: [], error: undefined })
    })
  )
})
