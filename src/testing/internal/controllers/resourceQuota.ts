/** Says of each [ResourceQuota](https://kubernetes.io/docs/concepts/policy/resource-quotas/) what is taken of it. */
import type { JsonObject } from "../openapi.js"
import { usedOf } from "../quotas.js"
import { textOf } from "../resourceLists.js"
import { objectAt, type Controller } from "./api.js"

export const resourceQuota: Controller<"resourcequota"> = {
  name: "resourcequota",
  watches: "everything",
  sync: (api) => {
    for (const quota of api.list("resourcequotas")) {
      const used: JsonObject = Object.fromEntries(
        [...usedOf(api.state().objects, quota)].map(([name, amount]) => [name, textOf(amount)])
      )
      api.updateStatus(quota, { hard: objectAt(quota, "spec", "hard"), used })
    }
  }
}
