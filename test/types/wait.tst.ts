import { Schema, type Effect } from "effect"
import { Condition, Deployment, Pod, Resource, type KubeClient, type KubeError, type Stored } from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

const Backup = Resource.define({
  group: "example.com",
  version: "v1",
  kind: "Backup",
  schema: Schema.Struct({ spec: Schema.Struct({ size: Schema.Number }) })
})

type Waiting<A> = Effect.Effect<A, KubeError, KubeClient>

describe("waitFor", () => {
  test("takes the conditions of its kind and of every kind", () => {
    expect(Pod.waitFor("a", Pod.ready)).type.toBe<Waiting<Stored<Pod>>>()
    expect(Pod.waitFor("a", Condition.status("Ready"))).type.toBe<Waiting<Stored<Pod>>>()
    expect(Pod.waitFor).type.not.toBeCallableWith("a", Deployment.available)
  })

  test("gives undefined where there may be no object", () => {
    expect(Pod.waitFor("a", Condition.deleted)).type.toBe<Waiting<Stored<Pod> | undefined>>()
    expect(Pod.waitFor("a", Condition.or(Pod.completed, Condition.deleted))).type.toBe<
      Waiting<Stored<Pod> | undefined>
    >()
    expect(Pod.waitFor("a", Condition.and(Pod.ready, Condition.jsonpath("{.spec.nodeName}")))).type.toBe<
      Waiting<Stored<Pod>>
    >()
    expect(Pod.waitFor("a", Condition.not(Condition.deleted))).type.toBe<Waiting<Stored<Pod>>>()
    expect(Pod.waitForAny).type.not.toBeCallableWith({}, Condition.deleted)
  })

  test("takes conditions on custom kinds", () => {
    const big = Condition.make(
      "big",
      (backup: Effect.Effect.Success<ReturnType<typeof Backup.get>>) => backup.spec.size > 1
    )
    expect(Backup.waitFor).type.toBeCallableWith("a", big)
    expect(Pod.waitFor).type.not.toBeCallableWith("a", big)
  })

  test("combining wants at least one", () => {
    expect(Condition.and).type.not.toBeCallableWith()
    expect(Condition.or).type.not.toBeCallableWith()
  })
})
