/** Files into a container and out of it, through its `tar`. */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { posix } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { ReadEntry } from "tar/read-entry"
import type { CopyOptions, CopyProgress, CopyResult, SkippedEntry } from "../Copy.js"
import { CopyFailed, InvalidRequest, type KubeError } from "../KubeError.js"
import type { KubeClient } from "../layers/KubeClient.js"
import type { ExecProcess, ResourceInfo } from "../Resource.js"
import * as pod from "./pod.js"
import type { AnyRef } from "./requests.js"
import * as tar from "./tar.js"
import { background, first } from "./fork.js"

type Options<E, R> = CopyOptions<E, R> & { readonly namespace?: string | undefined }

/** How much of a file is read at once, and how much goes into one message. */
const pieceSize = 64 * 1024

/** What is kept of the words of `tar`: a container may have much to say. */
const wordsKept = 4096

const noTar = () =>
  new CopyFailed({
    reason: "NoTar",
    message:
      "the image of the container has no tar, which copying needs; add it to the image, name another container that shares the volume, or copy with Pod.exec what the image has (cat)"
  })

/** So ends what a shell, or some runtimes, cannot run; tar itself ends with 0, 1 or 2. */
const cannotRun = (exitCode: number): boolean => exitCode === 126 || exitCode === 127

/** How `tar` ended, if there is one at all. */
const exitCodeOf = (exitCode: Effect.Effect<number, KubeError>): Effect.Effect<number, KubeError | CopyFailed> =>
  exitCode.pipe(
    Effect.mapError((error): KubeError | CopyFailed => (pod.isProgramMissing(error) ? noTar() : error)),
    Effect.flatMap((code) => (cannotRun(code) ? Effect.fail(noTar()) : Effect.succeed(code)))
  )

const tarFailed = (exitCode: number, stderr: string): CopyFailed => {
  const said = stderr.trim()
  const why = said === "" ? (exitCode === 137 ? "it was killed" : "it did not say why") : said
  return new CopyFailed({
    reason: "TarFailed",
    message: `tar in the container failed (exit code ${exitCode}): ${why}`,
    exitCode,
    stderr
  })
}

const checkExit = (exitCode: number, stderr: string): Effect.Effect<void, CopyFailed> =>
  exitCode === 0 ? Effect.void : Effect.fail(tarFailed(exitCode, stderr))

const words = (bytes: Stream.Stream<Uint8Array, KubeError>): Effect.Effect<string, KubeError> =>
  Effect.map(
    Stream.runFold(bytes, Buffer.alloc(0), (kept, more) =>
      kept.length < wordsKept ? Buffer.concat([kept, more.subarray(0, wordsKept - kept.length)]) : kept
    ),
    (kept) => kept.toString("utf8")
  )

const checkPaths = (remotePath: string, localPath: string): Effect.Effect<void, InvalidRequest> => {
  if (remotePath === "" || localPath === "") {
    return Effect.fail(new InvalidRequest({ message: "a path of a copy may not be empty" }))
  }
  return remotePath.includes("\0") || localPath.includes("\0")
    ? Effect.fail(new InvalidRequest({ message: "a path of a copy may not hold a zero byte" }))
    : Effect.void
}

/** A path of the container as a directory and a name in it; no name where it is a directory by its form. */
const split = (remotePath: string): { readonly directory: string; readonly name: string | undefined } => {
  const path = posix.normalize(remotePath)
  const name = posix.basename(path)
  return path.endsWith("/") || name === "." || name === ".."
    ? { directory: path, name: undefined }
    : { directory: posix.dirname(path), name }
}

const counter = <E, R>({ onProgress }: Options<E, R>) => {
  let files = 0
  let bytes = 0
  const skipped: Array<SkippedEntry> = []
  return {
    skipped,
    file: () => {
      files++
    },
    piece: (path: string, size: number, copied: number, more: number): Effect.Effect<unknown, E, R> =>
      Effect.suspend(() => {
        bytes += more
        const progress: CopyProgress = { path, size, copied, files, bytes }
        return onProgress === undefined ? Effect.void : onProgress(progress)
      }),
    result: (): CopyResult => ({ files, bytes, skipped })
  }
}

type Counter<E, R> = ReturnType<typeof counter<E, R>>

