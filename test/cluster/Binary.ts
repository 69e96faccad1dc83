/**
 * The Go programs of the test cluster, compiled once and kept in the user's cache: the binary that holds every program
 * of Kubernetes, and the one that runs a node in namespaces of its own.
 */
import * as Command from "@effect/platform/Command"
import type { CommandExecutor } from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import { createHash } from "node:crypto"
import { homedir } from "node:os"
import { fileURLToPath } from "node:url"
import { run, tail } from "./run.js"

export class BinaryError extends Data.TaggedError("BinaryError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

const sources = fileURLToPath(new URL("./go", import.meta.url))

const cacheDirectory = Effect.gen(function* () {
  const path = yield* Path.Path
  const home = yield* Config.string("XDG_CACHE_HOME").pipe(Config.withDefault(path.join(homedir(), ".cache")))
  return path.join(home, "effect-kubernetes")
})

/** The release of Kubernetes, and a hash that changes with everything that a program is made of. */
const readSources = (files: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const contents = yield* Effect.forEach([...files, "go.mod", "go.sum"], (name) =>
      fs.readFileString(path.join(sources, name))
    )
    const release = /^\s*k8s\.io\/kubernetes v(\S+)/m.exec(contents.join("\n"))?.[1]
    if (release === undefined) {
      return yield* new BinaryError({ message: `no release of k8s.io/kubernetes in ${path.join(sources, "go.mod")}` })
    }
    const hash = createHash("sha256").update(contents.join("\0")).digest("hex").slice(0, 12)
    return { release, hash }
  })

/**
 * Holds the lock file until the scope closes, and waits for another process that holds it. The holder touches the file
 * while it works; a file left alone for 15 seconds belongs to a process that died, and is taken away. Should two
 * processes take it away at once, both compile: that costs time, but the result is renamed into place either way.
 */
const lock = (file: string): Effect.Effect<void, PlatformError, FileSystem.FileSystem | Scope> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const removeStale = fs.stat(file).pipe(
      Effect.flatMap(({ mtime }) => Effect.map(mtime, (time) => Date.now() - time.getTime() > 15_000)),
      Effect.flatMap((stale) => (stale ? fs.remove(file) : Effect.void)),
      Effect.ignore
    )
    yield* Effect.acquireRelease(fs.writeFile(file, new Uint8Array(), { flag: "wx" }), () =>
      Effect.ignore(fs.remove(file))
    ).pipe(
      Effect.tapError(() => removeStale),
      Effect.retry({
        while: (error) => error._tag === "SystemError" && error.reason === "AlreadyExists",
        schedule: Schedule.spaced("500 millis")
      })
    )
    const touch = Effect.suspend(() => fs.utimes(file, new Date(), new Date()))
    yield* touch.pipe(Effect.ignore, Effect.repeat(Schedule.spaced("3 seconds")), Effect.forkScoped)
  })

const versionFlags = (release: string): ReadonlyArray<string> => {
  const [major, minor] = release.split(".")
  const version = "k8s.io/component-base/version"
  return [`-X ${version}.gitVersion=v${release}`, `-X ${version}.gitMajor=${major}`, `-X ${version}.gitMinor=${minor}`]
}

const compile = (
  title: string,
  program: string,
  flags: ReadonlyArray<string>,
  output: string
): Effect.Effect<void, BinaryError, CommandExecutor> =>
  Command.make(
    "go",
    "build",
    "-buildvcs=false",
    "-ldflags",
    ["-s", "-w", ...flags].join(" "),
    "-o",
    output,
    program
  ).pipe(
    Command.workingDirectory(sources),
    Command.env({ CGO_ENABLED: "0" }),
    run,
    Effect.mapError((cause) => {
      const missing = cause._tag === "SystemError" && cause.reason === "NotFound"
      const message = missing
        ? "Go is not installed. The test cluster is compiled from source: install Go from https://go.dev/dl, " +
          "or set E2E_KUBECONFIG to use a cluster that runs already"
        : `cannot run the Go compiler: ${cause.message}`
      return new BinaryError({ message, cause })
    }),
    Effect.filterOrFail(
      ({ exitCode }) => exitCode === 0,
      ({ exitCode, stderr }) =>
        new BinaryError({ message: `${title} does not compile: go build ended with ${exitCode}\n${tail(stderr)}` })
    ),
    Effect.asVoid
  )

interface Program {
  readonly name: string
  /** The package, as the Go compiler is told. */
  readonly package: string
  readonly files: ReadonlyArray<string>
  readonly title: (release: string) => string
  readonly duration: string
  readonly flags: (release: string) => ReadonlyArray<string>
}

const prepare = (
  program: Program
): Effect.Effect<string, BinaryError, FileSystem.FileSystem | Path.Path | CommandExecutor> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const cache = yield* cacheDirectory
    const { hash, release } = yield* readSources(program.files)
    const binary = path.join(cache, `${program.name}-${release}-${hash}`)
    if (yield* fs.exists(binary)) return binary

    yield* fs.makeDirectory(cache, { recursive: true })
    yield* lock(`${binary}.lock`)
    if (yield* fs.exists(binary)) return binary

    const title = program.title(release)
    yield* Effect.logInfo(`Compiling ${title}: this takes ${program.duration}, but only the first time`)
    const directory = yield* fs.makeTempDirectoryScoped({ directory: cache, prefix: "build-" })
    const output = path.join(directory, program.name)
    yield* compile(title, program.package, program.flags(release), output)
    yield* fs.rename(output, binary)
    return binary
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) =>
      error._tag === "BinaryError"
        ? error
        : new BinaryError({ message: `cannot prepare the test cluster's binary: ${error}`, cause: error })
    )
  )

/** The path of the binary, which is compiled first when this machine has not done so yet. */
export const build = prepare({
  name: "kube",
  package: ".",
  files: ["main.go"],
  title: (release) => `Kubernetes ${release}`,
  duration: "minutes",
  flags: versionFlags
})

/** The path of the program that runs a node, for Linux only. It is small, and compiled likewise. */
export const buildNode = prepare({
  name: "node",
  package: "./node",
  files: ["cgroup.go", "image.go", "init.go", "main.go", "run.go"].map((name) => `node/${name}`),
  title: () => "the test cluster's node",
  duration: "seconds",
  flags: () => []
})
