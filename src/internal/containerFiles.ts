/** A `FileSystem` over the tools of a container: its shell, `cat`, `dd`, `stat`, `find` and their like. */
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { ExecProcess } from "../Resource.js"
import {
  badArgument,
  checkArguments,
  fromKubeError,
  plain,
  systemError,
  type Argv,
  type Doing,
  type Run
} from "./container.js"
import { background } from "./fork.js"
import { keep } from "./kept.js"
import { isProgramMissing } from "./pod.js"

// The scripts never hold a path: they get them as "$1" and so on. The words of the errors are those of the C library;
// the shell's own, of a redirection, are not, which is why `dd` opens a file before the shell does. What comes in is in
// pieces, each after a line with its size, and ends with a size of 0: at the end of an input, containerd throws away what
// the command has not got yet.
const prelude = `LC_ALL=C; export LC_ALL
fail() { echo "$1" >&2; exit 1; }
there() { [ -e "$1" ] || [ -L "$1" ]; }
folder() { [ -d "$1" ] && [ ! -L "$1" ]; }
same() { [ "$(stat -c %d:%i "$1")" = "$(stat -c %d:%i "$2" 2>&1)" ]; }
receive() {
  while read -r size; do
    [ "$size" != 0 ] || return 0
    dd bs="$size" count=1 iflag=fullblock || exit
  done
  fail "the connection broke off"
}
parent() { set -- "\${1%"\${1##*[!/]}"}"; stat -L "\${1%/*}/." >/dev/null || exit; }
`

