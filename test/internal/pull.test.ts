/** Streams that are read by their pull. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Context, Duration, Effect, Either, Exit, Fiber, Option, Scope, Stream, TestClock } from "effect"
import { makeInbox } from "../../src/internal/inbox.js"
import { open, run, toStream, untilSilent, type Pull } from "../../src/internal/pull.js"

/** Pulls 1, 2, ... up to `last`. */
const upTo = (last: number) => {
  let next = 1
  const pull: Pull<number, string> = Effect.suspend(() =>
    next > last ? Effect.fail(Option.none()) : Effect.succeed(Chunk.of(next++))
  )
  return pull
}

describe("a stream of pulls", () => {
  const counted = () => {
    const count = { opened: 0, closed: 0 }
    const stream = toStream(
      Effect.acquireRelease(
        Effect.sync(() => {
          count.opened++
          return { pull: upTo(3) }
        }),
        () => Effect.sync(() => count.closed++)
      )
    )
    return { count, stream }
  }

  it.effect("is opened anew each time it runs, and closed when it is over or nobody wants more", () =>
    Effect.gen(function* () {
      const { count, stream } = counted()
      assert.deepStrictEqual([...(yield* Stream.runCollect(stream))], [1, 2, 3])
      assert.deepStrictEqual([...(yield* Stream.runCollect(Stream.take(stream, 1)))], [1])
      assert.deepStrictEqual(count, { opened: 2, closed: 2 })
      const fiber = yield* Effect.fork(Stream.runDrain(Stream.concat(stream, Stream.never)))
      const hanging = toStream(
        Effect.acquireRelease(Effect.succeed({ pull: Effect.never }), () => Effect.sync(() => count.closed++))
      )
      const other = yield* Effect.fork(Stream.runDrain(hanging))
      yield* Effect.yieldNow()
      yield* Fiber.interruptAll([fiber, other])
      assert.deepStrictEqual(count, { opened: 3, closed: 4 })
    })
  )

  it.effect("fails as its opening, and as its pull", () =>
    Effect.gen(function* () {
      const failing = toStream(Effect.fail("no"))
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(failing)), "no")
      const broken = toStream(Effect.succeed({ pull: Effect.fail(Option.some("broken")) }))
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(broken)), "broken")
    })
  )

  it.effect("and any other stream can be opened, in its own context", () =>
    Effect.gen(function* () {
      class Factor extends Context.Tag("Factor")<Factor, number>() {}
      const { count, stream } = counted()
      const foreign = Stream.mapEffect(stream, (n) => Effect.map(Factor, (factor) => n * factor))
      const all = yield* Effect.scoped(
        Effect.gen(function* () {
          const { pull } = yield* Effect.provideService(open(foreign), Factor, 10)
          const first = yield* pull
          assert.strictEqual(count.closed, 0)
          return [...first, ...(yield* pull)]
        })
      )
      assert.deepStrictEqual(all, [10, 20])
      assert.deepStrictEqual(count, { opened: 1, closed: 1 })
    })
  )

  it.effect("goes through a machine of its own each time, which may fail after what it put out", () =>
    Effect.gen(function* () {
      const { stream } = counted()
      const sums = run<number, number, string, never>(stream, () => {
        let sum = 0
        return {
          take: (chunk, out) => {
            for (const n of chunk) out.push((sum += n))
            return sum === 6 ? "six" : undefined
          }
        }
      })
      const seen: Array<number> = []
      const drain = Stream.runForEach(sums, (n) => Effect.sync(() => seen.push(n)))
      assert.strictEqual(yield* Effect.flip(drain), "six")
      assert.strictEqual(yield* Effect.flip(drain), "six")
      assert.deepStrictEqual(seen, [1, 3, 6, 1, 3, 6])
    })
  )
})

describe("silence", () => {
  const bytes = new Uint8Array([1])
  const minute = Duration.minutes(1)

  /** What can be ended from outside, as an own connection can, and what cannot. */
  for (const isOwn of [true, false]) {
    it.scoped(
      `ends a connection ${isOwn ? "" : "of another layer "}for whoever waits so long, and for nobody else`,
      () =>
        Effect.gen(function* () {
          const { chunks, offer } = makeInbox({ pause: () => {}, resume: () => {} })
          const scope = yield* Scope.make()
          const opened = yield* Scope.extend(open(isOwn ? chunks : Stream.map(chunks, (chunk) => chunk)), scope)
          assert.strictEqual(opened.end !== undefined, isOwn)
          const pull = yield* Scope.extend(untilSilent(opened, minute), scope)
          const pulled = Effect.fork(Effect.either(pull))
          // Nobody waits.
          yield* TestClock.adjust("5 minutes")
          let fiber = yield* pulled
          yield* TestClock.adjust("59 seconds")
          offer({ chunk: bytes })
          const heard = yield* Fiber.join(fiber)
          assert.deepStrictEqual(Either.map(heard, Chunk.toReadonlyArray), Either.right([bytes]))
          // Whoever takes it does not listen.
          yield* TestClock.adjust("5 minutes")
          fiber = yield* pulled
          yield* TestClock.adjust("59 seconds")
          assert.isNull(fiber.unsafePoll())
          yield* TestClock.adjust("1 seconds")
          assert.deepStrictEqual(yield* Fiber.join(fiber), Either.left(Option.none()))
          yield* Scope.close(scope, Exit.void)
        })
    )
  }

  it.live("leaves no timer behind, which would keep the program from ending", () =>
    Effect.gen(function* () {
      const timers = Effect.sync(() => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length)
      const before = yield* timers
      const { chunks } = makeInbox({ pause: () => {}, resume: () => {} })
      yield* Effect.scoped(Effect.flatMap(open(chunks), (opened) => untilSilent(opened, minute))).pipe(
        Effect.repeatN(20)
      )
      assert.isAtMost(yield* timers, before + 1)
    })
  )
})
