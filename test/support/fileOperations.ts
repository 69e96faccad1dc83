/** The same operations on two file systems, to see whether one is as the other. */
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import { Arbitrary, Chunk, Effect, Either, FastCheck, Option, Schema, Stream } from "effect"

// A few names, so that they meet; one that a shell would take apart, and one that a tool would take for an option.
const Name = Schema.Literal("a", "b", "-r", "$(id) `x` 'y' \"z\"\n*")
const Path = Schema.Union(
  Name,
  Schema.TemplateLiteral(Schema.Literal("a", "b"), "/", Schema.Literal("a", "-n é", ".c"))
)
const Bytes = Schema.Literal("", "x", "hello\n", "\u0000\u00ff binary")
const Mode = Schema.Literal(0o600, 0o644, 0o755, 0o700)

const Operation = Schema.Union(
  Schema.TaggedStruct("WriteFile", {
    path: Path,
    bytes: Bytes,
    flag: Schema.Literal("w", "wx", "a", "ax", "r+"),
    mode: Schema.UndefinedOr(Mode)
  }),
  Schema.TaggedStruct("Sink", { path: Path, bytes: Schema.Literal("x", "hello\n", "\u0000\u00ff binary") }),
  Schema.TaggedStruct("ReadFile", { path: Path }),
  Schema.TaggedStruct("Stream", {
    path: Path,
    offset: Schema.Literal(0, 2),
    bytesToRead: Schema.UndefinedOr(Schema.Literal(0, 3))
  }),
  Schema.TaggedStruct("File", { path: Path, flag: Schema.Literal("r", "r+", "w+", "a+", "wx"), bytes: Bytes }),
  // A directory that its owner cannot enter: tools make those on the way to it so that it can be.
  Schema.TaggedStruct("MakeDirectory", {
    path: Path,
    recursive: Schema.Boolean,
    mode: Schema.UndefinedOr(Schema.Literal(0o700, 0o755))
  }),
  Schema.TaggedStruct("ReadDirectory", { path: Path, recursive: Schema.Boolean }),
  Schema.TaggedStruct("Remove", { path: Path, recursive: Schema.Boolean, force: Schema.Boolean }),
  Schema.TaggedStruct("Rename", { path: Path, to: Path }),
  Schema.TaggedStruct("Copy", { path: Path, to: Path, overwrite: Schema.Boolean }),
  Schema.TaggedStruct("CopyFile", { path: Path, to: Path }),
  Schema.TaggedStruct("Link", { path: Path, to: Path }),
  Schema.TaggedStruct("Symlink", { path: Path, to: Path }),
  Schema.TaggedStruct("ReadLink", { path: Path }),
  Schema.TaggedStruct("RealPath", { path: Path }),
  Schema.TaggedStruct("Truncate", { path: Path, length: Schema.UndefinedOr(Schema.Literal(0, 1, 9)) }),
  Schema.TaggedStruct("Chmod", { path: Path, mode: Mode }),
  Schema.TaggedStruct("Utimes", { path: Path, seconds: Schema.Literal(0, 1_000_000_000) }),
  Schema.TaggedStruct("Access", { path: Path, writable: Schema.Boolean }),
  Schema.TaggedStruct("Exists", { path: Path }),
  Schema.TaggedStruct("Stat", { path: Path })
)

export type Operation = typeof Operation.Type

/** So that there is something from the beginning. */
const beginnings: ReadonlyArray<Operation> = [
  { _tag: "MakeDirectory", path: "a", recursive: false, mode: undefined },
  { _tag: "WriteFile", path: "a/a", bytes: "hello\n", flag: "wx", mode: 0o755 },
  { _tag: "Symlink", path: "a", to: "b" }
]

export const sequences = (length: number): FastCheck.Arbitrary<ReadonlyArray<Operation>> =>
  FastCheck.tuple(
    FastCheck.subarray([...beginnings]),
    FastCheck.array(Arbitrary.make(Operation), { minLength: length, maxLength: length, size: "max" })
  ).map(([first, rest]) => [...first, ...rest])

const latin = (text: string) => new Uint8Array(Buffer.from(text, "latin1"))
const shown = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")

