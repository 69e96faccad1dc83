/** What runs in a container, here in this machine's own shell and with its tools. */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, FastCheck, Option, Stream } from "effect"
import {
  AuthError,
  Container,
  Forbidden,
  InternalError,
  NotFound,
  ServerTimeout,
  Timeout,
  TimeoutError,
  Unauthorized,
  type KubeError
} from "effect-kubernetes"
import { fromKubeError } from "../../src/internal/container.js"
import { make as makeFiles } from "../../src/internal/containerFiles.js"
import { pod as fakePod } from "../layers/fake.js"
import { clientOf } from "../support/client.js"
import { busybox, localRun } from "../support/localContainer.js"
import * as operations from "../support/fileOperations.js"
import { eventually, json } from "../support/server.js"
import { message, server } from "../support/webSocket.js"

layer(NodeContext.layer, { excludeTestServices: true })("a file system of commands", (it) => {
  const isLikeNode = (path: string | undefined) =>
    Effect.gen(function* () {
      const node = yield* FileSystem.FileSystem
      const actual = makeFiles(localRun(path))
      yield* Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(operations.sequences(12), (sequence) =>
            Effect.runPromise(operations.assertSame(node, actual, sequence))
          ),
          // The same sequences each time, unless others are asked for.
          { numRuns: 20, seed: Number(process.env["FILES_SEED"] ?? 1) }
        )
      )
    })

  it.effect("does what Node's does, with this machine's tools", () => isLikeNode(undefined), 600_000)

  it.scoped("does what Node's does, where chance seldom comes by", () =>
    Effect.gen(function* () {
      const node = yield* FileSystem.FileSystem
      const outcome = <A>(effect: Effect.Effect<A, PlatformError>): Effect.Effect<unknown> =>
        Effect.match(effect, {
          onSuccess: (value) => value,
          onFailure: (error) => (error._tag === "SystemError" ? error.reason : error._tag)
        })
      const shown = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")
      const bytes = (text: string) => new Uint8Array(Buffer.from(text))
      const all = (fs: FileSystem.FileSystem, root: string) =>
        Effect.gen(function* () {
          const [file, mode] = [`${root}/file`, { mode: 0o640 }]
          const opened = <A>(
            flag: FileSystem.OpenFlag,
            use: (file: FileSystem.File) => Effect.Effect<A, PlatformError>
          ) => Effect.scoped(Effect.flatMap(fs.open(file, { flag }), use))
          const read = Effect.map(fs.readFile(file), shown)
          const streamed = (options: FileSystem.StreamOptions) =>
            Effect.map(Stream.runCollect(fs.stream(file, options)), (chunks) => [...chunks].map(shown))
          const calls: ReadonlyArray<Effect.Effect<unknown, PlatformError>> = [
            fs.writeFileString(file, "0123456789", mode),
            Effect.map(fs.stat(file), (info) => info.mode & 0o777),
            fs.writeFileString(file, "ab", { flag: "r+" }),
            fs.writeFileString(file, "cd", { flag: "a" }),
            read,
            streamed({ chunkSize: 5 }),
            streamed({ chunkSize: 5, offset: 3 }),
            streamed({ chunkSize: 4, offset: 3, bytesToRead: 6 }),
            streamed({ chunkSize: 4, bytesToRead: 6 }),
            fs.writeFile(file, bytes(""), { flag: "a" }),
            read,
            opened("a+", (file) =>
              Effect.gen(function* () {
                const seen = [shown(Option.getOrThrow(yield* file.readAlloc(3)))]
                yield* file.writeAll(bytes("end"))
                seen.push(shown(Option.getOrThrow(yield* file.readAlloc(3))))
                yield* file.truncate(4)
                yield* file.seek(-3, "current")
                seen.push(shown(Option.getOrThrow(yield* file.readAlloc(9))))
                const end = Option.isNone(yield* file.readAlloc(1))
                return [seen, end, yield* file.read(new Uint8Array())]
              })
            ),
            opened("r+", (file) =>
              Effect.gen(function* () {
                yield* file.writeAll(bytes("012345678"))
                yield* file.truncate(12)
                yield* file.writeAll(bytes("x"))
                const longer = yield* read
                yield* file.truncate(4)
                yield* file.writeAll(bytes("y"))
                yield* file.seek(1, "start")
                return [longer, shown(Option.getOrThrow(yield* file.readAlloc(20)))]
              })
            ),
            opened("r", (file) => file.write(bytes("x"))),
            opened("r", (file) => file.truncate(0)),
            fs.truncate(file, -1),
            read,
            fs.writeFileString(file, "some"),
            opened("w", (file) => file.readAlloc(1)),
            read,
            fs.chown(file, -1, -1),
            fs.chown(file, -1, process.getgid?.() ?? -1),
            fs.utimes(file, 1000, 2000),
            fs.copy(file, `${root}/with times`, { preserveTimestamps: true }),
            Effect.map(fs.stat(`${root}/with times`), ({ mtime }) => mtime),
            fs.symlink("", `${root}/link`),
            fs.readFile(""),
            fs.readFile("a\0b"),
            Effect.map(fs.stat("/dev/null"), ({ type }) => type)
          ]
          return yield* Effect.forEach(calls, outcome)
        })
      const files = makeFiles(localRun())
      const root = yield* node.makeTempDirectoryScoped()
      const expected = yield* all(node, root)
      yield* node.remove(root, { recursive: true })
      yield* node.makeDirectory(root)
      assert.deepStrictEqual(yield* all(files, root), expected)

      assert.strictEqual(yield* outcome(files.utimes(root, Number.NaN, 0)), "BadArgument")
      // A piece of nothing is an error on Node.
      const pieces = Stream.make(bytes("one"), bytes(""), bytes("two"))
      yield* Stream.run(pieces, files.sink(`${root}/pieces`))
      assert.strictEqual(yield* node.readFileString(`${root}/pieces`), "onetwo")
    })
  )

  it.scoped.skipIf(busybox === undefined)(
    "does what Node's does, with those of BusyBox",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const tools = yield* fs.makeTempDirectoryScoped()
        yield* Command.exitCode(Command.make(busybox ?? "", "--install", "-s", tools))
        yield* isLikeNode(tools)
      }),
    600_000
  )
})

