/** This package as built, imported as in the README: from the barrels. */
import { Effect, ManagedRuntime, Stream } from "effect"
import { NodeKubeClient, Pod } from "effect-kubernetes"
import { namespace, pageSize, type Adapter } from "../Adapter.js"

export const make = async (): Promise<Adapter> => {
  const runtime = ManagedRuntime.make(NodeKubeClient.layer)
  return {
    get: (names, count, concurrency) =>
      runtime.runPromise(
        Effect.forEach(
          Array.from({ length: count }, (_, index) => names[index % names.length] ?? ""),
          (name) => Pod.get(name, { namespace }),
          { concurrency, discard: true }
        )
      ),
    list: () => runtime.runPromise(Effect.map(Pod.list({ namespace }), ({ items }) => items)),
    pages: () => runtime.runPromise(Stream.runCount(Pod.stream({ namespace, limit: pageSize }))),
    close: () => runtime.dispose()
  }
}