const logSkipped = ({ skipped }: CopyResult): Effect.Effect<void> => {
  const [first] = skipped
  return first === undefined
    ? Effect.void
    : Effect.logWarning(
        `copy: left out what is neither a file nor a directory: ${first.path} (${first.type})${skipped.length === 1 ? "" : ` and ${skipped.length - 1} more`}`
      )
}

// --- into the container

/** For an image without a shell. One without `test` is taken for one where the path is no directory. */
const isDirectory = <E, R>(resource: ResourceInfo, ref: AnyRef, path: string, options: Options<E, R>) =>
  pod
    .exec(resource)(ref, ["test", "-d", path], {
      container: options.container,
      namespace: options.namespace,
      timeout: options.timeout,
      check: false
    })
    .pipe(
      Effect.map(({ exitCode }) => exitCode === 0),
      Effect.catchIf(pod.isProgramMissing, () => Effect.succeed(false)),
      // With `check: false` no exit code is a failure.
      Effect.catchTag("ExecFailed", Effect.die)
    )

/** The archive of a local file or tree; what is in it is called `name`, or lies at the top where that is empty. */
const pack = <E, R>(
  fs: FileSystem.FileSystem,
  path: Path.Path,
  followLinks: boolean,
  count: Counter<E, R>,
  source: string,
  name: string
) => {
  type Bytes = Stream.Stream<Uint8Array, PlatformError | CopyFailed | E, R>

  const file = (local: string, name: string, info: FileSystem.File.Info): Bytes => {
    const size = Number(info.size)
    const head = Stream.make(tar.header({ ...described(info), path: name, type: "File", size }))
    const done = Stream.fromEffect(
      Effect.zipRight(Effect.sync(count.file), size === 0 ? count.piece(name, 0, 0, 0) : Effect.void)
    ).pipe(Stream.drain)
    if (size === 0) return Stream.concat(head, done)
    let copied = 0
    // What is added to it meanwhile does not belong to the size that the head has told.
    const content = fs.stream(local, { bytesToRead: info.size, chunkSize: pieceSize }).pipe(
      Stream.tap((bytes) => {
        copied += bytes.length
        return count.piece(name, size, copied, bytes.length)
      })
    )
    const whole = Stream.suspend(() =>
      copied === size
        ? Stream.make(tar.padding(size))
        : Stream.fail(
            new CopyFailed({
              reason: "Changed",
              entry: name,
              message: `${local} became shorter while it was copied: ${copied} of ${size} bytes`
            })
          )
    )
    return head.pipe(Stream.concat(content), Stream.concat(whole), Stream.concat(done))
  }

  const described = ({ gid, mode, mtime, uid }: FileSystem.File.Info) => ({
    mode: mode & 0o7777,
    uid: Option.getOrElse(uid, () => 0),
    gid: Option.getOrElse(gid, () => 0),
    mtime: Option.getOrElse(mtime, () => new Date(0))
  })

  const link = (name: string, linkpath: string): Bytes => {
    count.file()
    return Stream.make(
      tar.header({
        path: name,
        type: "SymbolicLink",
        linkpath,
        size: 0,
        mode: 0o777,
        uid: 0,
        gid: 0,
        mtime: new Date(0)
      })
    )
  }

  const directory = (
    local: string,
    name: string,
    info: FileSystem.File.Info,
    above: ReadonlyArray<string>
  ): Effect.Effect<Bytes, PlatformError | CopyFailed> =>
    Effect.gen(function* () {
      const self = `${info.dev}:${Option.getOrElse(info.ino, () => 0)}`
      if (followLinks && Option.isSome(info.ino) && above.includes(self)) {
        return yield* new CopyFailed({
          reason: "Refused",
          entry: name,
          message: `${local} leads back to a directory that it is in; copy without followLinks`
        })
      }
      const names = (yield* fs.readDirectory(local)).toSorted()
      if (names.length === 0) {
        return name === ""
          ? Stream.empty
          : Stream.make(tar.header({ ...described(info), path: `${name}/`, type: "Directory", size: 0 }))
      }
      // As with kubectl, a directory with something in it has no entry of its own: that would change the permissions of
      // one that is there already, `/tmp` for example.
      return Stream.flatMap(Stream.fromIterable(names), (child) =>
        walk(path.join(local, child), name === "" ? child : `${name}/${child}`, [...above, self])
      )
    })

  const walk = (local: string, name: string, above: ReadonlyArray<string>): Bytes =>
    Stream.unwrap(
      Effect.gen(function* () {
        const target = followLinks ? Option.none() : yield* Effect.option(fs.readLink(local))
        if (Option.isSome(target)) return link(name, target.value)
        const info = yield* fs.stat(local)
        if (info.type === "File") return file(local, name, info)
        if (info.type === "Directory") return yield* directory(local, name, info, above)
        count.skipped.push({ path: name, type: info.type })
        return Stream.empty
      })
    )

  return walk(source, name, [])
}

