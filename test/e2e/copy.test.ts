/** Files into and out of the containers of a real kubelet. The image's `tar` is busybox's. */
import * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, inject, layer } from "@effect/vitest"
import { Effect, Layer, Option, Stream, type Scope } from "effect"
import { Pod, type CopyFailed, type KubeClient } from "effect-kubernetes"
import type { CopyProgress } from "effect-kubernetes/Copy"
import { createHash } from "node:crypto"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

const long = (length: number, letter: string) => letter.repeat(length)

/** Names that have broken copies elsewhere. */
const names = [
  "plain",
  "with space",
  "-rf",
  "[a]*?",
  "quo'te\"$(id)`;",
  "line\nbreak",
  "grüße-日本",
  "back\\slash",
  `${long(99, "a")}`,
  `${long(100, "b")}`,
  `${long(101, "c")}`,
  `${long(60, "ü")}`,
  `deep/${long(120, "d")}/${long(120, "e")}/${long(120, "f")}`
]

const sha256 = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const hash = createHash("sha256")
    yield* Stream.runForEach(fs.stream(path), (bytes) => Effect.sync(() => hash.update(bytes)))
    return hash.digest("hex")
  })

/** What is in a directory: the text of each file. */
const contents = (directory: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const found = new Map<string, string>()
    for (const name of yield* fs.readDirectory(directory, { recursive: true })) {
      const { type } = yield* fs.stat(`${directory}/${name}`)
      found.set(name, type === "File" ? yield* fs.readFileString(`${directory}/${name}`) : type)
    }
    return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })

const sh = (script: string, pod = "box") => Effect.map(Pod.exec(pod, ["sh", "-c", script]), ({ stdout }) => stdout)

const copyFailed = <A, E, R>(copy: Effect.Effect<A, E | CopyFailed, R>) =>
  Effect.map(Effect.flip(copy), (error) => {
    if (typeof error === "object" && error !== null && "_tag" in error && error._tag === "CopyFailed") {
      // The tag says so.
      return error as CopyFailed
    }
    throw new Error(`not a CopyFailed: ${String(error)}`)
  })

