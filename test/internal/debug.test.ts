/** Debug containers, with a server that shows each state that a container can be in. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Pod, type KubeError } from "effect-kubernetes"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { WebSocket } from "ws"
import { pod as fakePod } from "../layers/fake.js"
import { clientOf } from "../support/client.js"
import { json } from "../support/server.js"
import { message, server } from "../support/webSocket.js"

type Events = ReadonlyArray<readonly [type: string, status: object]>

const state = (of: object, name = "dbg"): object => ({
  phase: "Running",
  ephemeralContainerStatuses: [
    { name: "other", state: { terminated: { exitCode: 9 } } },
    { name, state: of }
  ]
})

const running = state({ running: { startedAt: "2026-01-01T00:00:00Z" } })
const terminated = (exitCode: number) => state({ terminated: { exitCode } })
const waiting = (reason: string, text?: string) => state({ waiting: { reason, message: text } })

/** An API server whose watches of the pod show these events, one list each; the last watch stays open. */
const cluster = (watches: ReadonlyArray<Events>, onSocket: (socket: WebSocket) => void = () => {}) =>
  Effect.gen(function* () {
    const patched: Array<{ readonly url: string; readonly type: string; readonly body: unknown }> = []
    const read: Array<URL> = []
    let next = 0
    const answer = (request: IncomingMessage, response: ServerResponse) => {
      const url = new URL(request.url ?? "", "http://x")
      if (request.method === "PATCH") {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const body: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"))
          patched.push({ url: url.pathname, type: request.headers["content-type"] ?? "", body })
          json(response, fakePod("box"))
        })
        return
      }
      read.push(url)
      if (url.pathname.endsWith("/log")) {
        response.end("quick\n")
        return
      }
      const events = watches[next++] ?? []
      response.writeHead(200, { "content-type": "application/json" })
      response.flushHeaders()
      for (const [type, status] of events) {
        response.write(`${JSON.stringify({ type, object: { ...fakePod("box"), status } })}\n`)
      }
      if (next < watches.length) response.end()
    }
    const { asked, port } = yield* server(onSocket, { answer })
    return { asked, patched, read, client: clientOf(port, { namespace: "team" }) }
  })

const says = (socket: WebSocket) => {
  socket.send(message(1, "out"))
  socket.send(message(3, '{"status":"Success"}'))
  socket.close(1000)
}

const text = <R>(bytes: Stream.Stream<Uint8Array, KubeError, R>) => bytes.pipe(Stream.decodeText(), Stream.mkString)

const image = { image: "busybox:1", name: "dbg" }