/** Many small pieces as few large ones: each message costs the same, and is waited for. */
const gathered = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<Uint8Array, E, R> =>
  Stream.suspend(() => {
    let waiting: Array<Uint8Array> = []
    let size = 0
    const flush = (): ReadonlyArray<Uint8Array> => {
      const pieces = waiting
      waiting = []
      size = 0
      return pieces.length < 2 ? pieces : [Buffer.concat(pieces)]
    }
    // Stream.aggregate would do, and takes several times as long as reading the file.
    return Stream.concat(
      Stream.mapConcat(bytes, (piece) => {
        const full = size + piece.length > pieceSize ? flush() : []
        waiting.push(piece)
        size += piece.length
        return full
      }),
      Stream.suspend(() => Stream.fromIterable(flush()))
    )
  })

/** Where an archive goes: the directory that it is unpacked in, and what the source is called there. */
interface Place {
  readonly directory: string
  readonly name: string
}

const placeAt = (remotePath: string): Place => {
  const { directory, name = "" } = split(remotePath.replace(/(?<=[^/])\/+$/, ""))
  return { directory, name }
}

/** What takes an archive in a container. */
interface Receiver {
  readonly place: Place
  readonly stdin: ExecProcess["stdin"]
  /** Ends with `tar`, and fails where it failed. */
  readonly ending: Fiber.Fiber<void, KubeError | CopyFailed>
}

// $1: the path of the copy; $2 and $3: where to unpack if that is a directory, and if not; the rest: the options of tar
//
// It goes on reading after tar has ended: where a command ends with much of its input unread, containerd may wait for ever,
// or lose how it ended. What tar says and how it ends come by one output, as two have no order between them. `exit` keeps the
// shell from becoming `cat`, which closes that output: containerd would end the input then.
const script = `kind=directory into=$2
[ -d "$1" ] || { kind=other; into=$3; }
shift 3
echo "$kind"
tar "$@" -C "$into" 2>&1
printf '\\0%s\\n' $?
cat >/dev/null
exit`

type Run = (command: ReadonlyArray<string>) => Effect.Effect<ExecProcess, KubeError, KubeClient | Scope.Scope>

/** Nothing where the image has no shell. */
const byShell = (
  run: Run,
  unpack: ReadonlyArray<string>,
  remotePath: string,
  inside: Place,
  instead: Place
): Effect.Effect<Option.Option<Receiver>, KubeError | CopyFailed, KubeClient | Scope.Scope> =>
  Effect.gen(function* () {
    const process = yield* run(["sh", "-c", script, "sh", remotePath, inside.directory, instead.directory, ...unpack])
    yield* background(Effect.ignore(Stream.runDrain(process.stderr)))
    const kind = yield* Deferred.make<Option.Option<string>, KubeError>()
    const reading = yield* process.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runFoldWhileEffect(
        { said: "", code: Option.none<number>() },
        ({ code }) => Option.isNone(code),
        (ended, line) => {
          if (line.startsWith("\0")) return Effect.succeed({ ...ended, code: Option.some(Number(line.slice(1))) })
          return Effect.map(Deferred.succeed(kind, Option.some(line)), (first) =>
            first ? ended : { ...ended, said: `${ended.said}${line}\n`.slice(0, wordsKept) }
          )
        }
      ),
      Effect.onExit((exit) => Deferred.done(kind, Exit.as(exit, Option.none()))),
      background
    )
    const told = yield* Deferred.await(kind)
    if (Option.isNone(told)) {
      const code = yield* Effect.catchIf(process.exitCode, pod.isProgramMissing, () => Effect.succeed(127))
      return cannotRun(code) ? Option.none() : yield* tarFailed(code, "")
    }
    const ending = yield* Fiber.join(reading).pipe(
      Effect.flatMap(({ code, said }) =>
        Effect.flatMap(
          exitCodeOf(Option.match(code, { onNone: () => process.exitCode, onSome: Effect.succeed })),
          (exitCode) => checkExit(exitCode, said)
        )
      ),
      background
    )
    return Option.some({ place: told.value === "directory" ? inside : instead, stdin: process.stdin, ending })
  })

