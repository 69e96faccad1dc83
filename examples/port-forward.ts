/**
 * Local ports into a cluster, until Ctrl-C: `npx tsx examples/port-forward.ts web 80 8443:443`.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { NodeKubeClient, Pods, PortForward, Service } from "effect-kubernetes"

/** `80`, `http`, or `8080:80` for a local port of one's own. */
const parse = (text: string): PortForward.Listen => {
  const [first = "", second] = text.split(":")
  const remote = second ?? first
  return {
    remote: /^\d+$/.test(remote) ? Number(remote) : remote,
    local: second === undefined ? undefined : Number(first)
  }
}

const [name = "web", ...ports] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const forwards = yield* PortForward.listen(
    Pods.of(Service, name),
    ports.length === 0 ? [parse("80")] : ports.map(parse),
    {
      onError: (error) => Console.error(error.message)
    }
  )
  for (const { host, port } of forwards) yield* Console.log(`listening on ${host}:${port}`)
  return yield* Effect.never
})

program.pipe(Effect.scoped, Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
