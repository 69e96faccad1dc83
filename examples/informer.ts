/** Counts the pods of each node, from a cache that keeps itself up to date. */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Stream } from "effect"
import { Informer, NodeKubeClient, Pod } from "effect-kubernetes"

const program = Effect.gen(function* () {
  const pods = yield* Informer.make(Pod, {
    allNamespaces: true,
    indexes: { node: (pod) => pod.spec.nodeName }
  })
  yield* Console.log(`${yield* pods.size} pods`)

  // Every change; of a pod that changes faster than this prints, the last state.
  yield* pods.latest.pipe(
    Stream.runForEach((event) => {
      if (event._tag === "Synced") return Console.log("that is all there is now")
      const { metadata, spec } = event.object
      const neighbours = spec.nodeName === undefined ? 0 : pods.store.byIndex("node", spec.nodeName).length
      return Console.log(
        `${event._tag.toLowerCase()} ${metadata.namespace}/${metadata.name}; on ${spec.nodeName ?? "no node"}: ${neighbours}`
      )
    })
  )
}).pipe(Effect.scoped)

program.pipe(Effect.provide(NodeKubeClient.layer), NodeRuntime.runMain)