const byTarAlone = (
  run: Run,
  unpack: ReadonlyArray<string>,
  place: Place
): Effect.Effect<Receiver, KubeError, KubeClient | Scope.Scope> =>
  Effect.gen(function* () {
    const process = yield* run(["tar", ...unpack, "-C", place.directory])
    const ending = yield* Effect.all(
      [exitCodeOf(process.exitCode), words(process.stderr), Stream.runDrain(process.stdout)],
      { concurrency: "unbounded" }
    ).pipe(
      Effect.flatMap(([exitCode, said]) => checkExit(exitCode, said)),
      background
    )
    return { place, stdin: process.stdin, ending }
  })

export const copyTo =
  (resource: ResourceInfo) =>
  <E = never, R = never>(ref: AnyRef, localPath: string, remotePath: string, options: Options<E, R> = {}) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        yield* checkPaths(remotePath, localPath)
        const { followLinks = false, preserve = true } = options
        // Fails here where there is nothing to copy, before anything happens in the container.
        if (followLinks || Option.isNone(yield* Effect.option(fs.readLink(localPath)))) yield* fs.stat(localPath)

        // As with cp, `dir/.` is what is in the directory.
        const last = localPath.split(path.sep === "\\" ? /[/\\]+/ : /\/+/).findLast((part) => part !== "")
        const base = last === "." ? "." : path.basename(path.resolve(localPath))
        const inside = placeAt(posix.join(remotePath, base))
        // A path that ends like a directory has to be one.
        const instead = split(remotePath).name === undefined ? inside : placeAt(remotePath)

        const run: Run = (command) =>
          pod.execStream(resource)(ref, command, {
            container: options.container,
            namespace: options.namespace,
            timeout: options.timeout
          })
        const unpack = [...(preserve ? [] : ["--no-same-permissions", "--no-same-owner"]), "-xmf", "-"]
        const { ending, place, stdin } = yield* Effect.flatMap(
          byShell(run, unpack, remotePath, inside, instead),
          Option.match({
            onNone: () =>
              Effect.flatMap(
                inside === instead ? Effect.succeed(true) : isDirectory(resource, ref, remotePath, options),
                (directory) => byTarAlone(run, unpack, directory ? inside : instead)
              ),
            onSome: Effect.succeed
          })
        )

        const count = counter(options)
        let complete = false
        const archive = Stream.concat(
          pack(fs, path, followLinks, count, localPath, place.name),
          Stream.sync(() => {
            complete = true
            return tar.end
          })
        )
        const sending = Stream.run(
          gathered(archive),
          // Where it cannot be sent, the server has left: what it said last tells why.
          Sink.orElse(stdin, () => Sink.never)
        )
        yield* first(sending, Fiber.await(ending))
        yield* Fiber.join(ending)
        if (!complete) {
          return yield* new CopyFailed({
            reason: "TarFailed",
            message: "tar in the container ended before it had read everything, and said that all is well",
            exitCode: 0
          })
        }
        const result = count.result()
        yield* logSkipped(result)
        return result
      })
    )

// --- out of the container

/** What an entry is called below the target, or why it may not be there. */
const placeOf = (path: string, asked: string | undefined, sep: string): ReadonlyArray<string> | string => {
  if (path.startsWith("/")) return "it has an absolute name"
  if (path.includes("\uFFFD")) return "its name is not valid UTF-8"
  if (path.includes("\0")) return "its name holds a zero byte"
  const parts = path.split("/").filter((part) => part !== "" && part !== ".")
  if (parts.includes("..")) return "it would leave the target"
  // Windows knows two ways to write a path, and names with a colon that stand for something else.
  if (sep === "\\" && parts.some((part) => /[\\:]/.test(part))) return "its name means something else on this system"
  if (asked === undefined) return parts
  return parts[0] === asked ? parts.slice(1) : "it is not part of what was asked for"
}