describe("a server before Kubernetes 1.30", () => {
  it.live("runs what reads nothing, and says what the rest needs before anything runs", () =>
    Effect.gen(function* () {
      const got: Array<string> = []
      let askedForPod = 0
      const pod = {
        ...fakePod("box"),
        spec: { containers: [{ name: "main", resources: {} }] }
      }
      const { asked, open, port } = yield* server(
        (socket) => {
          socket.on("message", (bytes: Buffer) => got.push(bytes.toString("latin1")))
          if (asked.at(-1)?.url?.includes("stdin=true") === true) return
          socket.send(message(1, "hello"))
          socket.send(message(3, '{"status":"Success"}'))
          socket.close(1000)
        },
        {
          protocol: "v4.channel.k8s.io",
          answer: (_, response) => {
            askedForPod++
            json(response, pod)
          }
        }
      )
      yield* Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        assert.strictEqual(yield* fs.readFileString("/greeting"), "hello")
        for (const call of [
          fs.writeFileString("/greeting", "hello"),
          Stream.run(Stream.empty, fs.sink("/greeting")),
          Command.string(Command.make("echo", "hello"))
        ]) {
          const error = yield* Effect.flip<unknown, PlatformError, CommandExecutor.CommandExecutor>(call)
          assert.include(error.message, "the end of an input needs a server of Kubernetes 1.30 or newer")
        }
      }).pipe(Effect.provide(Container.layer("box")), Effect.provide(clientOf(port)))
      yield* eventually(() => open.size === 0)
      assert.deepStrictEqual(got, [])
      // For each of the two layers the pod is asked for once, and not for each command.
      assert.strictEqual(askedForPod, 2)
    }).pipe(Effect.scoped)
  )
})

describe("what goes wrong on the way to a container", () => {
  const reason = (error: KubeError) => {
    const { _tag, ...rest } = fromKubeError({ module: "FileSystem", method: "exists" })(error)
    return "reason" in rest ? rest.reason : _tag
  }
  const status = { code: 0, status: {}, method: "GET", path: "/" }

  it("has the platform's reasons, and is never a file that is not there", () => {
    assert.deepStrictEqual(
      [
        new Forbidden(status),
        new Unauthorized(status),
        new AuthError({ message: "" }),
        new TimeoutError({ method: "GET", path: "/", timeout: Duration.seconds(1) }),
        new Timeout(status),
        new ServerTimeout(status),
        new NotFound(status),
        new InternalError(status)
      ].map(reason),
      [
        "PermissionDenied",
        "PermissionDenied",
        "PermissionDenied",
        "TimedOut",
        "TimedOut",
        "TimedOut",
        "Unknown",
        "Unknown"
      ]
    )
  })
})
