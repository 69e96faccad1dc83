/** [ReplicaSets](https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/): so many pods of a template. */
import type { JsonObject } from "../openapi.js"
import { isDeleting, namespaceOf, nameOf, numberAt, objectAt, objectsAt, type Api, type Controller } from "./api.js"
import { generationOf, inOrderOfRemoval, isActive, isAvailable, isReady, owned, podOf } from "./pods.js"

const sync = (api: Api, set: JsonObject): void => {
  const pods = owned(api, set, "pods").filter(isActive)
  const wanted = numberAt(set, ["spec", "replicas"], 1)
  let refused: string | undefined
  if (!isDeleting(set)) {
    for (let count = pods.length; count < wanted && refused === undefined; count++) {
      const made = api.create(
        podOf(set, objectAt(set, "spec", "template"), { generateName: `${nameOf(set)}-` }),
        namespaceOf(set)
      )
      if (made._tag === "Left") refused = made.left.message
    }
    for (const pod of inOrderOfRemoval(pods).slice(0, Math.max(0, pods.length - wanted))) api.remove(pod)
  }
  const minReady = numberAt(set, ["spec", "minReadySeconds"], 0)
  const labels = Object.entries(objectAt(set, "spec", "template", "metadata", "labels"))
  const labeled = pods.filter((pod) => {
    const own = objectAt(pod, "metadata", "labels")
    return labels.every(([key, value]) => own[key] === value)
  }).length
  const ready = pods.filter(isReady).length
  const available = pods.filter((pod) => isAvailable(api, pod, minReady)).length
  const others = objectsAt(set, "status", "conditions").filter((each) => each["type"] !== "ReplicaFailure")
  const before = objectsAt(set, "status", "conditions").find((each) => each["type"] === "ReplicaFailure")
  const failure: ReadonlyArray<JsonObject> =
    refused === undefined
      ? []
      : [
          {
            type: "ReplicaFailure",
            status: "True",
            lastTransitionTime: before?.["lastTransitionTime"] ?? api.time,
            reason: "FailedCreate",
            message: refused
          }
        ]
  const conditions = [...others, ...failure]
  const terminating = owned(api, set, "pods").filter(isDeleting).length
  api.updateStatus(set, {
    replicas: pods.length,
    ...(labeled === 0 ? {} : { fullyLabeledReplicas: labeled }),
    ...(ready === 0 ? {} : { readyReplicas: ready }),
    ...(available === 0 ? {} : { availableReplicas: available }),
    terminatingReplicas: terminating,
    observedGeneration: generationOf(set),
    ...(conditions.length === 0 ? {} : { conditions })
  })
}

export const replicaSet: Controller<"replicaset"> = {
  name: "replicaset",
  watches: ["pods", "replicasets.apps"],
  sync: (api) => {
    for (const set of api.list("replicasets.apps")) sync(api, set)
  }
}