describe("a debug container", () => {
  it.live("is added, waited for, joined, and has an exit code of its own", () =>
    Effect.gen(function* () {
      const { asked, client, patched, read } = yield* cluster(
        [
          [
            ["ADDED", { phase: "Running" }],
            ["MODIFIED", waiting("ContainerCreating")],
            ["MODIFIED", waiting("PodInitializing")]
          ],
          // The server ends a watch when it likes to.
          [["ADDED", running]],
          [
            ["ADDED", running],
            ["MODIFIED", terminated(7)]
          ]
        ],
        says
      )
      yield* Effect.gen(function* () {
        const process = yield* Pod.debug("box", { ...image, targetContainerName: "web" })
        assert.strictEqual(process.container, "dbg")
        assert.strictEqual(yield* text(process.stdout), "out")
        assert.strictEqual(yield* process.exitCode, 7)
      }).pipe(Effect.provide(client))
      const container = { image: "busybox:1", targetContainerName: "web", name: "dbg", stdin: true, tty: false }
      assert.deepStrictEqual(patched, [
        {
          url: "/api/v1/namespaces/team/pods/box/ephemeralcontainers",
          type: "application/strategic-merge-patch+json",
          body: { spec: { ephemeralContainers: [container] } }
        }
      ])
      for (const { pathname, searchParams } of read) {
        assert.strictEqual(pathname, "/api/v1/namespaces/team/pods")
        assert.deepInclude([...searchParams], ["fieldSelector", "metadata.name=box"])
      }
      const [attached] = asked.map(({ url }) => new URL(url ?? "", "http://x"))
      assert.strictEqual(attached?.pathname, "/api/v1/namespaces/team/pods/box/attach")
      assert.deepStrictEqual(
        [...(attached?.searchParams ?? [])],
        [
          ["container", "dbg"],
          ["stdin", "true"],
          ["stdout", "true"],
          ["stderr", "true"]
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.live("gets a name that no other has, where none is given", () =>
    Effect.gen(function* () {
      const { client, patched } = yield* cluster([[["MODIFIED", state({ terminated: { exitCode: 1 } }, "other")]]])
      const add = Pod.debug("box", { image: "busybox:1" }, { timeout: "300 millis" })
      yield* Effect.provide(Effect.all([Effect.flip(add), Effect.flip(add)]), client)
      const names = patched.map(({ body }) => /"name":"(.*?)"/.exec(JSON.stringify(body))?.[1])
      assert.strictEqual(new Set(names).size, 2)
      for (const name of names) assert.match(name ?? "", /^debugger-[a-z0-9]{5}$/)
    }).pipe(Effect.scoped)
  )

  it.live("that ended before it could be joined has its log and its exit code", () =>
    Effect.gen(function* () {
      const { asked, client, read } = yield* cluster([[["ADDED", terminated(3)]]])
      yield* Effect.gen(function* () {
        const process = yield* Pod.debug("box", image)
        assert.strictEqual(yield* text(process.stdout), "quick\n")
        assert.strictEqual(yield* text(process.stderr), "")
        yield* Stream.run(Stream.make(new Uint8Array(1)), process.stdin)
        yield* process.resize({ width: 1, height: 1 })
        assert.strictEqual(yield* process.exitCode, 3)
      }).pipe(Effect.provide(client))
      assert.strictEqual(asked.length, 0)
      assert.strictEqual(read.at(-1)?.href, "http://x/api/v1/namespaces/team/pods/box/log?container=dbg")
    }).pipe(Effect.scoped)
  )

  const failures: ReadonlyArray<readonly [event: Events[number], message: string]> = [
    [["MODIFIED", waiting("ErrImagePull", "no such image")], "cannot start: ErrImagePull: no such image"],
    [["MODIFIED", waiting("ImagePullBackOff")], "cannot start: ImagePullBackOff: no message"],
    [["MODIFIED", waiting("CreateContainerConfigError")], "cannot start: CreateContainerConfigError: no message"],
    [["MODIFIED", waiting("InvalidImageName")], "cannot start: InvalidImageName: no message"],
    [["MODIFIED", { phase: "Succeeded" }], "cannot run: the pod has ended (Succeeded)"],
    [["MODIFIED", { phase: "Failed" }], "cannot run: the pod has ended (Failed)"],
    [["DELETED", { phase: "Running" }], "cannot run: the pod has been deleted"]
  ]
  for (const [event, why] of failures) {
    it.live(`that ${why} is an error`, () =>
      Effect.gen(function* () {
        const { client } = yield* cluster([[["ADDED", waiting("ContainerCreating")], event]])
        const error = yield* Effect.flip(Effect.provide(Pod.debug("box", image), client))
        assert.strictEqual(error._tag, "WaitFailed")
        assert.strictEqual(error.message, `container dbg of pod team/box ${why}`)
      }).pipe(Effect.scoped)
    )
  }

  it.live("that does not run in time is an error, by the limit of the call", () =>
    Effect.gen(function* () {
      const { client } = yield* cluster([[["ADDED", waiting("ContainerCreating")]]])
      const error = yield* Effect.flip(Effect.provide(Pod.debug("box", image, { timeout: "200 millis" }), client))
      assert.strictEqual(error._tag, "TimeoutError")
      assert.include(error.message, "the debug container does not run yet")
    }).pipe(Effect.scoped)
  )
})
