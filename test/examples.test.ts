import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { run } from "./cluster/run.js"

const root = fileURLToPath(new URL("..", import.meta.url))

/** Runs an example as a person does; `npm run check` has type-checked it. */
const example = (name: string, environment: Record<string, string>) =>
  run(
    Command.make(process.execPath, "--import", "tsx", `examples/${name}.ts`).pipe(
      Command.workingDirectory(root),
      Command.env({ KUBERNETES_SERVICE_HOST: undefined, ...environment })
    )
  )

/** A port of this machine at which nothing listens. */
const closedPort = Effect.async<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 9)))
  })
})

/** For a child process on a busy machine. */
const patience = 60_000

const oneLine = /^No cluster at KUBECONFIG: .*`npm run cluster` starts a real one\. \(.+\)\n$/

layer(NodeContext.layer, { excludeTestServices: true })("the examples", (it) => {
  it.scoped(
    "the tour runs on a cluster in memory where none is configured",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const home = yield* fs.makeTempDirectoryScoped()
        const { exitCode, stderr, stdout } = yield* example("tour", { KUBECONFIG: "", HOME: home, USERPROFILE: home })
        assert.strictEqual(stderr, "")
        assert.match(stdout, /web +3\/3|wants 3, has 3/)
        assert.match(stdout, /Done in \d+ ms\.\nnamespace tour-\w+ deleted\n$/)
        assert.strictEqual(exitCode, 0)
      }),
    patience
  )

  it.scoped(
    "the tour says in one line that the cluster of the kubeconfig is not up",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = yield* fs.makeTempFileScoped()
        const server = `http://127.0.0.1:${yield* closedPort}`
        yield* fs.writeFileString(
          file,
          JSON.stringify({
            apiVersion: "v1",
            kind: "Config",
            clusters: [{ name: "gone", cluster: { server } }],
            users: [{ name: "me", user: { token: "t" } }],
            contexts: [{ name: "gone", context: { cluster: "gone", user: "me" } }],
            "current-context": "gone"
          })
        )
        const { exitCode, stderr, stdout } = yield* example("tour", { KUBECONFIG: file })
        assert.match(stderr, oneLine)
        assert.include(stderr, server)
        assert.strictEqual(stdout, "")
        assert.strictEqual(exitCode, 1)
      }),
    patience
  )

  it.scoped(
    "a program is tested with a layer in the place of the connection",
    () =>
      Effect.gen(function* () {
        const { exitCode, stderr, stdout } = yield* example("test-layer", { KUBECONFIG: "/nowhere" })
        assert.strictEqual(stderr, "")
        assert.strictEqual(stdout, "ok: the program asks for what it should\n")
        assert.strictEqual(exitCode, 0)
      }),
    patience
  )
})
