/** What a container may send that no honest one does: nothing of it may touch what lies outside of the target. */
import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, FastCheck, Fiber, Layer, Logger, type Scope } from "effect"
import { Pod, type CopyFailed } from "effect-kubernetes"
import type { CopyOptions } from "effect-kubernetes/Copy"
import { Header, type HeaderData } from "tar/header"
import { Pax } from "tar/pax"
import type { IncomingMessage } from "node:http"
import type { WebSocket } from "ws"
import { clientOf } from "../support/client.js"
import { eventually } from "../support/server.js"
import { message, server } from "../support/webSocket.js"

const success = message(3, '{"status":"Success"}')
const failure = (reason: string, text: string, code = "1") =>
  message(
    3,
    JSON.stringify({
      status: "Failure",
      reason,
      message: text,
      code: 500,
      details: { causes: [{ reason: "ExitCode", message: code }] }
    })
  )

/** An entry of an archive, with a right checksum whatever it claims. */
const entry = (fields: HeaderData & { readonly path: string }, body: string | Uint8Array = ""): Buffer => {
  const bytes = Buffer.from(body)
  const buffer = Buffer.alloc(512)
  const size = fields.size ?? bytes.length
  new Header({ mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), type: "File", ...fields, size }).encode(buffer)
  return Buffer.concat([buffer, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

const long = (type: "NextFileHasLongPath" | "NextFileHasLongLinkpath", name: string | Uint8Array) =>
  entry({ path: "././@LongLink", type }, name)

const end = Buffer.alloc(1024)

const file = (path: string, body = "evil") => entry({ path }, body)
const directory = (path: string) => entry({ path, type: "Directory", mode: 0o755 })
const symlink = (path: string, linkpath: string) => entry({ path, type: "SymbolicLink", linkpath })
const hardLink = (path: string, linkpath: string) => entry({ path, type: "Link", linkpath })

/** Sends bytes in messages of any size, and how the command ended. */
const sends =
  (archive: Uint8Array, { last = success, piece = 1000, stderr = "" } = {}) =>
  (socket: WebSocket) => {
    for (let at = 0; at < archive.length; at += piece) socket.send(message(1, archive.subarray(at, at + piece)))
    if (stderr !== "") socket.send(message(2, stderr))
    socket.send(last)
    socket.close(1000)
  }

/**
 * A directory with a target in it, and beside it what nobody may change. In the target there is a link out of it from
 * before.
 */
const place = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const top = yield* Effect.flatMap(fs.makeTempDirectoryScoped(), fs.realPath)
  yield* fs.makeDirectory(`${top}/outside/dir`, { recursive: true })
  yield* fs.writeFileString(`${top}/outside/secret`, "secret")
  yield* fs.makeDirectory(`${top}/target`)
  yield* fs.symlink(`${top}/outside`, `${top}/target/old`)
  yield* fs.symlink(`${top}/outside/secret`, `${top}/target/oldfile`)
  return { top, target: `${top}/target`, outside: `${top}/outside` }
})

/** Everything in a directory, with the time of the last change: the names, types and contents. */
const snapshot = (top: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const found: Record<string, string> = {}
    const walk = (path: string): Effect.Effect<void, unknown> =>
      Effect.gen(function* () {
        const link = yield* Effect.option(fs.readLink(path))
        if (link._tag === "Some") {
          found[path.slice(top.length)] = `-> ${link.value}`
          return
        }
        const { mode, type } = yield* fs.stat(path)
        found[path.slice(top.length)] = `${type} ${mode} ${type === "File" ? yield* fs.readFileString(path) : ""}`
        if (type === "Directory") {
          for (const name of (yield* fs.readDirectory(path)).toSorted()) yield* walk(`${path}/${name}`)
        }
      })
    yield* walk(top)
    return found
  })

const copyFrom = <E = never, R = never>(
  onSocket: (socket: WebSocket) => void,
  to: string,
  options?: CopyOptions<E, R>,
  of = "/data/src"
) =>
  Effect.flatMap(server(onSocket), ({ port }) =>
    Effect.provide(Pod.copyFrom("box", of, to, { container: "main", ...options }), clientOf(port))
  )

