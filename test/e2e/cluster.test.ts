import * as Command from "@effect/platform/Command"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, inject, it, layer } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Binary from "../cluster/Binary.js"
import * as Cluster from "../cluster/Cluster.js"
import { run } from "../cluster/run.js"

class Local extends Context.Tag("test/Local")<Local, Cluster.LocalCluster>() {
  static readonly layer = Layer.provide(Layer.scoped(Local, Cluster.make()), NodeContext.layer)
}

const NamespacePage = Schema.parseJson(
  Schema.Struct({ metadata: Schema.Struct({ continue: Schema.NonEmptyString }), items: Schema.Tuple(Schema.Unknown) })
)

/** The processes and the folder that a cluster has at the moment: processes name the folder in their arguments. */
const remains = (directory: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { stdout } = yield* run(Command.make("ps", "-A", "-ww", "-o", "args="))
    return {
      folder: yield* fs.exists(directory),
      processes: stdout.split("\n").filter((line) => line.includes(directory)).length
    }
  })

const nothing = { folder: false, processes: 0 }

describe("the cluster of the run", () => {
  it.scopedLive("is there for the test files", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      assert.strictEqual(yield* fs.readFileString(inject("kubeconfigPath")), inject("kubeconfig"))
    }).pipe(Effect.provide(NodeContext.layer))
  )
})

// This is about clusters that are booted here, which needs Go; those who bring a cluster of their own may not have it.
describe.skipIf(Boolean(process.env["E2E_KUBECONFIG"]))("a cluster that is booted", () => {
  layer(Local.layer, { excludeTestServices: true, timeout: "2 minutes" })("in use", (it) => {
    it.effect("answers to kubectl", () =>
      Effect.gen(function* () {
        const { kubectl } = yield* Local
        const names = yield* kubectl("get", "ns", "-o", "name")
        assert.include(names.split("\n"), "namespace/kube-system")
      })
    )

    it.effect("fails a kubectl that fails, with what it said", () =>
      Effect.gen(function* () {
        const { kubectl } = yield* Local
        const error = yield* Effect.flip(kubectl("get", "namespace", "missing"))
        assert.strictEqual(
          error.message,
          `kubectl get namespace missing: Error from server (NotFound): namespaces "missing" not found`
        )
      })
    )

    it.effect("knows the tokens", () =>
      Effect.gen(function* () {
        const { directory, kubectl, server, tokens } = yield* Local
        const kubectlAs = (token: string, ...args: ReadonlyArray<string>) =>
          kubectl(
            "--kubeconfig=/dev/null",
            `--server=${server}`,
            `--certificate-authority=${directory}/ca.crt`,
            `--token=${token}`,
            ...args
          )

        assert.include(yield* kubectlAs(tokens.admin, "auth", "whoami"), "token-admin")
        assert.include(yield* kubectlAs(tokens.powerless, "auth", "whoami"), "powerless")
        yield* kubectlAs(tokens.admin, "get", "nodes")
        const { reason } = yield* Effect.flip(kubectlAs(tokens.powerless, "get", "nodes"))
        assert.include(reason, "Forbidden")
      })
    )

    it.effect("forgets old versions when it is compacted and its API server restarted", () =>
      Effect.gen(function* () {
        const { compact, kubectl, restartApiServer } = yield* Local
        const page = yield* Schema.decode(NamespacePage)(yield* kubectl("get", "--raw=/api/v1/namespaces?limit=1"))
        const next = `--raw=/api/v1/namespaces?limit=1&continue=${page.metadata.continue}`
        yield* kubectl("get", next)
        yield* kubectl("create", "namespace", "later")
        yield* compact
        yield* restartApiServer
        const { reason } = yield* Effect.flip(kubectl("get", next))
        assert.match(reason, /Expired|too old/)
      })
    )
  })

  it.live("says why it does not boot", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.asVoid(Cluster.make({ apiServerArguments: ["--no-such-flag"] })))
      assert.strictEqual(error._tag, "ProgramError")
      assert.include(error.message, "kube-apiserver ended with exit code 1. The end of its log:")
      assert.include(error.message, "unknown flag: --no-such-flag")
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  it.live("says so when its binary is damaged", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const cache = yield* fs.makeTempDirectoryScoped()
      const binary = path.join(cache, "effect-kubernetes", path.basename(yield* Binary.build))
      yield* fs.makeDirectory(path.dirname(binary))
      // A file that a machine left empty when it lost its power is a script: it runs, and every kubectl succeeds.
      yield* fs.writeFileString(binary, 'test "$1" = kubectl || sleep 1', { mode: 0o755 })
      const error = yield* Cluster.make().pipe(
        Effect.asVoid,
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["XDG_CACHE_HOME", cache]]))),
        Effect.flip
      )
      assert.strictEqual(error._tag, "ProgramError")
      assert.include(error.message, `If ${binary} is damaged, delete it`)
    }).pipe(Effect.scoped, Effect.provide(NodeContext.layer))
  )

  describe("leaves nothing behind", () => {
    const useAndClose = <A, E>(use: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const booted = yield* Deferred.make<string>()
        const exit = yield* Cluster.make({ controllers: false }).pipe(
          Effect.tap(({ directory }) => Deferred.succeed(booted, directory)),
          Effect.tap(({ directory }) =>
            Effect.map(remains(directory), (now) => assert.deepStrictEqual(now, { folder: true, processes: 2 }))
          ),
          Effect.zipRight(use),
          Effect.scoped,
          Effect.exit
        )
        const directory = yield* Deferred.await(booted)
        return { exit, remains: yield* remains(directory) }
      }).pipe(Effect.provide(NodeContext.layer))

    it.live("when its user succeeds", () =>
      Effect.gen(function* () {
        const after = yield* useAndClose(Effect.succeed("done"))
        assert.deepStrictEqual(after, { exit: Exit.succeed("done"), remains: nothing })
      })
    )

    it.live("when its user fails", () =>
      Effect.gen(function* () {
        const after = yield* useAndClose(Effect.fail("failed"))
        assert.deepStrictEqual(after, { exit: Exit.fail("failed"), remains: nothing })
      })
    )

    it.live("when its user is interrupted", () =>
      Effect.gen(function* () {
        const after = yield* useAndClose(Effect.interrupt)
        assert.isTrue(Exit.isInterrupted(after.exit))
        assert.deepStrictEqual(after.remains, nothing)
      })
    )
  })
})

