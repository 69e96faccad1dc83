/** All controllers, in the order of their turns: what is nearer to the user's objects comes first, pods come last. */
import type { ControllerName } from "../../TestCluster.js"
import type { Controller } from "./api.js"
import { deployment } from "./deployment.js"
import { garbageCollector } from "./garbageCollector.js"
import { job } from "./job.js"
import { namespace } from "./namespace.js"
import { replicaSet } from "./replicaSet.js"
import { scheduler } from "./scheduler.js"

/** Those of the controller manager. */
export const managers: ReadonlyArray<Controller<Exclude<ControllerName, "kubelet" | "scheduler">>> = [
  garbageCollector,
  namespace,
  deployment,
  replicaSet,
  job
]

export const schedulers: ReadonlyArray<Controller<"scheduler">> = [scheduler]
