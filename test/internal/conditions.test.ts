import { assert, describe, it } from "@effect/vitest"
import * as Kube from "effect-kubernetes"
import { type Condition, DaemonSet, Deployment, Job, Pod, StatefulSet } from "effect-kubernetes"
import { readdirSync, readFileSync } from "node:fs"
import { conditionsOf } from "../../src/internal/conditions.js"

/** What `check` says of an object of which only this much is there. */
const verdict = (condition: { readonly check: (object: never) => Condition.Verdict }, object: unknown) => {
  // A server may leave out more than the types say.
  const { _tag, ...rest } = condition.check(object as never)
  return "because" in rest ? `${_tag}: ${String(rest.because)}` : _tag
}

describe("the conditions of a kind", () => {
  it("are those that its type has", () => {
    const folder = new URL("../../src/resources/", import.meta.url)
    const typed = readdirSync(folder).flatMap((file) =>
      [...readFileSync(new URL(file, folder), "utf8").matchAll(/Resource\.WithConditions<\s*(\w+),\s*([^>]+)>/g)].map(
        ([, kind = "", names = ""]) =>
          [kind, [...names.matchAll(/"(\w+)"/g)].map(([, name]) => name).toSorted()] as const
      )
    )
    assert.isAbove(typed.length, 5)
    for (const [kind, names] of typed) {
      const resource: unknown = Reflect.get(Kube, kind)
      const group = String(Reflect.get(Object(resource), "group"))
      assert.deepStrictEqual(Object.keys(conditionsOf(group, kind)).toSorted(), names, kind)
      for (const name of names) assert.property(resource, String(name))
    }
    const all = Object.values(Kube).filter((value) => typeof value === "object" && "plural" in value && "kind" in value)
    const having = all.filter(
      (value) =>
        Object.keys(conditionsOf(String(Reflect.get(value, "group")), String(Reflect.get(value, "kind")))).length > 0
    )
    assert.deepStrictEqual(
      having.map((value) => String(Reflect.get(value, "kind"))).toSorted(),
      typed.map(([kind]) => kind).toSorted()
    )
  })

  it("say nothing good of an object of which nothing is known", () => {
    const said = [Pod, Deployment, Job].flatMap(({ group, kind }) =>
      Object.entries(conditionsOf(group, kind))
        .filter(([name]) => name !== "rolledOut")
        .flatMap(([, condition]) =>
          [{}, { status: null }, { metadata: {}, spec: null, status: [] }, null, "x"].map((object) =>
            verdict(condition, object)
          )
        )
    )
    assert.isNotEmpty(said)
    assert.deepStrictEqual(
      said.filter((text) => !text.startsWith("NotYet")),
      []
    )
  })

  it("a rollout is not done before its controller has seen it, even of no replicas", () => {
    const fresh = { metadata: { generation: 1 }, spec: { replicas: 0 }, status: {} }
    for (const { rolledOut } of [Deployment, StatefulSet, DaemonSet]) {
      assert.strictEqual(verdict(rolledOut, fresh), "NotYet: its controller has not seen the last change yet")
      assert.strictEqual(verdict(rolledOut, { ...fresh, status: { observedGeneration: 1 } }), "Met")
    }
  })

  it("a Deployment is not rolled out while old pods are there, or new ones are not available", () => {
    const of = (status: object) =>
      verdict(Deployment.rolledOut, {
        metadata: { generation: 2 },
        spec: { replicas: 3 },
        status: { observedGeneration: 2, ...status }
      })
    const whole = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3 }
    assert.strictEqual(of(whole), "Met")
    // kr8s takes this for ready: every pod is, and none is new.
    assert.strictEqual(of({ ...whole, updatedReplicas: 1 }), "NotYet: 1 of 3 replicas are updated")
    assert.strictEqual(of({ ...whole, replicas: 4 }), "NotYet: 1 old replicas are still ending")
    assert.strictEqual(of({ ...whole, availableReplicas: 2 }), "NotYet: 2 of 3 updated replicas are available")
    assert.include(
      of({
        ...whole,
        updatedReplicas: 1,
        conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }]
      }),
      "Never"
    )
  })

  it("a Deployment that its controller has not seen is not available", () => {
    const conditions = [{ type: "Available", status: "True" }]
    const of = (observedGeneration: number) =>
      verdict(Deployment.available, { metadata: { generation: 2 }, status: { observedGeneration, conditions } })
    assert.strictEqual(of(1), "NotYet: its controller has not seen the last change yet")
    assert.strictEqual(of(2), "Met")
  })

  it("a StatefulSet is rolled out when its pods are of the new revision, those below the partition left out", () => {
    const of = (status: object, updateStrategy: object = {}) =>
      verdict(StatefulSet.rolledOut, {
        metadata: { generation: 1 },
        spec: { replicas: 3, updateStrategy },
        status: { observedGeneration: 1, currentRevision: "b", updateRevision: "b", readyReplicas: 3, ...status }
      })
    assert.strictEqual(of({}), "Met")
    assert.strictEqual(of({ readyReplicas: 2 }), "NotYet: 2 of 3 pods are ready")
    const rolling = { currentRevision: "a", updatedReplicas: 2 }
    assert.strictEqual(of(rolling), "NotYet: 2 of 3 pods are updated")
    assert.strictEqual(of(rolling, { rollingUpdate: { partition: 1 } }), "Met")
    const first = { currentRevision: "a", updatedReplicas: 1 }
    assert.strictEqual(of(first, { rollingUpdate: { partition: 1 } }), "NotYet: 1 of 2 pods are updated")
    assert.include(of({}, { type: "OnDelete" }), "Never")
  })

  it("a DaemonSet is rolled out when the pods of all nodes are updated and available", () => {
    const of = (status: object, type = "RollingUpdate") =>
      verdict(DaemonSet.rolledOut, {
        metadata: { generation: 1 },
        spec: { updateStrategy: { type } },
        status: {
          observedGeneration: 1,
          desiredNumberScheduled: 3,
          updatedNumberScheduled: 3,
          numberAvailable: 3,
          ...status
        }
      })
    assert.strictEqual(of({}), "Met")
    assert.strictEqual(of({ updatedNumberScheduled: 2 }), "NotYet: 2 of 3 pods are updated")
    assert.strictEqual(of({ numberAvailable: 2 }), "NotYet: 2 of 3 pods are available")
    assert.include(of({}, "OnDelete"), "Never")
  })

  it("a pod that is being deleted is not ready", () => {
    const status = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] }
    assert.strictEqual(verdict(Pod.ready, { metadata: {}, status }), "Met")
    assert.strictEqual(
      verdict(Pod.ready, { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" }, status }),
      "NotYet: the pod is terminating"
    )
  })

  it("a Job never completes once its failure is decided", () => {
    for (const type of ["Failed", "FailureTarget"]) {
      assert.include(
        verdict(Job.complete, { status: { conditions: [{ type, status: "True", reason: "DeadlineExceeded" }] } }),
        "Never"
      )
    }
  })
})
