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