const scripts = {
  // $2, $3: whether to ask for reading, writing
  access: `stat -L "$1" >/dev/null || exit
[ -z "$2" ] || [ -r "$1" ] || fail "Permission denied"
[ -z "$3" ] || [ -w "$1" ] || fail "Permission denied"`,
  chmod: `stat -L "$1" >/dev/null && chmod "$2" "$1"`,
  chown: `stat -L "$1" >/dev/null && chown "$2" "$1"`,
  // $3: whether to overwrite; $4: "p" to keep the times
  copy: `stat "$1" >/dev/null || exit
folder "$1" && [ -e "$2" ] && [ ! -d "$2" ] && fail "Not a directory"
folder "$1" || ! folder "$2" || fail "Is a directory"
! same "$1" "$2" || fail "Invalid argument: source and target are the same"
if folder "$1"; then
  near=$2
  until [ -e "$near" ]; do near=\${near%/*}; near=\${near:-/}; done
  from=$(realpath "$1" && echo x) || exit
  to=$(realpath "$near" && echo x) || exit
  case "\${to%?x}/" in "\${from%?x}"/*) fail "Invalid argument: a directory cannot be copied into itself" ;; esac
fi
parent=\${2%/*}
[ ! -e "$parent" ] || [ -d "$parent" ] || fail "Not a directory"
[ -z "$parent" ] || mkdir -p "$parent" || exit
umask 0
merge() {
  if ! there "$2"; then cp -R"$4" "$1" "$2" || exit; return; fi
  if ! folder "$1"; then
    folder "$2" && fail "Is a directory"
    [ -z "$3" ] || { rm -f "$2" && cp -R"$4" "$1" "$2"; } || exit
    return
  fi
  [ -d "$2" ] || fail "Not a directory"
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    ! there "$entry" || merge "$entry" "$2/\${entry##*/}" "$3" "$4"
  done
}
merge "$@"`,
  // "dd" follows links as Node does, and tells the C library's errors.
  copyFile: `stat -L "$1" >/dev/null || exit
[ ! -d "$1" ] || { stat -L "\${2%/*}/." >/dev/null && fail "Is a directory"; exit 1; }
[ ! "$1" -ef "$2" ] || exit 0
mode=$(stat -L -c %a "$1") || exit
umask 077
dd if="$1" of="$2" bs=65536 || exit
chmod "$mode" "$2"`,
  link: `stat "$1" >/dev/null || exit
parent "$2"
there "$2" && fail "File exists"
folder "$1" && fail "Operation not permitted"
ln -T "$1" "$2"`,
  // $2: the mode
  makeDirectory: `umask "$(printf %o $(( (~0$2 & 0777) | 0$(umask) )))" && mkdir "$1"`,
  makeDirectories: `umask "$(printf %o $(( (~0$2 & 0777) | 0$(umask) )))" && mkdir -p "$1"`,
  // $1: the directory or nothing; $2: the prefix
  makeTempDirectory: `mktemp -d "\${1:-\${TMPDIR:-/tmp}}/$2XXXXXX"`,
  // $2: what is to be found there: "old", "new" or nothing; $3: whether to empty it; $4: the mode of a new one;
  // $5: "a", "w" or "u", to write what comes in at the end, at the beginning of nothing, or over what is there
  write: `fresh=
there "$1" || fresh=1
[ -n "$fresh" ] || [ "$2" != new ] || fail "File exists"
[ "$2" != old ] || stat -L "$1" >/dev/null || exit
before=$(umask)
mode=$(printf %o $(( 0$4 & ~0$before )))
umask "$(printf %o $(( (~0$4 & 0077) | 0$before )))"
if [ "$2" = new ] && ! (set -C; : >"$1") 2>/dev/null; then
  there "$1" && fail "File exists"
  dd if=/dev/null of="$1" conv=notrunc || exit
  fail "File exists"
fi
if [ -n "$3" ]; then dd if=/dev/null of="$1" || exit; else dd if=/dev/null of="$1" conv=notrunc || exit; fi
case "$5" in
  a) receive >>"$1" ;;
  w) receive >"$1" ;;
  u) receive 1<>"$1" ;;
esac
[ -z "$fresh" ] || [ "$4" = 666 ] || chmod "$mode" "$1"`,
  // $2: whether for writing
  open: `stat -L "$1" >/dev/null || exit
[ -r "$1" ] || fail "Permission denied"
[ -z "$2" ] || dd if=/dev/null of="$1" conv=notrunc`,
  readDirectory: `find "$1/." -mindepth 1 -maxdepth 1 -print0`,
  readDirectories: `find "$1/." -mindepth 1 -print0`,
  read: `cat "$1"`,
  // $2: where to begin
  readFrom: `dd if="$1" bs=65536 iflag=skip_bytes skip="$2"`,
  // $3: how much
  readPart: `dd if="$1" bs=65536 iflag=skip_bytes,count_bytes,fullblock skip="$2" count="$3"`,
  writeAt: `receive | dd of="$1" bs=65536 oflag=seek_bytes seek="$2" conv=notrunc`,
  append: `dd if=/dev/null of="$1" conv=notrunc && receive >>"$1"`,
  readLink: `stat "$1" >/dev/null || exit
[ -L "$1" ] || fail "Invalid argument: not a symbolic link"
readlink -n "$1"`,
  realPath: `stat -L "$1" >/dev/null || exit
realpath "$1"`,
  // $2: whether with what is in it; $3: whether it may be missing
  remove: `if [ -n "$3" ]; then case $(stat "$1" 2>&1) in *"No such file or directory") exit 0 ;; esac; fi
stat "$1" >/dev/null || exit
if folder "$1" && [ -z "$2" ]; then fail "Is a directory"; fi
if [ -n "$2" ]; then rm -rf "$1"; else rm -f "$1"; fi`,
  rename: `parent "$1"
parent "$2"
stat "$1" >/dev/null || exit
! same "$1" "$2" || exit 0
folder "$2" && ! folder "$1" && fail "Is a directory"
folder "$1" && there "$2" && ! folder "$2" && fail "Not a directory"
mv -f -T "$1" "$2"`,
  stat: `stat -L -c '%f %s %u %g %h %i %d %t %T %o %b %x %y' "$1"`,
  // $1: the link; $2: what it holds
  symlink: `there "$1" && fail "File exists"
ln -s -T -- "$2" "$1"`,
  sync: `sync "$1" 2>/dev/null || sync`,
  truncate: `stat -L "$1" >/dev/null || exit
truncate -c -s "$2" "$1"`,
  // BusyBox takes whole seconds only.
  utimes: `stat -L "$1" >/dev/null || exit
touch -c -a -d "@$2" "$1" 2>/dev/null || touch -c -a -d "@\${2%.*}" "$1" || exit
touch -c -m -d "@$3" "$1" 2>/dev/null || touch -c -m -d "@\${3%.*}" "$1"`
} as const

