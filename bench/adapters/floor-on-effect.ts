/** The floor in a program on Effect, imported from the barrel: below this, no client for Effect can start. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect, ManagedRuntime } from "effect"
import type { Adapter } from "../Adapter.js"
import * as floor from "./floor.js"

export const make = async (): Promise<Adapter> => {
  const runtime = ManagedRuntime.make(NodeFileSystem.layer)
  const adapter = await floor.make()
  return {
    ...adapter,
    get: (...args) => runtime.runPromise(Effect.promise(() => adapter.get(...args))),
    close: async () => {
      await adapter.close()
      await runtime.dispose()
    }
  }
}
