/** What runs in a container, here in this machine's own shell and with its tools. */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, FastCheck, Stream } from "effect"
import { Container } from "effect-kubernetes"
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
        { protocol: "v4.channel.k8s.io", answer: (_, response) => json(response, pod) }
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
    }).pipe(Effect.scoped)
  )
})