const words: ReadonlyArray<readonly [RegExp, SystemErrorReason]> = [
  [/no such file or directory$/i, "NotFound"],
  [/file exists$/i, "AlreadyExists"],
  [/permission denied$|operation not permitted$/i, "PermissionDenied"],
  [/is a directory$|not a directory$|symbolic links$|symbolic link loop$/i, "BadResource"],
  [/resource busy$|text file busy$/i, "Busy"],
  // No reason of the platform, but what to tell where "dd" has still more to say.
  [/no space left on device$|quota exceeded$|file too large$/i, "Unknown"]
]

const noTool = /([^\s:]+): (?:command )?not found$/

/** What a script that ended so has said. */
const failure = (doing: Doing, exitCode: number, stderr: string): PlatformError => {
  const lines = stderr
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "")
  for (const line of lines.toReversed()) {
    const tool = noTool.exec(line)?.[1]
    if (tool !== undefined) {
      const what = `the container has no "${tool}", which this needs`
      return systemError(doing, "Unknown", what)
    }
    const reason = words.find(([pattern]) => pattern.test(line))?.[1]
    if (reason !== undefined) return systemError(doing, reason, line)
  }
  return systemError(doing, "Unknown", lines.at(-1) ?? `exit code ${exitCode}`)
}

type Script = (typeof scripts)[keyof typeof scripts]

/** A script that runs: what it writes, and whether it could. */
interface Running {
  readonly stdout: Stream.Stream<Uint8Array, PlatformError>
  readonly stdin: ExecProcess["stdin"]
  /** Waits for the end of the script. */
  readonly succeeded: Effect.Effect<void, PlatformError>
}

/** What begins a call: the paths, which the script gets first, and what it gets after them. */
interface Call {
  readonly method: string
  readonly script: Script
  readonly paths: ReadonlyArray<string>
  readonly args?: ReadonlyArray<string>
  readonly stdin?: boolean
}

const flag = (yes: boolean | undefined): string => (yes === true ? "1" : "")

const octal = (mode: number): string => (mode & 0o7777).toString(8)

const types: { readonly [bits: number]: FileSystem.File.Type } = {
  0o010000: "FIFO",
  0o020000: "CharacterDevice",
  0o040000: "Directory",
  0o060000: "BlockDevice",
  0o100000: "File",
  0o120000: "SymbolicLink",
  0o140000: "Socket"
}

/** `2026-11-21 08:43:17.451446484 +0000`, as `stat` shows a time. */
const dateOf = (day = "", time = "", zone = ""): Option.Option<Date> => {
  const date = new Date(`${day}T${time.slice(0, 12)}${zone.slice(0, 3)}:${zone.slice(3)}`)
  return Number.isNaN(date.getTime()) ? Option.none() : Option.some(date)
}

/** The line of `scripts.stat`. */
const infoOf = (line: string): FileSystem.File.Info | undefined => {
  const [raw = "", size = "", uid, gid, links, inode, device, major = "", minor = "", block, blocks, ...times] = line
    .trim()
    .split(" ")
  if (!/^[\da-f]+$/.test(raw) || !/^\d+$/.test(size)) return undefined
  const mode = Number.parseInt(raw, 16)
  const number = (text: string | undefined) => Option.filter(Option.some(Number(text)), Number.isFinite)
  const [high, low] = [Number.parseInt(major, 16), Number.parseInt(minor, 16)]
  return {
    type: types[mode & 0o170000] ?? "Unknown",
    mode,
    size: FileSystem.Size(BigInt(size)),
    uid: number(uid),
    gid: number(gid),
    nlink: number(links),
    ino: number(inode),
    dev: Number(device),
    // As makedev(3) puts it together, for the numbers that there are.
    rdev: Option.some((high << 8) | (low & 0xff) | ((low & ~0xff) << 12)),
    blksize: Option.map(number(block), FileSystem.Size),
    blocks: number(blocks),
    atime: dateOf(...times.slice(0, 3)),
    mtime: dateOf(...times.slice(3, 6)),
    birthtime: Option.none()
  }
}