const test = <A, E>(
  name: string,
  body: Effect.Effect<A, E, FileSystem.FileSystem | NodeContext.NodeContext | Scope.Scope>
) =>
  it.scopedLive(
    name,
    () => body.pipe(Effect.provide(Layer.merge(NodeContext.layer, Logger.remove(Logger.defaultLogger)))),
    30_000
  )

const asCopyFailed = (error: unknown): CopyFailed => {
  if (error instanceof Error && "_tag" in error && error._tag === "CopyFailed") return error as CopyFailed
  throw new Error(`not a CopyFailed: ${String(error)}`)
}

/** The archive is refused, the error names the entry, and nothing outside has changed. */
const refuses = (
  archive: ReadonlyArray<Buffer>,
  named: string,
  why: RegExp,
  reason: CopyFailed["reason"] = "Refused"
) =>
  Effect.gen(function* () {
    const { outside, target } = yield* place
    const before = yield* snapshot(outside)
    const error = asCopyFailed(yield* Effect.flip(copyFrom(sends(Buffer.concat([...archive, end])), target)))
    assert.strictEqual(error.reason, reason, error.message)
    if (named !== "") assert.strictEqual(error.entry, named)
    assert.match(error.message, why)
    assert.deepStrictEqual(yield* snapshot(outside), before)
  })

describe("an entry is refused", () => {
  const root = directory("./src/")
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<Buffer>, string, RegExp]> = [
    ["with an absolute name", [root, file("/etc/passwd")], "/etc/passwd", /absolute/],
    ["that climbs out", [root, file("src/../../outside/secret")], "src/../../outside/secret", /leave the target/],
    ["that climbs at all", [root, file("./src/a/../b")], "./src/a/../b", /leave the target/],
    ["that only begins like it", [root, file("src2/a")], "src2/a", /not part of what was asked for/],
    ["that is something else", [file("other")], "other", /not part/],
    ["through a link that was there before", [root, file("src/old/secret")], "src/old/secret", /symbolic link/],
    ["a directory through such a link", [root, directory("src/old/dir2")], "src/old/dir2", /symbolic link/],
    ["deep through such a link", [root, file("src/old/x/y/z")], "src/old/x/y/z", /symbolic link/],
    ["a directory in the place of such a link", [root, directory("src/old/")], "src/old/", /symbolic link/],
    ["a hard link to what lies outside", [root, hardLink("src/x", "/etc/passwd")], "src/x", /hard link/],
    ["a hard link that climbs", [root, hardLink("src/x", "src/../../outside/secret")], "src/x", /hard link/],
    ["a hard link through a link", [root, hardLink("src/x", "src/old/secret")], "src/x", /symbolic link/],
    ["a hard link to a link", [root, hardLink("src/x", "src/oldfile")], "src/x", /symbolic link/],
    ["a file in the place of a directory", [root, directory("src/d"), file("src/d")], "d", /is a directory/],
    ["a directory in the place of a file", [root, file("src/d"), directory("src/d")], "src/d", /no directory/],
    ["below a file", [root, file("src/d"), file("src/d/e")], "src/d/e", /no directory/],
    [
      "whose name is no text",
      [root, long("NextFileHasLongPath", Buffer.from([0x73, 0x72, 0x63, 0x2f, 0xff])), file("x")],
      "src/\uFFFD",
      /UTF-8/
    ],
    [
      "by a long name",
      [root, long("NextFileHasLongPath", "src/../../outside/secret\0"), file("src/harmless")],
      "src/../../outside/secret",
      /leave the target/
    ],
    [
      "by a name of the newer form",
      [root, new Pax({ path: "src/../../outside/secret" }).encode(), file("src/harmless")],
      "src/../../outside/secret",
      /leave the target/
    ]
  ]
  for (const [name, archive, named, why] of cases) test(name, refuses(archive, named, why))

  test(
    "in a copy of a file, with something below it",
    refuses([file("src"), file("src/a")], "src/a", /not a directory/)
  )
})

