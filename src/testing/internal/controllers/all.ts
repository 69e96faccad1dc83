/** All controllers, in the order of their turns: what is nearer to the user's objects comes first, pods come last. */
import type { ControllerName } from "../../TestCluster.js"
import type { Controller } from "./api.js"
import { garbageCollector } from "./garbageCollector.js"
import { namespace } from "./namespace.js"
import { scheduler } from "./scheduler.js"

/** What is called otherwise as a user than by its name is part of no other program. */
export const managers: ReadonlyArray<Controller<Exclude<ControllerName, "kubelet" | "scheduler">>> = [
  garbageCollector,
  namespace
]

export const schedulers: ReadonlyArray<Controller<"scheduler">> = [scheduler]
