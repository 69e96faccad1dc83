/** Scripts below a shell that keeps their input, with the shells of this machine. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it, layer } from "@effect/vitest"
import { Deferred, Effect, FastCheck as fc, Fiber, Stream } from "effect"
import type { Doing } from "../../src/internal/container.js"
import { finder, keep } from "../../src/internal/kept.js"
import { localRun, pathWith, shells } from "../support/localContainer.js"

const doing: Doing = { module: "Command", method: "test" }

const text = <E>(bytes: Stream.Stream<Uint8Array, E>) => bytes.pipe(Stream.decodeText(), Stream.mkString)

describe("a mark in a stream of bytes", () => {
  // Bytes of few kinds: much that only looks like the mark.
  const bytes = fc.uint8Array({ max: 2, maxLength: 12 })
  const cut = (bytes: Uint8Array, size: number) =>
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.slice(index * size, (index + 1) * size))

  it("is found and taken out, wherever it is cut", () => {
    fc.assert(
      fc.property(bytes, fc.uint8Array({ max: 2, minLength: 1, maxLength: 5 }), bytes, (before, mark, after) => {
        const all = Buffer.concat([before, mark, after])
        const at = all.indexOf(mark)
        const expected = Buffer.concat([all.subarray(0, at), all.subarray(at + mark.length)])
        for (let size = 1; size <= all.length; size++) {
          const { found, push, rest } = finder(mark)
          let seen = 0
          const passed = cut(all, size).map((piece) => {
            seen += piece.length
            const certain = push(piece)
            assert.strictEqual(found(), seen >= at + mark.length)
            return certain
          })
          assert.deepStrictEqual(Buffer.concat([...passed, rest()]), expected)
        }
      })
    )
  })

  it("that never comes lets all else pass, and holds back only what could be its beginning", () => {
    fc.assert(
      fc.property(
        bytes,
        fc.uint8Array({ max: 2, minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 4 }),
        (all, mark, size) => {
          fc.pre(Buffer.from(all).indexOf(mark) === -1)
          const { found, push, rest } = finder(mark)
          const passed: Array<Uint8Array> = []
          for (const piece of cut(all, size)) {
            passed.push(push(piece))
            assert.isTrue(
              Buffer.from(mark)
                .subarray(0, mark.length - 1)
                .subarray(0, rest().length)
                .equals(rest())
            )
          }
          assert.isFalse(found())
          assert.deepStrictEqual(Buffer.concat([...passed, rest()]), Buffer.from(all))
        }
      )
    )
  })
})

layer(NodeContext.layer, { excludeTestServices: true })("a script below a shell", (it) => {
  const large = Stream.repeatValue(new Uint8Array(50_000)).pipe(Stream.take(100))

  for (const shell of shells) {
    const inShell = (script: string, args: ReadonlyArray<string> = []) =>
      Effect.gen(function* () {
        const run = localRun(yield* pathWith(shell))
        return yield* keep((command) => run(doing, command, { stdin: true }), script, args)
      })

    it.scoped(`leaves its input unread, and ends as it ended: ${shell}`, () =>
      Effect.gen(function* () {
        const process = yield* inShell("head -c 5; echo err >&2; exit 7")
        const [out, err, code] = yield* Effect.all(
          [text(process.stdout), text(process.stderr), process.exitCode, Stream.run(large, process.stdin)],
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual([out, err, code], ["\0\0\0\0\0", "err\n", 7])
      })
    )

    it.scoped(`closes its outputs, and gets all of its input: ${shell}`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = `${yield* fs.makeTempDirectoryScoped()}/file`
        const process = yield* inShell('exec wc -c >"$1" 2>/dev/null', [file])
        yield* Effect.fork(Stream.runDrain(Stream.merge(process.stdout, process.stderr)))
        yield* Stream.run(large, process.stdin)
        assert.strictEqual(yield* process.exitCode, 0)
        assert.strictEqual((yield* fs.readFileString(file)).trim(), "5000000")
      })
    )

    it.scoped(`loses none of its output when its shell is killed: ${shell}`, () =>
      Effect.gen(function* () {
        const process = yield* inShell("printf 'a\\0'; kill -9 0")
        assert.strictEqual(yield* text(process.stdout), "a\0")
        assert.strictEqual(yield* process.exitCode, 137)
      })
    )

    it.scoped(`ends where nobody writes its input, or has stopped: ${shell}`, () =>
      Effect.gen(function* () {
        const alone = yield* inShell("echo out")
        assert.strictEqual(yield* text(alone.stdout), "out\n")
        assert.strictEqual(yield* alone.exitCode, 0)

        const fs = yield* FileSystem.FileSystem
        const go = `${yield* fs.makeTempDirectoryScoped()}/go`
        const left = yield* inShell('read line; echo $line; until [ -e "$1" ]; do sleep 0.1; done; exit 3', [go])
        const said = yield* Deferred.make<void>()
        const input = Stream.concat(Stream.make(Buffer.from("one\n")), Stream.never)
        const writing = yield* Effect.fork(Stream.run(input, left.stdin))
        yield* Effect.fork(Stream.runForEach(left.stdout, () => Deferred.succeed(said, undefined)))
        yield* Deferred.await(said)
        yield* Fiber.interrupt(writing)
        yield* fs.writeFileString(go, "")
        assert.strictEqual(yield* left.exitCode, 3)
      })
    )
  }
})