interface OpenMode {
  readonly read: boolean
  readonly write: boolean
  readonly append: boolean
  readonly truncate: boolean
  readonly find: "old" | "new" | ""
}

const openMode = (flag: FileSystem.OpenFlag): OpenMode => ({
  read: flag.startsWith("r") || flag.endsWith("+"),
  write: flag !== "r",
  append: flag.startsWith("a"),
  truncate: flag.startsWith("w"),
  find: flag.startsWith("r") ? "old" : flag.includes("x") ? "new" : ""
})

const collect = (bytes: Stream.Stream<Uint8Array, PlatformError>): Effect.Effect<Buffer, PlatformError> =>
  Effect.map(Stream.runCollect(bytes), (chunks) => Buffer.concat([...chunks]))

/** Bytes in pieces of a size; the last one may be shorter. */
const rechunk =
  (size: number) =>
  <E>(bytes: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, E> =>
    Stream.suspend(() => {
      let waiting: ReadonlyArray<Uint8Array> = []
      let length = 0
      return bytes.pipe(
        Stream.mapConcat((bytes) => {
          waiting = [...waiting, bytes]
          length += bytes.length
          if (length < size) return []
          const all = Buffer.concat(waiting)
          const whole = length - (length % size)
          waiting = [all.subarray(whole)]
          length -= whole
          return Array.from({ length: whole / size }, (_, index) => all.subarray(index * size, (index + 1) * size))
        }),
        Stream.concat(Stream.suspend(() => (length === 0 ? Stream.empty : Stream.make(Buffer.concat(waiting)))))
      )
    })

const utf8 = new TextEncoder()

/** What `receive` in the prelude takes. */
const piece = (bytes: Uint8Array): Chunk.Chunk<Uint8Array> =>
  bytes.length === 0 ? Chunk.empty() : Chunk.make(utf8.encode(`${bytes.length}\n`), bytes)

export const make = (run: Run): FileSystem.FileSystem => {
  /** Begins a script. */
  const begin = ({
    args = [],
    method,
    paths,
    script,
    stdin = false
  }: Call): Effect.Effect<Running, PlatformError, Scope.Scope> =>
    Effect.gen(function* () {
      const doing: Doing = { module: "FileSystem", method, path: paths[0] }
      yield* checkArguments(doing, [...paths, ...args])
      if (paths.includes("")) return yield* systemError(doing, "NotFound", "No such file or directory")
      const running = (argv: Argv) => run(doing, argv, { stdin })
      const given = [...paths.map(plain), ...args]
      const process = yield* stdin
        ? keep(running, prelude + script, given)
        : running(["sh", "-c", prelude + script, "sh", ...given])
      // What receives writes nothing, but there its end is told.
      if (stdin) yield* background(Effect.ignore(Stream.runDrain(process.stdout)))
      const stderr = yield* process.stderr.pipe(
        Stream.decodeText(),
        // What is said once too often must not fill the memory.
        Stream.runFold("", (said, more) => (said + more).slice(-64 * 1024)),
        Effect.mapError(fromKubeError(doing)),
        background
      )
      const succeeded = Effect.gen(function* () {
        const exitCode = yield* Effect.mapError(process.exitCode, (error) =>
          isProgramMissing(error)
            ? systemError(doing, "Unknown", 'the container has no "sh", which its file system needs', error)
            : fromKubeError(doing)(error)
        )
        if (exitCode !== 0) return yield* failure(doing, exitCode, yield* stderr)
      })
      return { stdout: Stream.mapError(process.stdout, fromKubeError(doing)), stdin: process.stdin, succeeded }
    })

  /** What a script writes. */
  const read = (call: Call): Effect.Effect<Buffer, PlatformError> =>
    Effect.scoped(
      Effect.flatMap(begin(call), ({ stdout, succeeded }) =>
        Effect.map(Effect.all([collect(stdout), succeeded], { concurrency: 2 }), ([bytes]) => bytes)
      )
    )

  const text = (call: Call) => Effect.map(read(call), (bytes) => bytes.toString("utf8"))

  /** A script that needs to write nothing. */
  const perform = (call: Call) => Effect.asVoid(read(call))

  /** A script that receives. It ends by itself, and only then its input does. */
  const receiving = (call: Call): Sink.Sink<void, Uint8Array, never, PlatformError> =>
    Sink.unwrapScoped(
      Effect.map(begin({ ...call, stdin: true }), ({ stdin, succeeded }) => {
        type Bytes = Chunk.Chunk<Uint8Array>
        const pieces: Channel.Channel<Bytes, Bytes, never, never, void, unknown> = Channel.readWith({
          onInput: (chunk: Bytes) => Channel.zipRight(Channel.write<Bytes>(Chunk.flatMap(chunk, piece)), pieces),
          onFailure: (error: never) => Channel.fail(error),
          onDone: () =>
            Channel.zipRight(
              Channel.write<Bytes>(Chunk.of<Uint8Array>(utf8.encode("0\n"))),
              Channel.fromEffect(Effect.ignore(succeeded))
            )
        })
        const doing: Doing = { module: "FileSystem", method: call.method, path: call.paths[0] }
        return Sink.fromChannel(
          Channel.pipeTo(pieces, Sink.toChannel(Sink.mapError(stdin, fromKubeError(doing))))
        ).pipe(
          // A script that fails stops reading, which is no failure of what it was sent.
          Sink.mapEffect(() => succeeded)
        )
      })
    )

  const feed = (call: Call, bytes: Uint8Array) => Stream.run(Stream.make(bytes), receiving(call))

  const writing = (method: string, path: string, flag: FileSystem.OpenFlag, mode: number | undefined): Call => {
    const { append, find, truncate } = openMode(flag)
    const how = append ? "a" : truncate ? "w" : "u"
    return {
      method,
      script: scripts.write,
      paths: [path],
      args: [find, truncate ? "1" : "", octal(mode ?? 0o666), how]
    }
  }

  const notOpenFor = (what: string, method: string, path: string) =>
    Effect.fail(systemError({ module: "FileSystem", method, path }, "Unknown", `the file is not open for ${what}`))

  const stat = (method: string, path: string) =>
    Effect.flatMap(text({ method, script: scripts.stat, paths: [path] }), (line) => {
      const info = infoOf(line)
      const doing: Doing = { module: "FileSystem", method, path }
      return info === undefined
        ? Effect.fail(
            systemError(doing, "Unknown", `"stat" of the container says ${JSON.stringify(line.slice(0, 200))}`)
          )
        : Effect.succeed(info)
    })

  let descriptors = 0

  const makeFile = (path: string, { append, read: readable, write: writable }: OpenMode) =>
    Effect.gen(function* () {
      const position = yield* Ref.make(0n)
      const alone = (yield* Effect.makeSemaphore(1)).withPermits(1)
      const advance = (bytes: number) => Ref.update(position, (at) => at + BigInt(bytes))
      const readAt = (method: string, size: number) =>
        readable
          ? Ref.get(position).pipe(
              Effect.flatMap((at) =>
                size === 0
                  ? Effect.succeed(Buffer.alloc(0))
                  : read({ method, script: scripts.readPart, paths: [path], args: [String(at), String(size)] })
              ),
              Effect.tap((bytes) => advance(bytes.length)),
              alone
            )
          : notOpenFor("reading", method, path)
      const write = (method: string, bytes: Uint8Array) =>
        writable
          ? Ref.get(position).pipe(
              Effect.flatMap((at) =>
                feed(
                  append
                    ? { method, script: scripts.append, paths: [path] }
                    : { method, script: scripts.writeAt, paths: [path], args: [String(at)] },
                  bytes
                )
              ),
              Effect.zipRight(append ? Effect.void : advance(bytes.length)),
              alone
            )
          : notOpenFor("writing", method, path)
      const file: FileSystem.File = {
        [FileSystem.FileTypeId]: FileSystem.FileTypeId,
        fd: FileSystem.FileDescriptor(descriptors++),
        stat: stat("stat", path),
        seek: (offset, from) =>
          alone(Ref.update(position, (at) => (from === "start" ? 0n : at) + FileSystem.Size(offset))),
        sync: perform({ method: "sync", script: scripts.sync, paths: [path] }),
        read: (buffer) =>
          Effect.map(readAt("read", buffer.length), (bytes) => {
            buffer.set(bytes)
            return FileSystem.Size(bytes.length)
          }),
        readAlloc: (size) =>
          Effect.map(readAt("readAlloc", Number(size)), (bytes) =>
            bytes.length === 0 ? Option.none() : Option.some(bytes)
          ),
        truncate: (length = 0) =>
          writable
            ? truncate(path, length).pipe(
                Effect.zipRight(
                  append ? Effect.void : Ref.update(position, (at) => (at > BigInt(length) ? BigInt(length) : at))
                ),
                alone
              )
            : notOpenFor("writing", "truncate", path),
        write: (bytes) => Effect.as(write("write", bytes), FileSystem.Size(bytes.length)),
        writeAll: (bytes) => write("writeAll", bytes)
      }
      return file
    })

  const open = (method: string, path: string, { flag = "r", mode }: FileSystem.OpenFileOptions = {}) => {
    const how = openMode(flag)
    const call: Call =
      how.find === "old"
        ? { method, script: scripts.open, paths: [path], args: [how.write ? "1" : ""] }
        : { ...writing(method, path, flag, mode), args: [how.find, how.truncate ? "1" : "", octal(mode ?? 0o666), ""] }
    return Effect.zipRight(perform(call), makeFile(path, how))
  }

  const truncate = (path: string, length: FileSystem.SizeInput = 0) => {
    const size = BigInt(length)
    const args = [String(size < 0n ? 0n : size)]
    return perform({ method: "truncate", script: scripts.truncate, paths: [path], args })
  }

  const remove = (method: string, path: string, { force, recursive }: FileSystem.RemoveOptions = {}) =>
    perform({ method, script: scripts.remove, paths: [path], args: [flag(recursive), flag(force)] })

  const makeTempDirectory = (
    method: string,
    { directory, prefix = "" }: FileSystem.MakeTempDirectoryOptions = {}
  ): Effect.Effect<string, PlatformError> => {
    const script = scripts.makeTempDirectory
    // Only the container knows its default; what it makes of a relative path is told as it was given.
    const call: Call =
      directory === undefined
        ? { method, script, paths: [], args: ["", prefix] }
        : { method, script, paths: [directory.replace(/(?<=.)\/+$/, "") || "."], args: [prefix] }
    return Effect.map(text(call), (out) => {
      const made = out.replace(/\n$/, "").replace(/^\/\//, "/")
      return made.startsWith("/") ? made : made.slice("./".length)
    })
  }

  const makeTempFile = (method: string, { suffix = "", ...options }: FileSystem.MakeTempFileOptions = {}) =>
    Effect.gen(function* () {
      const directory = yield* makeTempDirectory(method, options)
      const name = yield* Random.nextIntBetween(0, 2 ** 48)
      const path = `${directory}/${name.toString(16).padStart(12, "0")}${suffix}`
      yield* open(method, path, { flag: "w+" })
      return path
    })

  const seconds = (time: Date | number): number => (typeof time === "number" ? time : time.getTime() / 1000)

  const fileSystem = FileSystem.make({
    access: (path, { readable, writable } = {}) =>
      perform({ method: "access", script: scripts.access, paths: [path], args: [flag(readable), flag(writable)] }),
    chmod: (path, mode) => perform({ method: "chmod", script: scripts.chmod, paths: [path], args: [octal(mode)] }),
    chown: (path, uid, gid) => {
      // As in chown(2), -1 leaves what there is.
      const [user, group] = [uid === -1 ? "" : String(uid), gid === -1 ? "" : `:${gid}`]
      return user + group === ""
        ? perform({ method: "chown", script: scripts.access, paths: [path], args: ["", ""] })
        : perform({ method: "chown", script: scripts.chown, paths: [path], args: [user + group] })
    },
    copy: (from, to, { overwrite, preserveTimestamps } = {}) =>
      perform({
        method: "copy",
        script: scripts.copy,
        paths: [from, to],
        args: [flag(overwrite), preserveTimestamps === true ? "p" : ""]
      }),
    copyFile: (from, to) => perform({ method: "copyFile", script: scripts.copyFile, paths: [from, to] }),
    link: (from, to) => perform({ method: "link", script: scripts.link, paths: [from, to] }),
    makeDirectory: (path, { mode = 0o777, recursive } = {}) =>
      perform({
        method: "makeDirectory",
        script: recursive === true ? scripts.makeDirectories : scripts.makeDirectory,
        paths: [path],
        args: [octal(mode)]
      }),
    makeTempDirectory: (options) => makeTempDirectory("makeTempDirectory", options),
    makeTempDirectoryScoped: (options) =>
      Effect.acquireRelease(makeTempDirectory("makeTempDirectoryScoped", options), (path) =>
        Effect.orDie(remove("makeTempDirectoryScoped", path, { recursive: true, force: true }))
      ),
    makeTempFile: (options) => makeTempFile("makeTempFile", options),
    makeTempFileScoped: (options) =>
      Effect.acquireRelease(makeTempFile("makeTempFileScoped", options), (path) =>
        Effect.orDie(
          remove("makeTempFileScoped", path.slice(0, path.lastIndexOf("/")), { recursive: true, force: true })
        )
      ),
    open: (path, options) => open("open", path, options),
    readDirectory: (path, { recursive } = {}) =>
      Effect.map(
        text({
          method: "readDirectory",
          script: recursive === true ? scripts.readDirectories : scripts.readDirectory,
          paths: [path]
        }),
        (out) =>
          out
            .split("\0")
            .slice(0, -1)
            .map((name) => name.slice(plain(path).length + "/./".length))
      ),
    readFile: (path) => read({ method: "readFile", script: scripts.read, paths: [path] }),
    readLink: (path) => text({ method: "readLink", script: scripts.readLink, paths: [path] }),
    realPath: (path) =>
      Effect.map(text({ method: "realPath", script: scripts.realPath, paths: [path] }), (out) =>
        out.replace(/\n$/, "")
      ),
    remove: (path, options) => remove("remove", path, options),
    rename: (from, to) => perform({ method: "rename", script: scripts.rename, paths: [from, to] }),
    stat: (path) => stat("stat", path),
    symlink: (target, path) =>
      target === ""
        ? Effect.fail(
            systemError({ module: "FileSystem", method: "symlink", path: "" }, "NotFound", "No such file or directory")
          )
        : perform({ method: "symlink", script: scripts.symlink, paths: [path], args: [target] }),
    truncate,
    utimes: (path, atime, mtime) => {
      const [accessed, modified] = [seconds(atime), seconds(mtime)]
      return Number.isFinite(accessed) && Number.isFinite(modified)
        ? perform({
            method: "utimes",
            script: scripts.utimes,
            paths: [path],
            args: [accessed.toFixed(3), modified.toFixed(3)]
          })
        : Effect.fail(badArgument({ module: "FileSystem", method: "utimes" }, "not a time"))
    },
    // A container tells nobody of its files' changes.
    watch: () =>
      Stream.fail(badArgument({ module: "FileSystem", method: "watch" }, "a container's files cannot be watched")),
    writeFile: (path, data, options = {}) => feed(writing("writeFile", path, options.flag ?? "w", options.mode), data)
  })

  return {
    ...fileSystem,
    // One command each, where the platform's own would need one for each chunk.
    stream: (path, { bytesToRead, chunkSize = 64 * 1024, offset = 0 } = {}) => {
      const method = "stream"
      const call: Call =
        bytesToRead !== undefined
          ? { method, script: scripts.readPart, paths: [path], args: [String(offset), String(bytesToRead)] }
          : BigInt(offset) > 0n
            ? { method, script: scripts.readFrom, paths: [path], args: [String(offset)] }
            : { method, script: scripts.read, paths: [path] }
      return Stream.unwrapScoped(
        Effect.map(begin(call), ({ stdout, succeeded }) =>
          Stream.concat(stdout, Stream.drain(Stream.fromEffect(succeeded)))
        )
      ).pipe(rechunk(Number(chunkSize)))
    },
    sink: (path, { flag = "w", mode } = {}) => receiving(writing("sink", path, flag, mode))
  }
}