const refused = (entry: string, why: string) =>
  new CopyFailed({
    reason: "Refused",
    entry,
    message: `the container sent an entry that is refused, ${shown(entry)}: ${why}`
  })

/** A name as one can read it, whatever it holds. */
const shown = (name: string): string => JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name)

const isSystemError = (reason: string) => (error: PlatformError) =>
  error._tag === "SystemError" && error.reason === reason

const skippedTypes: { readonly [type: string]: SkippedEntry["type"] } = {
  SymbolicLink: "SymbolicLink",
  CharacterDevice: "CharacterDevice",
  BlockDevice: "BlockDevice",
  FIFO: "FIFO"
}

interface Incoming {
  readonly path: string
  readonly size: number
  readonly mtime: Date | undefined
  readonly part: string
  readonly target: string
  readonly file: FileSystem.File
  /** Open as long as the file is. */
  readonly opened: Scope.CloseableScope
  /** Open until the file is in its place. */
  readonly unfinished: Scope.CloseableScope
  copied: number
  placed: boolean
}

interface Target {
  /** The name of what was asked for, with which every entry begins; absent for a directory like `/`, or `..`. */
  readonly asked: string | undefined
  readonly localPath: string
  /** Whether the path says that it is one. */
  readonly isDirectory: boolean
}

