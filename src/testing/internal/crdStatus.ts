/** The status of a CustomResourceDefinition: its conditions, and what its delete does to it. */
import { isJsonObject } from "./json.js"
import type { JsonObject } from "./openapi.js"
import { withMetadata } from "./store.js"
import { listAt, objectAt } from "./validation/rules.js"

/** On a definition until its objects are gone. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

export interface Condition {
  readonly type: string
  readonly status: "False" | "True"
  readonly reason: string
  readonly message: string
}

/** The status with a condition; its time is that of its last change. */
export const withCondition = (
  status: JsonObject,
  { message, reason, status: is, type }: Condition,
  now: string
): JsonObject => {
  const conditions = listAt(status, "conditions").filter(isJsonObject)
  const old = conditions.find((each) => each["type"] === type)
  const lastTransitionTime = old?.["status"] === is ? (old["lastTransitionTime"] ?? now) : now
  const condition = { type, status: is, lastTransitionTime, reason, message }
  return {
    ...status,
    conditions:
      old === undefined ? [...conditions, condition] : conditions.map((each) => (each === old ? condition : each))
  }
}

/** The definition on its way out, as its first delete leaves it. */
export const terminated = (definition: JsonObject, now: string): JsonObject => {
  const finalizers = listAt(definition, "metadata", "finalizers")
  return {
    ...withMetadata(definition, {
      deletionTimestamp: now,
      finalizers: finalizers.includes(cleanupFinalizer) ? finalizers : [...finalizers, cleanupFinalizer]
    }),
    status: withCondition(
      objectAt(definition, "status") ?? {},
      {
        type: "Terminating",
        status: "True",
        reason: "InstanceDeletionPending",
        message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
      },
      now
    )
  }
}
