/** The floor in a program on Effect, each module imported by its own path. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
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