/** Writes entries below a target, and nowhere else. */
const unpack = <E, R>(
  fs: FileSystem.FileSystem,
  path: Path.Path,
  scope: Scope.Scope,
  { asked, isDirectory, localPath }: Target,
  options: Options<E, R>,
  count: Counter<E, R>
) => {
  type Done = Effect.Effect<void, PlatformError | CopyFailed | E, R>
  const preserve = options.preserve ?? true
  /** Directories, from the target on, that are known to be none but directories. */
  let verified: ReadonlyArray<string> | undefined
  let current: Incoming | undefined
  let entries = 0
  /** What was asked for is a file, so there is nothing below it. */
  let isFile = false

  const isLink = (place: string) => Effect.isSuccess(fs.readLink(place))

  const root = Effect.suspend(() =>
    verified !== undefined
      ? Effect.void
      : Effect.map(fs.makeDirectory(localPath, { recursive: true }), () => {
          verified = []
        })
  )

  /**
   * Makes a directory below the target, or finds that it is one. No archive makes links here, but one may be there from
   * before, and lead out of the target.
   */
  const directory = (entry: string, parts: ReadonlyArray<string>, mode?: number): Done =>
    Effect.gen(function* () {
      yield* root
      const known = verified ?? []
      let same = 0
      while (same < parts.length && known[same] === parts[same]) same++
      for (let length = same + 1; length <= parts.length; length++) {
        const place = path.join(localPath, ...parts.slice(0, length))
        const own = length === parts.length ? mode : undefined
        yield* fs.makeDirectory(place, own === undefined ? {} : { mode: own }).pipe(
          Effect.catchIf(isSystemError("AlreadyExists"), () =>
            Effect.gen(function* () {
              if (yield* isLink(place)) {
                return yield* refused(entry, `${place} is a symbolic link, which could lead out of the target`)
              }
              if ((yield* fs.stat(place)).type !== "Directory") {
                return yield* refused(entry, `${place} is there, and is no directory`)
              }
            })
          )
        )
      }
      if (same < parts.length) verified = parts
    })

  /** Where the file goes that was asked for itself. */
  const single: Effect.Effect<string, PlatformError | CopyFailed> = Effect.gen(function* () {
    const stat = (place: string) =>
      fs.stat(place).pipe(
        Effect.asSome,
        Effect.catchIf(isSystemError("NotFound"), () => Effect.succeedNone)
      )
    const found = yield* stat(localPath)
    const inDirectory = Option.isSome(found) ? found.value.type === "Directory" : isDirectory
    const place = inDirectory && asked !== undefined ? path.join(localPath, asked) : localPath
    yield* fs.makeDirectory(path.dirname(place), { recursive: true })
    const there = inDirectory ? yield* stat(place) : found
    if (Option.isNone(there)) return place
    if (there.value.type !== "File") {
      return yield* refused(asked ?? "", `${place} is there, and is no file`)
    }
    // The caller has named this very path: a link there is meant. A link inside of a directory is just replaced.
    return inDirectory ? place : yield* fs.realPath(place)
  })

  const placeFor = (
    entry: ReadEntry,
    parts: ReadonlyArray<string>
  ): Effect.Effect<string, PlatformError | CopyFailed | E, R> =>
    parts.length === 0 ? single : Effect.as(directory(entry.path, parts.slice(0, -1)), path.join(localPath, ...parts))

  /**
   * A file beside the target, which is renamed when it is whole: an old file stays until then, nothing half is ever seen,
   * and a link in the place of the file is replaced and not followed.
   */
  const begin = (
    entry: ReadEntry,
    parts: ReadonlyArray<string>,
    size: number
  ): Effect.Effect<Incoming, PlatformError | CopyFailed | E, R> =>
    Effect.gen(function* () {
      const target = yield* placeFor(entry, parts)
      const number = yield* Random.nextIntBetween(0, Number.MAX_SAFE_INTEGER)
      const part = path.join(path.dirname(target), `.${number.toString(36)}.part`)
      isFile = parts.length === 0
      const unfinished = yield* Scope.fork(scope, { _tag: "Sequential" })
      const opened = yield* Scope.fork(unfinished, { _tag: "Sequential" })
      const mode = preserve && entry.mode !== undefined ? { mode: entry.mode & 0o777 } : {}
      const file = yield* Scope.extend(fs.open(part, { flag: "wx", ...mode }), opened)
      const mtime = entry.mtime !== undefined && Number.isFinite(entry.mtime.getTime()) ? entry.mtime : undefined
      const name = parts.length === 0 ? path.basename(target) : parts.join("/")
      const incoming: Incoming = {
        path: name,
        size,
        mtime,
        part,
        target,
        file,
        opened,
        unfinished,
        copied: 0,
        placed: false
      }
      yield* Scope.addFinalizer(
        unfinished,
        Effect.suspend(() => (incoming.placed ? Effect.void : Effect.ignore(fs.remove(part))))
      )
      current = incoming
      return incoming
    }).pipe(
      // Between the file and what removes it, nothing may come.
      Effect.uninterruptible
    )

  const finish = (incoming: Incoming): Done =>
    Effect.gen(function* () {
      current = undefined
      const { mtime, part, target } = incoming
      yield* Scope.close(incoming.opened, Exit.void)
      if (preserve && mtime !== undefined) yield* fs.utimes(part, mtime, mtime)
      yield* Effect.uninterruptible(
        Effect.zipRight(
          fs.rename(part, target),
          Effect.suspend(() => {
            incoming.placed = true
            count.file()
            return Scope.close(incoming.unfinished, Exit.void)
          })
        )
      )
      if (incoming.size === 0) yield* count.piece(incoming.path, 0, 0, 0)
    }).pipe(
      Effect.catchIf(
        (error) => !incoming.placed && isPlatformError(error),
        (error) =>
          Effect.flatMap(Effect.option(fs.stat(incoming.target)), (there): Done =>
            Effect.fail(
              Option.isSome(there) && there.value.type === "Directory"
                ? refused(incoming.path, `${incoming.target} is there, and is a directory`)
                : error
            )
          )
      )
    )

  /** A second name of a file that came before, which is copied: as a link, the two would change together. */
  const hardLink = (entry: ReadEntry, parts: ReadonlyArray<string>): Done =>
    Effect.gen(function* () {
      const from = placeOf(entry.linkpath ?? "", asked, path.sep)
      if (typeof from === "string") {
        return yield* refused(entry.path, `it is a hard link to ${shown(entry.linkpath ?? "")}, and ${from}`)
      }
      for (let length = 1; length <= from.length; length++) {
        const place = path.join(localPath, ...from.slice(0, length))
        if (yield* isLink(place)) {
          return yield* refused(entry.path, `it is a hard link to ${place}, which is a symbolic link`)
        }
      }
      const source = from.length === 0 ? undefined : path.join(localPath, ...from)
      const info = source === undefined ? Option.none() : yield* Effect.option(fs.stat(source))
      if (source === undefined || Option.isNone(info) || info.value.type !== "File") {
        count.skipped.push({ path: parts.join("/"), type: "HardLink", target: entry.linkpath })
        return
      }
      const incoming = yield* begin(entry, parts, Number(info.value.size))
      yield* Stream.runForEach(fs.stream(source, { chunkSize: pieceSize }), (bytes) => write(incoming, bytes))
    })

  const write = (incoming: Incoming, bytes: Uint8Array): Done =>
    Effect.zipRight(
      incoming.file.writeAll(bytes),
      Effect.suspend(() => {
        incoming.copied += bytes.length
        return count.piece(incoming.path, incoming.size, incoming.copied, bytes.length)
      })
    )

  const enter = (entry: ReadEntry): Done => {
    entries++
    const parts = placeOf(entry.path, asked, path.sep)
    if (typeof parts === "string") return Effect.fail(refused(entry.path, parts))
    if (isFile && parts.length > 0) {
      return Effect.fail(refused(entry.path, "what was asked for is a file, not a directory"))
    }
    switch (entry.type) {
      case "File":
      case "OldFile":
      case "ContiguousFile":
        return begin(entry, parts, entry.size)
      case "Directory":
        // Without the right to write into it, the rest could not come.
        return directory(
          entry.path,
          parts,
          preserve && entry.mode !== undefined ? (entry.mode & 0o777) | 0o700 : undefined
        )
      case "Link":
        return hardLink(entry, parts)
      default: {
        const type = skippedTypes[entry.type]
        if (type === undefined) return Effect.fail(refused(entry.path, `it is of the type ${entry.type}`))
        count.skipped.push({ path: parts.join("/"), type, target: entry.linkpath })
        return Effect.void
      }
    }
  }

  return {
    handle: (event: tar.Event): Done => {
      if (event._tag === "Entry") return enter(event.entry)
      const incoming = current
      if (incoming === undefined) return Effect.void
      return event._tag === "Data" ? write(incoming, event.bytes) : finish(incoming)
    },
    end: Effect.suspend((): Effect.Effect<void, CopyFailed> => {
      const [first] = count.skipped
      if (entries === 1 && first?.path === "") {
        return Effect.fail(
          refused(
            asked ?? "",
            first.type === "SymbolicLink"
              ? `it is a symbolic link to ${shown(first.target ?? "")}; copy that path, or set followLinks`
              : `it is neither a file nor a directory (${first.type})`
          )
        )
      }
      return entries > 0
        ? Effect.void
        : Effect.fail(new CopyFailed({ reason: "BadArchive", message: "tar in the container sent no entry at all" }))
    })
  }
}

