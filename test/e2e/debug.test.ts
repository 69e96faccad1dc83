/** Ephemeral containers on a real kubelet. */
import { assert, describe, inject, layer } from "@effect/vitest"
import { Effect, Exit, Scope, Stream } from "effect"
import { Pod, type KubeClient, type KubeError } from "effect-kubernetes"
import * as Node from "../cluster/Node.js"
import * as e2e from "../support/e2e.js"
import * as pods from "../support/pods.js"

const text = <R>(bytes: Stream.Stream<Uint8Array, KubeError, R>) => bytes.pipe(Stream.decodeText(), Stream.mkString)
const utf8 = (text: string) => new TextEncoder().encode(text)

const image = { image: Node.image, imagePullPolicy: "Never" }

describe.skipIf(!inject("node"))("a debug container", () => {
  layer(
    e2e.layer,
    e2e.live
  )((it) => {
    const test = <A, E>(name: string, body: Effect.Effect<A, E, KubeClient | Scope.Scope>) =>
      it.scoped(name, () =>
        e2e.inFreshNamespace(() => Effect.zipRight(pods.start("box", [pods.container("main", pods.idle)]), body))
      )

    test(
      "runs, reads what it is sent, sees the processes of its target, and ends with its own exit code",
      Effect.gen(function* () {
        const process = yield* Pod.debug("box", {
          ...image,
          command: ["sh", "-c", "read line; echo got $line; grep -c trap /proc/1/cmdline; exit 7"],
          targetContainerName: "main"
        })
        assert.match(process.container, /^debugger-[a-z0-9]{5}$/)
        const [output, , exitCode] = yield* Effect.all(
          [text(process.stdout), Stream.run(Stream.make(utf8("hello\n")), process.stdin), process.exitCode],
          { concurrency: "unbounded" }
        )
        assert.strictEqual(output, "got hello\n1\n")
        assert.strictEqual(exitCode, 7)
      })
    )

    test(
      "has a terminal that ends it when the scope closes",
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const process = yield* Scope.extend(
          Pod.debug("box", { ...image, command: ["sh"], name: "dbg", tty: true }),
          scope
        )
        assert.strictEqual(process.container, "dbg")
        yield* Scope.close(scope, Exit.void)
        const state = (pod: { readonly status: Pod["status"] }) => pod.status?.ephemeralContainerStatuses?.[0]?.state
        yield* e2e.until(Pod, "box", (pod) => state(pod)?.terminated !== undefined)
      })
    )

    test(
      "that has ended already is told by its log",
      Effect.gen(function* () {
        const script = ["sh", "-c", "echo quick; exit 3"]
        for (let turn = 0; turn < 3; turn++) {
          const process = yield* Pod.debug("box", { ...image, command: script })
          const output = yield* text(process.stdout)
          assert.strictEqual(yield* process.exitCode, 3)
          // Where it was joined just before its end, what it wrote before is in its log.
          if (output !== "") assert.strictEqual(output, "quick\n")
        }
      })
    )

    test(
      "that cannot run is an error that says why",
      Effect.gen(function* () {
        const failed = yield* Effect.flip(Pod.debug("box", { image: "localhost/nothing:1", imagePullPolicy: "Never" }))
        assert.strictEqual(failed._tag, "WaitFailed")
        assert.include(failed.message, "ErrImageNeverPull")
        const target = yield* Effect.flip(Pod.debug("box", { ...image, targetContainerName: "nobody" }))
        assert.strictEqual(target._tag, "Invalid")
        const taken = Pod.debug("box", { ...image, name: "main" })
        assert.strictEqual((yield* Effect.flip(taken))._tag, "Invalid")
        assert.strictEqual((yield* Effect.flip(Pod.debug("nowhere", image)))._tag, "NotFound")
      })
    )
  })
})