describe.skipIf(Boolean(process.env["E2E_KUBECONFIG"]))("npm run cluster", () => {
  /** Starts it with an empty folder to put its temporary files in. */
  const start = Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped()
    const process = yield* Command.make(globalThis.process.execPath, "--import", "tsx", "test/cluster/main.ts").pipe(
      Command.env({ TMPDIR: directory }),
      Command.start
    )
    const clusters = Effect.map(fs.readDirectory(directory), (names) =>
      names.filter((name) => name.startsWith("effect-kubernetes-"))
    )
    return { clusters, directory, process }
  })

  const waitForProcesses = (directory: string, until: (processes: number) => boolean) =>
    remains(directory).pipe(Effect.delay("50 millis"), Effect.repeat({ until: ({ processes }) => until(processes) }))

  it.scopedLive("prints one line, and cleans up on Ctrl-C", () =>
    Effect.gen(function* () {
      const { clusters, directory, process } = yield* start
      const lines = yield* process.stdout.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.tap(() => Effect.forkDaemon(process.kill("SIGINT"))),
        Stream.runCollect
      )
      assert.strictEqual(lines.length, 1)
      assert.match(Chunk.unsafeHead(lines), /^export KUBECONFIG=\/.*\/effect-kubernetes-\w+\/admin\.kubeconfig$/)
      assert.strictEqual(yield* process.exitCode, 0)
      assert.deepStrictEqual(yield* clusters, [])
      assert.strictEqual((yield* remains(directory)).processes, 0)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("cleans up when it is terminated during the boot", () =>
    Effect.gen(function* () {
      const { clusters, directory, process } = yield* start
      yield* waitForProcesses(directory, (processes) => processes > 0)
      yield* process.kill("SIGTERM")
      assert.deepStrictEqual(yield* clusters, [])
      assert.strictEqual((yield* remains(directory)).processes, 0)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("leaves nothing behind when it is killed", () =>
    Effect.gen(function* () {
      const { clusters, directory, process } = yield* start
      yield* waitForProcesses(directory, (processes) => processes > 0)
      yield* process.kill("SIGKILL")
      yield* waitForProcesses(directory, (processes) => processes === 0)
      assert.deepStrictEqual(yield* clusters, [])
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