const isPlatformError = (error: unknown): error is PlatformError =>
  typeof error === "object" &&
  error !== null &&
  "_tag" in error &&
  (error._tag === "SystemError" || error._tag === "BadArgument")

export const copyFrom =
  (resource: ResourceInfo) =>
  <E = never, R = never>(ref: AnyRef, remotePath: string, localPath: string, options: Options<E, R> = {}) =>
    Effect.scoped(
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        yield* checkPaths(remotePath, localPath)
        const source = split(remotePath.replace(/(?<=[^/])\/+$/, ""))
        const count = counter(options)
        // A name that begins with a dash would be an option.
        const command = [
          "tar",
          options.followLinks === true ? "-chf" : "-cf",
          "-",
          "-C",
          source.directory,
          source.name === undefined ? "." : `./${source.name}`
        ]
        const process = yield* pod.execStream(resource)(ref, command, {
          container: options.container,
          namespace: options.namespace,
          timeout: options.timeout,
          stdin: false
        })
        const reader = tar.reader()
        const isDirectory = localPath.endsWith("/") || localPath.endsWith(path.sep)
        const target = { asked: source.name, localPath: path.resolve(localPath), isDirectory }
        const unpacker = unpack(fs, path, yield* Effect.scope, target, options, count)
        const [stderr] = yield* Effect.all(
          [
            words(process.stderr),
            Stream.runForEach(process.stdout, (bytes) =>
              Effect.flatMap(reader.read(bytes), (events) => Effect.forEach(events, unpacker.handle, { discard: true }))
            )
          ],
          { concurrency: "unbounded" }
        )
        yield* checkExit(yield* exitCodeOf(process.exitCode), stderr)
        yield* reader.end
        yield* unpacker.end
        const result = count.result()
        yield* logSkipped(result)
        return result
      })
    )
