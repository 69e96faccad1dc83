/** Commands, copies, logs and ports of a real pod, where nothing may interrupt the caller. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, inject, layer } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { Logs, Pod, PortForward } from "effect-kubernetes"
import * as Node from "../cluster/Node.js"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

describe.skipIf(!inject("node"))("where nothing may interrupt", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    it.scoped("everything that waits ends", () =>
      e2e.inFreshNamespace(() =>
        Effect.gen(function* () {
          const serve = "echo one; httpd -p 80 -h /etc; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"
          yield* pods.start("box", [pods.container("main", ["sh", "-c", serve])])
          const fs = yield* FileSystem.FileSystem
          const directory = yield* fs.makeTempDirectoryScoped()
          yield* fs.writeFileString(`${directory}/a`, "text")
          /** A fiber of its own: what waits for one that never ends would never end, either. */
          const ends = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
            Effect.flatMap(Effect.forkDaemon(Effect.uninterruptible(effect)), (fiber) =>
              Effect.timeoutFail(Fiber.join(fiber), {
                duration: "40 seconds",
                onTimeout: () => new Error(`${what} does not end`)
              })
            )
          yield* ends("a wait", Pod.waitForAll({}, Pod.ready))
          const late = yield* ends("a late wait", Effect.flip(Pod.waitForAny({}, Pod.completed, { timeout: 300 })))
          assert.strictEqual(late._tag, "TimeoutError")
          assert.strictEqual((yield* ends("a command", Pod.exec("box", ["echo", "hi"]))).stdout, "hi\n")
          yield* ends("a command that is left", Effect.scoped(Effect.asVoid(Pod.execStream("box", ["sleep", "9"]))))
          yield* ends("a terminal", Effect.scoped(Effect.asVoid(Pod.execStream("box", ["sh"], { tty: true }))))
          yield* ends("a copy to the pod", Pod.copyTo("box", `${directory}/a`, "/tmp/a"))
          yield* ends("a copy from the pod", Pod.copyFrom("box", "/tmp/a", `${directory}/b`))
          assert.strictEqual(yield* fs.readFileString(`${directory}/b`), "text")
          const lines = yield* ends("a log", Stream.runCount(Stream.take(Pod.logs("box", { follow: true }), 1)))
          assert.strictEqual(lines, 1)
          assert.strictEqual(yield* ends("logs", Stream.runCount(Stream.take(Logs.follow("box"), 1))), 1)
          const image = { image: Node.image, imagePullPolicy: "Never" }
          const exitCode = yield* ends(
            "a debug container",
            Effect.scoped(
              Effect.flatMap(Pod.debug("box", { ...image, command: ["sh", "-c", "exit 3"] }), (it) => it.exitCode)
            )
          )
          assert.strictEqual(exitCode, 3)
          const status = yield* ends(
            "requests through ports",
            Effect.scoped(
              Effect.gen(function* () {
                const client = yield* PortForward.httpClient("box", 80)
                const response = yield* client.get("http://box/hostname")
                const { port } = yield* PortForward.listen("box", 80)
                const other = yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/hostname`))
                yield* Effect.promise(() => other.text())
                return [response.status, other.status]
              })
            )
          )
          assert.deepStrictEqual(status, [200, 200])
        }).pipe(Effect.provide(NodeContext.layer))
      )
    )
  })
})
