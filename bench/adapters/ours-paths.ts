/** This package as built, each module imported by its own path; it differs from `ours` in the time of the import only. */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as NodeKubeClient from "effect-kubernetes/layers/NodeKubeClient"
import { Pod } from "effect-kubernetes/resources/CoreV1"
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
