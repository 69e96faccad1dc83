/**
 * Commands in a container: `npx tsx examples/exec.ts POD`. The image has to have `sh`.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Data, Effect, Stream } from "effect"
import { NodeKubeClient, Pod } from "effect-kubernetes"

class Usage extends Data.TaggedError("Usage")<{ readonly message: string }> {}

const program = Effect.gen(function* () {
  const pod = process.argv[2]
  if (pod === undefined) return yield* new Usage({ message: "Usage: npx tsx examples/exec.ts POD" })

  const { stdout } = yield* Pod.exec(pod, ["sort", "-r"], { stdin: "a\nb\nc\n" })
  yield* Console.log(`sorted: ${stdout.trim().split("\n").join(" ")}`)

  yield* Pod.exec(pod, ["sh", "-c", "echo 'no such table' >&2; exit 3"]).pipe(
    Effect.asVoid,
    Effect.catchTag("ExecFailed", ({ exitCode, stderr }) => Console.log(`exit code ${exitCode}: ${stderr.trim()}`))
  )

  // The streams of a command that goes on. It ends here with its terminal, when the scope closes.
  yield* Effect.scoped(
    Effect.gen(function* () {
      const loop = ["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.1; done"] as const
      const running = yield* Pod.execStream(pod, loop, { tty: { width: 80, height: 24 }, stdin: false })
      yield* running.stdout.pipe(Stream.decodeText(), Stream.splitLines, Stream.take(3), Stream.runForEach(Console.log))
    })
  )
}).pipe(Effect.catchTag("Usage", (error) => Console.error(error.message)))

program.pipe(Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
