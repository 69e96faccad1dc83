/** All controllers, in the order of their turns: what is nearer to the user's objects comes first, pods come last. */
import type { ControllerName } from "../../TestCluster.js"
import type { Controller } from "./api.js"
import { cronJob } from "./cronJob.js"
import { daemonSet } from "./daemonSet.js"
import { deployment } from "./deployment.js"
import { disruption } from "./disruption.js"
import { endpoints, endpointSlice } from "./endpoints.js"
import { garbageCollector } from "./garbageCollector.js"
import { job } from "./job.js"
import { namespace } from "./namespace.js"
import { replicaSet } from "./replicaSet.js"
import { resourceQuota } from "./resourceQuota.js"
import { scheduler } from "./scheduler.js"
import { rootAuthority, serviceAccount } from "./serviceAccount.js"
import { statefulSet } from "./statefulSet.js"

/** Those of the controller manager. */
export const managers: ReadonlyArray<Controller<Exclude<ControllerName, "kubelet" | "scheduler">>> = [
  garbageCollector,
  namespace,
  serviceAccount,
  rootAuthority,
  cronJob,
  deployment,
  daemonSet,
  statefulSet,
  replicaSet,
  job,
  endpoints,
  endpointSlice,
  disruption,
  resourceQuota
]

export const schedulers: ReadonlyArray<Controller<"scheduler">> = [scheduler]