describe("an archive is damaged", () => {
  const damaged = (name: string, bytes: Uint8Array) =>
    test(
      name,
      Effect.gen(function* () {
        const { target } = yield* place
        const before = yield* snapshot(target)
        const error = asCopyFailed(yield* Effect.flip(copyFrom(sends(bytes), target)))
        assert.strictEqual(error.reason, "BadArchive", error.message)
        // Not even a part of a file is left.
        const after = yield* snapshot(target)
        delete after["/whole"]
        assert.deepStrictEqual(after, before)
      })
    )
  const whole = Buffer.concat([directory("src"), file("src/whole"), entry({ path: "src/cut" }, "x".repeat(2000))])
  damaged("nothing at all", Buffer.alloc(0))
  damaged("only its end", end)
  damaged("garbage", Buffer.from("OCI runtime exec failed: ".repeat(100)))
  damaged("cut inside of a file", whole.subarray(0, whole.length - 1000))
  damaged("cut inside of a header", whole.subarray(0, 700))
  damaged("compressed", Buffer.from([0x1f, 0x8b, 8, 0, ...new Uint8Array(2000)]))
  damaged("a size beyond all bounds", entry({ path: "src/huge", size: Number.MAX_SAFE_INTEGER }, "x"))
  damaged(
    "a size that is no number",
    Buffer.concat([corrupt(file("src/a"), 124, [0xff, ...Array.from({ length: 11 }, () => 0xff)]), end])
  )
  damaged(
    "a name beyond all bounds",
    Buffer.concat([long("NextFileHasLongPath", "a".repeat(3 << 20)), file("src/a"), end])
  )
  damaged("a type that is not known", Buffer.concat([corrupt(file("src/a"), 156, [0x53]), end]))

  test(
    "so that its end is missing, after whole files: they stay",
    Effect.gen(function* () {
      const { target } = yield* place
      const error = asCopyFailed(
        yield* Effect.flip(copyFrom(sends(Buffer.concat([directory("src"), file("src/a")])), target))
      )
      assert.strictEqual(error.reason, "BadArchive")
      const fs = yield* FileSystem.FileSystem
      assert.strictEqual(yield* fs.readFileString(`${target}/a`), "evil")
    })
  )
})

/** Changes bytes of a header, and corrects its checksum. */
function corrupt(header: Buffer, at: number, bytes: ReadonlyArray<number>): Buffer {
  const changed = Buffer.from(header)
  changed.set(bytes, at)
  changed.fill(0x20, 148, 156)
  const sum = changed.subarray(0, 512).reduce((a, b) => a + b, 0)
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1")
  return changed
}