describe.skipIf(!inject("node"))("files of a container", () => {
  layer(
    Layer.merge(e2e.layer, NodeContext.layer),
    e2e.live
  )((it) => {
    const test = <A, E>(
      name: string,
      body: (
        directory: string,
        fs: FileSystem.FileSystem
      ) => Effect.Effect<A, E, KubeClient | Scope.Scope | FileSystem.FileSystem | Path.Path>
    ) =>
      it.scoped(name, () =>
        e2e.inFreshNamespace(() =>
          Effect.gen(function* () {
            const fs = yield* FileSystem.FileSystem
            const directory = yield* fs.makeTempDirectoryScoped()
            yield* pods.start("box", [pods.container("main", pods.idle)])
            return yield* body(directory, fs)
          })
        )
      )

    test("100 MB arrive byte for byte, in both directions, and tell how far they are", (directory, fs) =>
      Effect.gen(function* () {
        const size = 100 * 1024 * 1024 + 1
        const block = Uint8Array.from({ length: 1024 * 1024 + 7 }, (_, index) => (index * 31 + (index >> 8)) % 256)
        const bytes = Stream.unfold(size, (left) =>
          left <= 0
            ? Option.none()
            : Option.some([block.subarray(0, Math.min(left, block.length)), left - block.length] as const)
        )
        yield* Stream.run(bytes, fs.sink(`${directory}/large`))
        const sum = yield* sha256(`${directory}/large`)
        const seen: Array<CopyProgress> = []
        const onProgress = (progress: CopyProgress) => Effect.sync(() => seen.push(progress))

        const sent = yield* Pod.copyTo("box", `${directory}/large`, "/tmp/large", { onProgress })
        assert.deepStrictEqual(sent, { files: 1, bytes: size, skipped: [] })
        assert.strictEqual(yield* sh("sha256sum /tmp/large"), `${sum}  /tmp/large\n`)
        assert.deepStrictEqual(seen.at(-1), { path: "large", size, copied: size, files: 0, bytes: size })
        assert.isTrue(seen.every(({ copied }, at) => copied > (seen[at - 1]?.copied ?? 0)))

        seen.length = 0
        const got = yield* Pod.copyFrom("box", "/tmp/large", `${directory}/back`, { onProgress })
        assert.deepStrictEqual(got, { files: 1, bytes: size, skipped: [] })
        assert.strictEqual(yield* sha256(`${directory}/back`), sum)
        assert.deepStrictEqual(seen.at(-1), { path: "back", size, copied: size, files: 0, bytes: size })
      }))

    test("a tree comes back as it was, whatever its files are called", (directory, fs) =>
      Effect.gen(function* () {
        const tree = `${directory}/tree`
        for (const name of names) {
          const path = `${tree}/${name}`
          yield* fs.makeDirectory(path.slice(0, path.lastIndexOf("/")), { recursive: true })
          yield* fs.writeFileString(path, `I am ${name}`)
        }
        yield* fs.writeFileString(`${tree}/empty`, "")
        yield* fs.writeFileString(`${tree}/script`, "#!/bin/sh\necho runs\n", { mode: 0o755 })
        yield* fs.makeDirectory(`${tree}/nothing/in here`, { recursive: true })
        const sent = yield* Pod.copyTo("box", tree, "/tmp")
        assert.strictEqual(sent.files, names.length + 2)
        assert.strictEqual(yield* sh("/tmp/tree/script"), "runs\n")
        assert.strictEqual(yield* sh("cat '/tmp/tree/line\nbreak'"), "I am line\nbreak")

        const got = yield* Pod.copyFrom("box", "/tmp/tree", `${directory}/back`)
        assert.deepStrictEqual(got, sent)
        assert.deepStrictEqual(yield* contents(`${directory}/back`), yield* contents(tree))
        const { mode, mtime } = yield* fs.stat(`${directory}/back/script`)
        assert.strictEqual(mode & 0o777, 0o755)
        assert.strictEqual(Option.getOrThrow(mtime).getTime(), Number(yield* sh("stat -c %Y /tmp/tree/script")) * 1000)
      }))

    test("where a copy goes", (directory, fs) =>
      Effect.gen(function* () {
        yield* fs.makeDirectory(`${directory}/src/sub`, { recursive: true })
        yield* fs.writeFileString(`${directory}/src/a`, "a")
        yield* fs.writeFileString(`${directory}/src/sub/b`, "b")
        yield* sh("mkdir /tmp/there /tmp/other")
        // Into a directory that is there, under another name, and what is in a directory.
        yield* Pod.copyTo("box", `${directory}/src/a`, "/tmp/there")
        yield* Pod.copyTo("box", `${directory}/src/a`, "/tmp/there/c")
        yield* Pod.copyTo("box", `${directory}/src`, "/tmp/there")
        yield* Pod.copyTo("box", `${directory}/src/`, "/tmp/new")
        yield* Pod.copyTo("box", `${directory}/src/.`, "/tmp/other/")
        yield* Pod.copyTo("box", `${directory}/src/.`, "/")
        assert.strictEqual(
          yield* sh("cd /tmp && find there new other /a /sub -type f | sort"),
          "/a\n/sub/b\nnew/a\nnew/sub/b\nother/a\nother/sub/b\nthere/a\nthere/c\nthere/src/a\nthere/src/sub/b\n"
        )

        const to = (name: string) => `${directory}/to/${name}`
        yield* Pod.copyFrom("box", "/tmp/there/c", to("x/renamed"))
        yield* fs.makeDirectory(to("dir"))
        yield* Pod.copyFrom("box", "/tmp/there/c", to("dir"))
        yield* Pod.copyFrom("box", "/tmp/there/c", to("fresh/"))
        yield* Pod.copyFrom("box", "/tmp/other/", to("dir"))
        yield* Pod.copyFrom("box", "/tmp/new/.", to("new"))
        yield* Pod.copyFrom("box", "tmp/../tmp/new/sub", to("relative"))
        assert.deepStrictEqual(yield* contents(`${directory}/to`), {
          dir: "Directory",
          "dir/a": "a",
          "dir/c": "a",
          "dir/sub": "Directory",
          "dir/sub/b": "b",
          fresh: "Directory",
          "fresh/c": "a",
          new: "Directory",
          "new/a": "a",
          "new/sub": "Directory",
          "new/sub/b": "b",
          relative: "Directory",
          "relative/b": "b",
          x: "Directory",
          "x/renamed": "a"
        })
      }))

    test("links are made in the container, and left out on the way back", (directory, fs) =>
      Effect.gen(function* () {
        const tree = `${directory}/tree`
        yield* fs.makeDirectory(tree)
        yield* fs.writeFileString(`${tree}/file`, "text")
        const far = `/nowhere/${long(150, "x")}`
        yield* fs.symlink("file", `${tree}/near`)
        yield* fs.symlink(far, `${tree}/far`)
        assert.strictEqual((yield* Pod.copyTo("box", tree, "/tmp/tree")).files, 3)
        assert.strictEqual(yield* sh("cd /tmp/tree && readlink near && readlink far"), `file\n${far}\n`)

        yield* sh("cd /tmp/tree && ln file second && mkfifo pipe && rm far")
        const got = yield* Pod.copyFrom("box", "/tmp/tree", `${directory}/back`)
        assert.deepStrictEqual(
          got.skipped.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
          [
            { path: "near", type: "SymbolicLink", target: "file" },
            { path: "pipe", type: "FIFO", target: undefined }
          ]
        )
        assert.deepStrictEqual(yield* contents(`${directory}/back`), { file: "text", second: "text" })
        yield* sh("rm /tmp/tree/pipe")
        yield* Pod.copyFrom("box", "/tmp/tree", `${directory}/followed`, { followLinks: true })
        assert.deepStrictEqual(yield* contents(`${directory}/followed`), {
          file: "text",
          near: "text",
          second: "text"
        })
        const link = yield* copyFailed(Pod.copyFrom("box", "/tmp/tree/near", `${directory}/near`))
        assert.strictEqual(link.reason, "Refused")
        assert.include(link.message, 'symbolic link to "file"')

        yield* fs.remove(`${tree}/far`)
        yield* Pod.copyTo("box", tree, "/tmp/followed", { followLinks: true })
        assert.strictEqual(yield* sh("cd /tmp/followed && find . -type l; cat near"), "text")
        yield* fs.symlink("..", `${tree}/loop`)
        assert.strictEqual(
          (yield* copyFailed(Pod.copyTo("box", tree, "/tmp/l", { followLinks: true }))).entry,
          "l/loop/tree"
        )
      }))

    test("permissions and owners come along, unless they shall not", (directory, fs) =>
      Effect.gen(function* () {
        yield* fs.writeFileString(`${directory}/file`, "text")
        yield* fs.chmod(`${directory}/file`, 0o640)
        yield* Pod.copyTo("box", `${directory}/file`, "/tmp/kept")
        yield* Pod.copyTo("box", `${directory}/file`, "/tmp/lost", { preserve: false })
        const { uid } = yield* fs.stat(`${directory}/file`)
        assert.strictEqual(yield* sh("stat -c '%a %u' /tmp/kept"), `640 ${Option.getOrThrow(uid)}\n`)
        yield* sh("chmod 755 /tmp/kept")
        yield* Pod.copyFrom("box", "/tmp/kept", `${directory}/back`, { preserve: false })
        assert.strictEqual((yield* fs.stat(`${directory}/back`)).mode & 0o111, 0)
        // An existing directory of the container keeps what it has.
        yield* sh("chmod 1777 /tmp")
        yield* fs.makeDirectory(`${directory}/root/tmp`, { recursive: true })
        yield* fs.writeFileString(`${directory}/root/tmp/x`, "")
        yield* Pod.copyTo("box", `${directory}/root/.`, "/")
        assert.strictEqual(yield* sh("stat -c %a /tmp"), "1777\n")
      }))

    test("what fails says why", (directory, fs) =>
      Effect.gen(function* () {
        const none = yield* copyFailed(Pod.copyFrom("box", "/no/such", `${directory}/x`))
        assert.strictEqual(none.reason, "TarFailed")
        assert.include(none.message, "/no")
        const noFile = yield* copyFailed(Pod.copyFrom("box", "/tmp/no-such", `${directory}/x`))
        assert.strictEqual(noFile.reason, "TarFailed")
        assert.include(noFile.message, "no-such: No such file or directory")
        assert.isFalse(yield* fs.exists(`${directory}/x`))

        yield* fs.writeFileString(`${directory}/file`, "text")
        const noDirectory = yield* copyFailed(Pod.copyTo("box", `${directory}/file`, "/no/such/file"))
        assert.strictEqual(noDirectory.reason, "TarFailed")
        assert.include(noDirectory.message, "/no/such")
        const readOnly = yield* copyFailed(Pod.copyTo("box", `${directory}/file`, "/proc/file"))
        assert.strictEqual(readOnly.reason, "TarFailed")

        const noSource = yield* Effect.flip(Pod.copyTo("box", `${directory}/nothing`, "/tmp/x"))
        assert.strictEqual(noSource._tag, "SystemError")
        assert.include(noSource.message, `${directory}/nothing`)
        assert.strictEqual((yield* Effect.flip(Pod.copyTo("box", `${directory}/file`, "")))._tag, "InvalidRequest")
        assert.strictEqual((yield* Effect.flip(Pod.copyFrom("nowhere", "/etc", directory)))._tag, "NotFound")
      }))

    test("an image with tar and without a shell", (directory, fs) =>
      Effect.gen(function* () {
        const volumeMounts = [{ name: "bin", mountPath: "/only" }]
        yield* pods.start(
          "tar",
          [
            pods.container("main", ["/bin/sh", ...pods.idle.slice(1)], {
              volumeMounts,
              env: [{ name: "PATH", value: "/only" }]
            })
          ],
          {
            volumes: [{ name: "bin", emptyDir: {} }],
            initContainers: [pods.container("make", ["cp", "/bin/busybox", "/only/tar"], { volumeMounts })]
          }
        )
        yield* fs.writeFileString(`${directory}/file`, "text")
        assert.strictEqual((yield* Pod.copyTo("tar", `${directory}/file`, "/var/there")).files, 1)
        yield* Pod.copyFrom("tar", "/var/there", `${directory}/back`)
        assert.strictEqual(yield* fs.readFileString(`${directory}/back`), "text")
      }))

    test("an image without tar is told as what it is", (directory, fs) =>
      Effect.gen(function* () {
        const script = "trap 'exit 0' TERM; while :; do /bin/sleep 3600 & wait $!; done"
        yield* pods.start("bare", [
          pods.container("main", ["/bin/sh", "-c", script], { env: [{ name: "PATH", value: "/nowhere" }] })
        ])
        yield* fs.writeFileString(`${directory}/file`, "text")
        for (const copy of [
          Pod.copyTo("bare", `${directory}/file`, "/tmp/file"),
          Pod.copyFrom("bare", "/etc", `${directory}/etc`)
        ]) {
          const error = yield* copyFailed(copy)
          assert.strictEqual(error.reason, "NoTar")
          assert.include(error.message, "has no tar")
        }
      }))

    test("a full disk ends a copy with what tar says of it", (directory, fs) =>
      Effect.gen(function* () {
        yield* pods.start(
          "small",
          [pods.container("main", pods.idle, { volumeMounts: [{ name: "disk", mountPath: "/disk" }] })],
          { volumes: [{ name: "disk", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }] }
        )
        yield* fs.writeFile(`${directory}/large`, new Uint8Array(20 * 1024 * 1024))
        // How the copy ends must not hang on how fast containerd is.
        for (let round = 0; round < 20; round++) {
          const error = yield* copyFailed(Pod.copyTo("small", `${directory}/large`, "/disk"))
          assert.strictEqual(error.reason, "TarFailed")
          assert.match(error.message, /space/i)
        }
      }))
  })
})
