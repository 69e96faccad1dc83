/** This machine as a container: what `Pod.execStream` does, with its processes, and what containerd does to them. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { Deferred, Effect, Sink } from "effect"
import { InternalError, TransportError, type KubeError } from "effect-kubernetes"
import type { ExecProcess } from "effect-kubernetes/Resource"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { constants } from "node:os"
import type { Readable } from "node:stream"
import type { Run } from "../../src/internal/container.js"

const broken = (cause: unknown): KubeError =>
  new TransportError({ reason: "Reset", description: "", method: "", path: "", server: "", cause })

/** As containerd says it. */
const notStarted = (program: string, cause: Error & { readonly code?: string }): KubeError => {
  const why = cause.code === "EACCES" ? "permission denied" : "executable file not found in $PATH"
  const message = `OCI runtime exec failed: exec failed: exec: ${JSON.stringify(program)}: ${why}: unknown`
  return new InternalError({
    status: { status: "Failure", reason: "InternalError", message, code: 500 },
    code: 500,
    retryAfter: undefined,
    method: "GET",
    path: ""
  })
}

const find = (program: string) => ["/bin", "/usr/bin"].map((path) => `${path}/${program}`).find(existsSync)

export const busybox = find("busybox")

/** The shells of this machine that could be the `sh` of an image. */
export const shells = [find("dash"), find("bash"), busybox].flatMap((path) => (path === undefined ? [] : [path]))

/** A PATH on which this shell is the `sh`. */
export const pathWith = (shell: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    yield* fs.symlink(shell, `${directory}/sh`)
    return `${directory}:${process.env["PATH"]}`
  })

/**
 * As with containerd, the input ends as soon as one of the outputs does, nobody learns how a command has ended that left much
 * of its input unread, and a connection that goes ends no command.
 */
export const localRun =
  (PATH = process.env["PATH"]): Run =>
  (_doing, [program, ...args], { stdin }) =>
    Effect.gen(function* () {
      const child = yield* Effect.acquireRelease(
        Effect.sync(() => spawn(program, args, { env: { ...process.env, PATH }, detached: true })),
        (child) =>
          Effect.sync(() => {
            for (const end of [child.stdin, child.stdout, child.stderr]) end.destroy()
          })
      )
      const exit = yield* Deferred.make<number, KubeError>()
      let unread = false
      child.stdin.on("error", () => {
        unread = true
      })
      child.on("error", (cause) => Deferred.unsafeDone(exit, Effect.fail(notStarted(program, cause))))
      child.on("close", (code, signal) => {
        if (!unread) {
          Deferred.unsafeDone(exit, Effect.succeed(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
        }
      })
      const output = (from: Readable) => {
        from.on("end", () => child.stdin.end())
        return NodeStream.fromReadable(() => from, broken)
      }
      if (!stdin) child.stdin.end()
      const write = (bytes: Uint8Array) =>
        Effect.async<void>((resume) => {
          if (child.stdin.writableEnded) resume(Effect.void)
          else child.stdin.write(bytes, () => resume(Effect.void))
        })
      const result: ExecProcess = {
        stdout: output(child.stdout),
        stderr: output(child.stderr),
        stdin: Sink.mapEffect(Sink.forEach(write), () => Effect.sync(() => void child.stdin.end())),
        resize: () => Effect.void,
        exitCode: Deferred.await(exit)
      }
      return result
    })
