/** A connection on which nothing comes. In a file of its own: the timers of the HTTP library are made to run fast. */
import { setImmediate } from "node:timers/promises"
import { assert, it, vi } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import { ConfigMap, type KubeError, type WatchEvent } from "effect-kubernetes"
import type { ServerResponse } from "node:http"
import { clientOf } from "../support/client.js"
import { httpServer } from "../support/server.js"

it("kubex: a watch in which nothing happens for an hour is not ended by the HTTP library", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
  const until = async (condition: () => boolean) => {
    while (!condition()) await setImmediate()
  }
  const scope = Effect.runSync(Scope.make())
  const answers: Array<ServerResponse> = []
  const { port } = await Effect.runPromise(
    Scope.extend(
      httpServer((_, response) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.flushHeaders()
        answers.push(response)
      }),
      scope
    )
  )
  const event = (name: string) => {
    const metadata = { name, namespace: "default", uid: name, resourceVersion: "1" }
    return `${JSON.stringify({ type: "ADDED", object: { apiVersion: "v1", kind: "ConfigMap", metadata } })}\n`
  }
  const seen: Array<WatchEvent<ConfigMap>> = []
  const ends: Array<Exit.Exit<void, KubeError>> = []
  const fiber = Effect.runFork(
    ConfigMap.watch({ resume: false }).pipe(
      Stream.runForEach((one) => Effect.sync(() => seen.push(one))),
      Effect.provide(clientOf(port))
    )
  )
  fiber.addObserver((exit) => ends.push(exit))
  await until(() => answers.length === 1)
  answers[0]?.write(event("a"))
  await until(() => seen.length === 1 || ends.length > 0)
  // The library looks at its timers about every half second.
  for (let seconds = 0; seconds < 3600; seconds++) {
    vi.advanceTimersByTime(1000)
    if (seconds % 60 === 0) await setImmediate()
  }
  answers[0]?.write(event("b"))
  await until(() => seen.length === 2 || ends.length > 0)
  assert.deepStrictEqual(ends, [])
  vi.useRealTimers()
  await Effect.runPromise(fiber.interruptAsFork(fiber.id()))
  await Effect.runPromise(Scope.close(scope, Exit.void))
})