describe("what is left out, and what is made of the rest", () => {
  test(
    "links and devices are never made, and nothing is written through them",
    Effect.gen(function* () {
      const { outside, target } = yield* place
      const before = yield* snapshot(outside)
      const archive = [
        directory("./src"),
        symlink("./src/out", outside),
        file("./src/out/new", "inside"),
        symlink("./src/f", `${outside}/secret`),
        file("./src/f", "inside"),
        file("./src/oldfile", "inside"),
        entry({ path: "./src/dev", type: "BlockDevice" }),
        entry({ path: "./src/chr", type: "CharacterDevice" }),
        entry({ path: "./src/pipe", type: "FIFO" }),
        hardLink("./src/again", "./src/f"),
        hardLink("./src/lost", "./src/pipe"),
        end
      ]
      const result = yield* copyFrom(sends(Buffer.concat(archive)), target)
      assert.deepStrictEqual(
        result.skipped.map(({ path, type }) => `${path} ${type}`),
        ["out SymbolicLink", "f SymbolicLink", "dev BlockDevice", "chr CharacterDevice", "pipe FIFO", "lost HardLink"]
      )
      assert.strictEqual(result.files, 4)
      assert.deepStrictEqual(yield* snapshot(outside), before)
      const after = yield* snapshot(target)
      for (const name of ["out/new", "f", "oldfile", "again"])
        assert.match(after[`/${name}`] ?? "", /^File .* inside$/, name)
    })
  )

  test(
    "the last of several entries of one name counts, and odd names are names",
    Effect.gen(function* () {
      const { target } = yield* place
      const archive = [
        ...["one", "two"].map((text) => file("./src/a", text)),
        file("./src//b/./c\nd", "odd"),
        directory("./src/b/"),
        file("src/é\\: *", "odd"),
        end
      ]
      // Split wherever: in the middle of headers, names and characters.
      for (const piece of [1, 7, 512, 513, 100_000]) {
        yield* copyFrom(sends(Buffer.concat(archive), { piece }), target)
        const after = yield* snapshot(target)
        assert.match(after["/a"] ?? "", / two$/)
        assert.match(after["/b/c\nd"] ?? "", / odd$/)
        assert.match(after["/é\\: *"] ?? "", / odd$/)
      }
    })
  )

  test(
    "the set-user-id bit does not come along, and a directory can be written",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { target } = yield* place
      const archive = [
        directory("src"),
        entry({ path: "src/ro", type: "Directory", mode: 0o555 }),
        entry({ path: "src/ro/su", mode: 0o6755 }, "x"),
        end
      ]
      yield* copyFrom(sends(Buffer.concat(archive)), target)
      assert.strictEqual((yield* fs.stat(`${target}/ro/su`)).mode & 0o7000, 0)
      assert.strictEqual((yield* fs.stat(`${target}/ro`)).mode & 0o700, 0o700)
    })
  )

  test(
    "a link that the caller names is followed; a device is not overwritten",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { outside, target } = yield* place
      const archive = Buffer.concat([file("./src", "new"), end])
      yield* copyFrom(sends(archive), `${target}/oldfile`)
      assert.strictEqual(yield* fs.readFileString(`${outside}/secret`), "new")
      assert.strictEqual(yield* fs.readLink(`${target}/oldfile`), `${outside}/secret`)
      const error = asCopyFailed(yield* Effect.flip(copyFrom(sends(archive), "/dev/null")))
      assert.strictEqual(error.reason, "Refused")
      assert.strictEqual((yield* fs.stat("/dev/null")).type, "CharacterDevice")
    })
  )
})

