/** The floor in a program on Effect, imported from the barrel: below this, no client for Effect can start. */
import { Effect } from "effect"
import type { Adapter } from "../Adapter.js"
import * as paths from "./floor-on-effect-paths.js"

export const make = (): Promise<Adapter> => Effect.runPromise(Effect.promise(paths.make))
