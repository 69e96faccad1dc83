/**
 * A container as what Effect programs already use: a `CommandExecutor` whose commands run in it, and a `FileSystem` that
 * is its files. A program written for Node's runs in a pod by another layer.
 *
 * @since 0.1.0
 */
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { connect } from "./internal/container.js"
import * as commands from "./internal/containerCommands.js"
import * as files from "./internal/containerFiles.js"
import type { KubeError } from "./KubeError.js"
import type { KubeClient } from "./layers/KubeClient.js"
import type { NamespaceOption, Ref } from "./Resource.js"

/**
 * Which container of the pod.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options extends NamespaceOption<"Namespaced"> {
  /** Default: what the annotation `kubectl.kubernetes.io/default-container` says, else the first one. */
  readonly container?: string | undefined
}

/**
 * The commands and the files of a container: `layerCommandExecutor` and `layerFileSystem`.
 *
 * @example
 * ```ts
 * import { Command, FileSystem } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Container } from "effect-kubernetes"
 *
 * const program = Effect.gen(function* () {
 *   const fs = yield* FileSystem.FileSystem
 *   yield* fs.writeFileString("/tmp/greeting", "hello")
 *   return yield* Command.string(Command.make("cat", "/tmp/greeting"))
 * }).pipe(Effect.provide(Container.layer("web-0", { container: "main" })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  pod: Ref<"Namespaced">,
  options: Options = {}
): Layer.Layer<CommandExecutor.CommandExecutor | FileSystem.FileSystem, KubeError, KubeClient> =>
  Layer.merge(layerCommandExecutor(pod, options), layerFileSystem(pod, options))

/**
 * A `CommandExecutor` whose commands run in a container, over the pod's
 * [exec](https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).
 *
 * The layer asks for the pod once, and fails where there is none. Client, impersonation and time limit are those of the
 * place where the layer is built. What goes wrong later is a `PlatformError`: `NotFound` for a program or a working
 * directory that is not there, `PermissionDenied` for what may not be run, and with the `KubeError` as its cause what
 * went wrong on the way. The pod being gone is `Unknown`, not `NotFound`.
 *
 * As on Node: arguments, variables, working directory, shell, input, outputs, pipes (each command runs by itself, and
 * what flows between two comes by here), signals to the process and to those that it has started. Closing the scope ends
 * the process, which Kubernetes alone does not do: SIGTERM, and after five seconds SIGKILL. `"inherit"` is the terminal of
 * this program.
 *
 * Otherwise than on Node:
 *
 * - Variables are added to those of the container. With `extendEnv: false` there are no others.
 * - `pid` is the number within the container.
 * - A process that a signal has ended has an exit code, 128 and the signal's number, as in a shell.
 * - An input that fails ends the process; its outputs and its exit code fail with the same error.
 * - `uid` and `gid` cannot be set: `BadArgument`.
 * - The end of an input needs Kubernetes 1.30 or newer; before, nothing runs, and the error says so.
 * - Beside each process runs the `sh` that has started it. It is the process' parent, leads its group, and reads what the
 *   process leaves of its input.
 * - The name of a builtin of the shell, such as `cd`, that is no program, ends with the exit code 127.
 * - In an image without `sh` programs run too, but there a working directory cannot be set, nor a signal be sent: closing
 *   the scope only closes the connection. The `pid` is -1, and a program that is not there is an error of `exitCode`.
 *   What containerd gets wrong of an input (`ExecProcess.stdin`) is not mended there, and what a pipe could still hold when
 *   an input ends at once may be lost.
 *
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { Effect } from "effect"
 * import { Container } from "effect-kubernetes"
 *
 * const uptime = Command.string(Command.make("uptime")).pipe(
 *   Effect.provide(Container.layerCommandExecutor("web-0", { namespace: "staging" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerCommandExecutor = (
  pod: Ref<"Namespaced">,
  options: Options = {}
): Layer.Layer<CommandExecutor.CommandExecutor, KubeError, KubeClient> =>
  Layer.effect(CommandExecutor.CommandExecutor, Effect.map(connect(pod, options), commands.make))

/**
 * A `FileSystem` that is the files of a container, by the tools of its image: `sh`, `cat`, `dd`, `stat`, `find`, `mkdir`,
 * `rm`, `mv`, `cp`, `ln`, `readlink`, `realpath`, `chmod`, `chown`, `mktemp`, `touch`, `truncate` and `sync`, of BusyBox
 * or of GNU. Where the image has not what an operation needs, the error names it. Paths may hold anything; relative ones begin
 * at the image's working directory.
 *
 * Each operation is a command, and costs a connection: one `stream` or `sink` of a large file is fast, a thousand small
 * files are slow. `stream`, `sink` and `readFile` move bytes as they are, and hold back whoever is faster.
 *
 * The layer asks for the pod once, and fails where there is none. Errors are as on Node: `NotFound`, `AlreadyExists`,
 * `PermissionDenied`, `BadResource`, ... A `KubeError` is the cause of an error whose reason is never `NotFound`, so that
 * `exists` fails where the pod is gone.
 *
 * Otherwise than on Node:
 *
 * - `open`: a file is known by its path, not by a descriptor: it is another one after a rename. Each read and each write is
 *   a command. `fd` is a number and nothing else.
 * - `stat`: no `birthtime`.
 * - `utimes`: whole seconds, where the image's `touch` takes no others.
 * - `readDirectory`: with `recursive`, links to directories are not followed.
 * - `copy`: links keep the text that they hold.
 * - `rename`: from one file system to another it copies, where Node fails.
 * - `watch` fails with `BadArgument`: a container tells nobody of its files' changes.
 * - `remove` of a directory without `recursive` fails with `BadResource`, on Node with `Unknown`. What is not permitted
 *   fails with `PermissionDenied`, on Node with `Unknown`.
 * - Writing needs Kubernetes 1.30 or newer.
 *
 * @example
 * ```ts
 * import { FileSystem } from "@effect/platform"
 * import { Effect, Stream } from "effect"
 * import { Container } from "effect-kubernetes"
 *
 * const lines = Effect.gen(function* () {
 *   const fs = yield* FileSystem.FileSystem
 *   return yield* fs.stream("/var/log/app.log").pipe(Stream.decodeText(), Stream.splitLines, Stream.runCount)
 * }).pipe(Effect.provide(Container.layerFileSystem("web-0")))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFileSystem = (
  pod: Ref<"Namespaced">,
  options: Options = {}
): Layer.Layer<FileSystem.FileSystem, KubeError, KubeClient> =>
  Layer.effect(FileSystem.FileSystem, Effect.map(connect(pod, options), files.make))