const name = FastCheck.constantFrom(
  "a",
  "b",
  "old",
  "oldfile",
  "..",
  ".",
  "",
  "src",
  "A",
  "é",
  "x\ny",
  "target",
  "outside"
)
const path = FastCheck.tuple(
  FastCheck.constantFrom("src/", "./src/", "src/", "", "/", "../"),
  FastCheck.array(name, { minLength: 0, maxLength: 4 })
).map(([start, parts]) => `${start}${parts.join("/")}` || "src")
const random = FastCheck.oneof(
  {
    weight: 4,
    arbitrary: FastCheck.tuple(path, FastCheck.string({ maxLength: 700 })).map(([at, body]) =>
      entry({ path: at }, body)
    )
  },
  { weight: 2, arbitrary: path.map(directory) },
  {
    weight: 3,
    arbitrary: FastCheck.tuple(
      path,
      FastCheck.oneof(path, FastCheck.constantFrom("/", "..", "../outside", "../outside/secret"))
    ).map(([at, to]) => symlink(at, to || "x"))
  },
  {
    weight: 3,
    arbitrary: FastCheck.tuple(
      path,
      FastCheck.oneof(path, FastCheck.constantFrom("../outside/secret", "src/old/secret"))
    ).map(([at, to]) => hardLink(at, to || "x"))
  },
  { weight: 1, arbitrary: path.map((at) => long("NextFileHasLongPath", `${at}\0`)) },
  { weight: 1, arbitrary: path.map((at) => new Pax({ path: at, size: 3 }).encode()) },
  { weight: 1, arbitrary: FastCheck.uint8Array({ minLength: 512, maxLength: 512 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: FastCheck.tuple(path, FastCheck.nat(511), FastCheck.uint8Array({ minLength: 1, maxLength: 12 })).map(
      ([at, offset, bytes]) => corrupt(file(at), Math.min(offset, 512 - bytes.length), [...bytes])
    )
  }
)

describe("whatever a container sends", () => {
  test(
    "nothing outside of the target changes, and no part of a file is left",
    Effect.promise(() =>
      FastCheck.assert(
        FastCheck.asyncProperty(
          FastCheck.array(random, { minLength: 1, maxLength: 12 }),
          FastCheck.integer({ min: 1, max: 3000 }),
          (entries, piece) =>
            Effect.gen(function* () {
              const { outside, target, top } = yield* place
              const before = yield* snapshot(outside)
              const archive = Buffer.concat([...entries, end])
              yield* Effect.ignore(copyFrom(sends(archive, { piece }), target))
              assert.deepStrictEqual(yield* snapshot(outside), before)
              const fs = yield* FileSystem.FileSystem
              assert.deepStrictEqual((yield* fs.readDirectory(top)).toSorted(), ["outside", "target"])
              const names = yield* fs.readDirectory(target, { recursive: true })
              assert.deepStrictEqual(
                names.filter((found) => found.endsWith(".part")),
                []
              )
            }).pipe(
              Effect.scoped,
              Effect.provide(Layer.merge(NodeContext.layer, Logger.remove(Logger.defaultLogger))),
              Effect.runPromise
            )
        ),
        { numRuns: 60 }
      )
    )
  )
})

describe("how a copy fails", () => {
  const dies = (last: Buffer, stderr = "") =>
    Effect.gen(function* () {
      const { target } = yield* place
      return asCopyFailed(yield* Effect.flip(copyFrom(sends(Buffer.alloc(0), { last, stderr }), target)))
    })

  test(
    "without tar: what runtimes say",
    Effect.gen(function* () {
      for (const last of [
        failure(
          "InternalError",
          'error executing command in container: failed to exec in container: failed to start exec "1": OCI runtime exec failed: exec failed: unable to start container process: exec: "tar": executable file not found in $PATH: unknown'
        ),
        failure(
          "InternalError",
          "executable file `tar` not found in $PATH: No such file or directory: OCI runtime error"
        ),
        failure("InternalError", 'error finding executable "tar" in PATH [/bin]: no such file or directory'),
        failure("NonZeroExitCode", "command terminated with non-zero exit code", "126"),
        failure("NonZeroExitCode", "command terminated with non-zero exit code", "127")
      ]) {
        const error = yield* dies(last)
        assert.strictEqual(error.reason, "NoTar")
      }
    })
  )

  test(
    "other failures to start are the server's",
    Effect.gen(function* () {
      const { target } = yield* place
      const last = failure("InternalError", "failed to start exec: no such file or directory: /proc/1/ns")
      const error = yield* Effect.flip(copyFrom(sends(Buffer.alloc(0), { last }), target))
      assert.strictEqual(error._tag, "InternalError")
    })
  )

  test(
    "where tar fails: its own words, not more of them than one can read",
    Effect.gen(function* () {
      const error = yield* dies(
        failure("NonZeroExitCode", "failed", "2"),
        "tar: /data/src: Cannot stat: No such file or directory\n" + "x".repeat(100_000)
      )
      assert.strictEqual(error.reason, "TarFailed")
      assert.strictEqual(error.exitCode, 2)
      assert.match(error.message, /exit code 2\): tar: \/data\/src: Cannot stat/)
      assert.isBelow(error.message.length, 5000)
    })
  )

  test(
    "after files have come, when tar says at the end that one is missing",
    Effect.gen(function* () {
      const { target } = yield* place
      const archive = Buffer.concat([directory("src"), file("src/a"), end])
      const last = failure("NonZeroExitCode", "failed", "1")
      const error = asCopyFailed(
        yield* Effect.flip(copyFrom(sends(archive, { last, stderr: "tar: b: Permission denied" }), target))
      )
      assert.include(error.message, "b: Permission denied")
    })
  )

  test(
    "where a connection breaks, or the copy is interrupted, in the middle of a file: the old one is still there",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { target } = yield* place
      yield* fs.writeFileString(`${target}/a`, "old")
      const before = yield* snapshot(target)
      const part = Buffer.concat([directory("src"), entry({ path: "src/a", size: 1_000_000 }, "x".repeat(5000))])

      const broken = copyFrom((socket) => socket.send(message(1, part), () => socket.terminate()), target)
      assert.strictEqual((yield* Effect.flip(broken))._tag, "TransportError")
      assert.deepStrictEqual(yield* snapshot(target), before)

      const begun = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        copyFrom((socket) => socket.send(message(1, part)), target, {
          onProgress: () => Deferred.succeed(begun, undefined)
        })
      )
      yield* Deferred.await(begun)
      assert.notDeepEqual(yield* snapshot(target), before)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* snapshot(target), before)

      const stops = yield* Effect.flip(
        copyFrom(sends(Buffer.concat([part, end])), target, { onProgress: () => Effect.fail("enough" as const) })
      )
      assert.strictEqual(stops, "enough")
      assert.deepStrictEqual(yield* snapshot(target), before)
    })
  )
})