const run = (fs: FileSystem.FileSystem, root: string, operation: Operation): Effect.Effect<unknown, PlatformError> => {
  const at = (path: string) => `${root}/${path}`
  const path = at(operation.path)
  switch (operation._tag) {
    case "WriteFile": {
      const { bytes, flag, mode } = operation
      return fs.writeFile(path, latin(bytes), mode === undefined ? { flag } : { flag, mode })
    }
    case "Sink":
      return Stream.run(Stream.make(latin(operation.bytes), latin("more")), fs.sink(path))
    case "ReadFile":
      return Effect.map(fs.readFile(path), shown)
    case "Stream": {
      const { bytesToRead, offset } = operation
      const part = bytesToRead === undefined ? {} : { bytesToRead }
      return fs.stream(path, { chunkSize: 2, offset, ...part }).pipe(
        Stream.runCollect,
        Effect.map((chunks) => Chunk.toReadonlyArray(chunks).map(shown))
      )
    }
    case "File":
      return Effect.scoped(
        Effect.gen(function* () {
          const file = yield* fs.open(path, { flag: operation.flag })
          yield* file.seek(1, "start")
          const read = yield* Effect.either(Effect.map(file.readAlloc(3), Option.map(shown)))
          const written =
            operation.bytes === "" ? [] : yield* outcome(Effect.map(file.write(latin(operation.bytes)), Number))
          yield* file.seek(0, "start")
          const buffer = new Uint8Array(8)
          const again = yield* outcome(Effect.map(file.read(buffer), (size) => shown(buffer.subarray(0, Number(size)))))
          return [Either.getOrElse(read, ({ _tag }) => _tag), written, again]
        })
      )
    case "MakeDirectory": {
      const { mode, recursive } = operation
      // Node's tells the first directory that it has made.
      return Effect.asVoid(fs.makeDirectory(path, mode === undefined ? { recursive } : { recursive, mode }))
    }
    case "ReadDirectory":
      return Effect.flatMap(fs.readDirectory(path, operation), (names) =>
        Effect.map(
          Effect.filter(names, (name) => Effect.map(isBelowLink(fs, path, name), (below) => !below)),
          (own) => own.toSorted()
        )
      )
    case "Remove":
      return fs.remove(path, operation)
    case "Rename":
      return fs.rename(path, at(operation.to))
    case "Copy":
      return fs.copy(path, at(operation.to), operation)
    case "CopyFile":
      // Of a directory, Node's removes what is at the target.
      return fs
        .stat(path)
        .pipe(Effect.flatMap(({ type }) => (type === "Directory" ? Effect.void : fs.copyFile(path, at(operation.to)))))
    case "Link":
      return fs.link(path, at(operation.to))
    case "Symlink":
      return fs.symlink(path, at(operation.to))
    case "ReadLink":
      return Effect.map(fs.readLink(path), (target) => target.replace(root, "ROOT"))
    case "RealPath":
      return Effect.map(fs.realPath(path), (target) => target.replace(root, "ROOT"))
    case "Truncate":
      return fs.truncate(path, operation.length)
    case "Chmod":
      return fs.chmod(path, operation.mode)
    case "Utimes":
      return Effect.flatMap(fs.utimes(path, operation.seconds, new Date(operation.seconds * 1000)), () =>
        Effect.map(fs.stat(path), ({ mtime }) => Option.map(mtime, Number))
      )
    case "Access":
      return fs.access(path, { writable: operation.writable })
    case "Exists":
      return fs.exists(path)
    case "Stat":
      return Effect.map(fs.stat(path), ({ gid, mode, nlink, size, type, uid }) => ({
        type,
        mode: mode.toString(8),
        uid,
        gid,
        // What a directory is made of is a matter of the file system that it is on.
        ...(type === "File" ? { size: Number(size), nlink } : {})
      }))
  }
}

/** Node follows links to directories where it lists all that is below; a container does not. */
const isBelowLink = (fs: FileSystem.FileSystem, folder: string, name: string): Effect.Effect<boolean> => {
  const parts = name.split("/")
  const above = parts.slice(1).map((_, index) => `${folder}/${parts.slice(0, index + 1).join("/")}`)
  return Effect.exists(above, (each) => Effect.isSuccess(fs.readLink(each)))
}

const outcome = (effect: Effect.Effect<unknown, PlatformError>): Effect.Effect<unknown> =>
  Effect.match(effect, {
    onSuccess: (value) => ({ value }),
    onFailure: (error) => ({ failed: error._tag, reason: error._tag === "SystemError" ? error.reason : "" })
  })

/** All there is below a folder, as text. */
const everything = (fs: FileSystem.FileSystem, root: string, folder = root): Effect.Effect<unknown, PlatformError> =>
  Effect.gen(function* () {
    const names = yield* fs.readDirectory(folder)
    return yield* Effect.forEach(names.toSorted(), (name) =>
      Effect.gen(function* () {
        const path = `${folder}/${name}`
        const link = yield* Effect.option(fs.readLink(path))
        if (Option.isSome(link)) return [name, "link", link.value.replace(root, "ROOT")]
        const { mode, type } = yield* fs.stat(path)
        const content: unknown =
          type === "Directory" ? yield* everything(fs, root, path) : shown(yield* fs.readFile(path))
        return [name, type, mode.toString(8), content]
      })
    )
  })

const reasonOf = (result: unknown): string | undefined =>
  /^{"failed":"SystemError","reason":"(\w+)"}$/.exec(JSON.stringify(result))?.[1]

// Where Node has no word for an error, another one may have. What makes all missing directories fails at a link to nowhere
// for a reason of its own: it exists for `mkdir`; for Node it is no directory, or it is not there.
const forgiving = (operation: Operation, expected: unknown, actual: unknown): unknown => {
  const [wanted, got] = [reasonOf(expected), reasonOf(actual)]
  const makesDirectories = operation._tag === "Copy" || (operation._tag === "MakeDirectory" && operation.recursive)
  return got !== undefined && (wanted === "Unknown" || (makesDirectories && wanted !== undefined)) ? expected : actual
}

/** Asserts that a sequence does the same on both, in a folder of its own on each. */
export const assertSame = (
  expected: FileSystem.FileSystem,
  actual: FileSystem.FileSystem,
  operations: ReadonlyArray<Operation>
): Effect.Effect<void, PlatformError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const [here, there] = [yield* expected.makeTempDirectoryScoped(), yield* actual.makeTempDirectoryScoped()]
      for (const operation of operations) {
        const [wanted, got] = [
          yield* outcome(run(expected, here, operation)),
          yield* outcome(run(actual, there, operation))
        ]
        const how = `${JSON.stringify(operation)}: ${JSON.stringify(wanted)}, ${JSON.stringify(got)}`
        assert.deepStrictEqual(forgiving(operation, wanted, got), wanted, how)
      }
      const [wanted, got] = [yield* everything(expected, here), yield* everything(actual, there)]
      assert.deepStrictEqual(got, wanted, `${JSON.stringify(wanted)}, ${JSON.stringify(got)}`)
    })
  )