const commandOf = (request: IncomingMessage): ReadonlyArray<string> =>
  new URL(request.url ?? "", "http://localhost").searchParams.getAll("command")

/** `tar` has ended, as the script that runs it tells. */
const ended = (exitCode: number, said = "") => message(1, `${said}\0${exitCode}\n`)

/** A container that takes an archive, and what it got. */
const takes = (onInput: (socket: WebSocket, got: Buffer) => void = () => {}) => {
  let got: Buffer = Buffer.alloc(0)
  return {
    archive: () => got,
    onSocket: (socket: WebSocket) => {
      socket.send(message(1, "other\n"))
      socket.on("message", (data: Buffer) => {
        if (data[0] === 0) {
          got = Buffer.concat([got, data.subarray(1)])
          onInput(socket, got)
        }
        if (data[0] === 255) {
          socket.send(ended(0))
          sends(Buffer.alloc(0))(socket)
        }
      })
    }
  }
}

const missing = (program: string) =>
  failure("InternalError", `OCI runtime exec failed: exec: "${program}": executable file not found in $PATH: unknown`)

describe("into a container", () => {
  const copyTo = <E = never, R = never>(port: number, from: string, options?: CopyOptions<E, R>, to = "/data/") =>
    Effect.provide(Pod.copyTo("box", from, to, { container: "main", ...options }), clientOf(port))

  test(
    "the options of tar are kubectl's; its shell says whether the path is a directory",
    Effect.gen(function* () {
      const { outside } = yield* place
      const { asked, port } = yield* server(takes().onSocket)
      yield* copyTo(port, `${outside}/secret`)
      yield* copyTo(port, `${outside}/secret`, { preserve: false }, "/data/new")
      assert.deepStrictEqual(
        asked.map((request) => commandOf(request).toSpliced(2, 1)),
        [
          ["sh", "-c", "sh", "/data/", "/data", "/data", "-xmf", "-"],
          ["sh", "-c", "sh", "/data/new", "/data/new", "/data"].concat(
            ["--no-same-permissions", "--no-same-owner"],
            ["-xmf", "-"]
          )
        ]
      )
    })
  )

  test(
    "an image without a shell has tar alone",
    Effect.gen(function* () {
      const { outside } = yield* place
      for (const [isDirectory, into, name] of [
        [success, "/data/new", "secret"],
        [failure("NonZeroExitCode", "failed", "1"), "/data", "new"],
        [missing("test"), "/data", "new"]
      ] as const) {
        let got: Buffer = Buffer.alloc(0)
        const { asked, port } = yield* server((socket, request) => {
          const [program] = commandOf(request)
          if (program === "sh") return sends(Buffer.alloc(0), { last: missing("sh") })(socket)
          if (program === "test") return sends(Buffer.alloc(0), { last: isDirectory })(socket)
          socket.on("message", (data: Buffer) => {
            if (data[0] === 0) got = Buffer.concat([got, data.subarray(1)])
            if (data[0] === 255) sends(Buffer.alloc(0))(socket)
          })
        })
        const { bytes, files } = yield* copyTo(port, `${outside}/secret`, {}, "/data/new")
        assert.deepStrictEqual({ bytes, files }, { bytes: 6, files: 1 })
        assert.deepStrictEqual(asked.map(commandOf).slice(1), [
          ["test", "-d", "/data/new"],
          ["tar", "-xmf", "-", "-C", into]
        ])
        assert.strictEqual(new Header(got).path, name)
      }
    })
  )

  test(
    "an image with neither",
    Effect.gen(function* () {
      const { outside } = yield* place
      const { port } = yield* server((socket, request) =>
        sends(Buffer.alloc(0), { last: missing(commandOf(request)[0] ?? "") })(socket)
      )
      const error = asCopyFailed(yield* Effect.flip(copyTo(port, `${outside}/secret`)))
      assert.strictEqual(error.reason, "NoTar")
      const { port: shell } = yield* server((socket) => {
        socket.send(message(1, "other\n"))
        socket.send(ended(127, "sh: tar: not found\n"))
      })
      const other = asCopyFailed(yield* Effect.flip(copyTo(shell, `${outside}/secret`)))
      assert.strictEqual(other.reason, "NoTar")
    })
  )

  test(
    "a file that becomes shorter is told, and one that becomes longer is cut",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { outside } = yield* place
      const path = `${outside}/secret`
      yield* fs.writeFile(path, new Uint8Array(1_000_000))
      const shrinks = takes()
      const once = yield* server(shrinks.onSocket)
      const error = asCopyFailed(
        yield* Effect.flip(copyTo(once.port, path, { onProgress: () => fs.truncate(path, 100_000) }))
      )
      assert.strictEqual(error.reason, "Changed")
      assert.strictEqual(error.entry, "secret")

      yield* fs.writeFileString(path, "short")
      const grows = takes()
      const { port } = yield* server(grows.onSocket)
      const result = yield* copyTo(port, path, { onProgress: () => fs.writeFileString(path, "short and more") })
      assert.strictEqual(result.bytes, 5)
      assert.strictEqual(grows.archive().length, 512 + 512 + 1024)
    })
  )

  test(
    "tar that ends early ends the copy",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { outside } = yield* place
      yield* fs.writeFile(`${outside}/secret`, new Uint8Array(20_000_000))
      const ends = (last: Buffer, then: (socket: WebSocket) => void = () => {}) => {
        let told = false
        return takes((socket) => {
          if (told) return
          told = true
          socket.send(last)
          then(socket)
        })
      }
      // The connection stays open: what is still on its way is thrown away.
      const { open, port } = yield* server(ends(ended(2, "tar: secret: No space left on device\n")).onSocket)
      const error = asCopyFailed(yield* Effect.flip(copyTo(port, `${outside}/secret`)))
      assert.strictEqual(error.exitCode, 2)
      assert.include(error.message, "No space left on device")
      yield* eventually(() => open.size === 0)

      const quiet = yield* server(ends(ended(0)).onSocket)
      const early = asCopyFailed(yield* Effect.flip(copyTo(quiet.port, `${outside}/secret`)))
      assert.include(early.message, "before it had read everything")

      const killed = yield* server(
        ends(failure("NonZeroExitCode", "failed", "137"), (socket) => socket.close(1000)).onSocket
      )
      assert.include(
        asCopyFailed(yield* Effect.flip(copyTo(killed.port, `${outside}/secret`))).message,
        "it was killed"
      )
    })
  )

  test(
    "what is no file is left out and not waited for; a file that cannot be read is an error",
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { outside } = yield* place
      const { onSocket } = takes()
      const { port } = yield* server(onSocket)
      yield* fs.symlink("/dev/null", `${outside}/null`)
      const { skipped } = yield* copyTo(port, outside, { followLinks: true })
      assert.deepStrictEqual(skipped, [{ path: "outside/null", type: "CharacterDevice" }])
    })
  )

  test(
    "sizes that no old header can hold are written in full",
    Effect.gen(function* () {
      const { outside } = yield* place
      const size = 9 * 2 ** 30
      const fs = yield* FileSystem.FileSystem
      yield* fs.truncate(`${outside}/secret`, size)
      const seen = takes((socket) => socket.terminate())
      const { port } = yield* server(seen.onSocket)
      yield* Effect.flip(copyTo(port, `${outside}/secret`))
      assert.strictEqual(new Header(seen.archive()).size, size)
    })
  )
})
