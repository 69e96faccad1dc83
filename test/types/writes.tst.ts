import type { Effect } from "effect"
import { Data } from "effect"
import {
  ConfigMap,
  Deployment,
  type KubeClient,
  type KubeError,
  Patch,
  Pod,
  type Resource,
  Selector,
  type Stored
} from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

declare const deployment: Stored<Deployment>
declare const aString: string

type Patched = Effect.Effect<Stored<Deployment>, KubeError, KubeClient>
declare const change: (web: Stored<Deployment>) => Effect.Effect<Deployment, TooMany, Clock>

describe("create", () => {
  test("takes the input type", () => {
    expect(Pod.create).type.toBeCallableWith({
      metadata: { generateName: "web-" },
      spec: { containers: [{ name: "web", image: "nginx" }] }
    })
    expect(Pod.create).type.toBeCallableWith({ apiVersion: "v1", kind: "Pod" })
    expect(Pod.create).type.not.toBeCallableWith({ kind: "Deployment" })
    expect(Pod.create).type.not.toBeCallableWith({ spec: { containers: [{ image: "nginx" }] } })
    expect(Pod.create).type.not.toBeCallableWith({ spec: { container: [] } })
    expect(Pod.create({})).type.toBe<Effect.Effect<Stored<Pod>, KubeError, KubeClient>>()
  })
})

declare const createIn: <K>(
  kind: Resource.CanCreate<K, "Namespaced">,
  object: NoInfer<K>
) => Effect.Effect<Stored<K>, KubeError, KubeClient>
declare const modifyIn: <K>(kind: Resource.CanModify<K, "Namespaced">, f: (object: Stored<K>) => NoInfer<K>) => void

describe("a function of any kind that is written", () => {
  test("takes what is written, and gives what is stored", () => {
    expect(createIn(ConfigMap, { metadata: { name: "a" }, data: { b: "c" } })).type.toBe<
      Effect.Effect<Stored<ConfigMap>, KubeError, KubeClient>
    >()
    expect(createIn).type.not.toBeCallableWith(ConfigMap, { data: { b: 5 } })
    expect(modifyIn).type.toBeCallableWith(ConfigMap, () => ({ metadata: { name: "a" } }))
    expect(modifyIn).type.not.toBeCallableWith(ConfigMap, () => ({ data: { b: 5 } }))
  })
})

describe("replace", () => {
  test("takes an object with a name", () => {
    expect(Deployment.replace).type.toBeCallableWith(deployment)
    expect(Deployment.replace).type.toBeCallableWith({ ...deployment, metadata: { name: "other" } })
    expect(ConfigMap.replace).type.not.toBeCallableWith({ metadata: {}, data: {} })
    expect(ConfigMap.replace).type.not.toBeCallableWith({ data: {} })
  })
})

describe("apply", () => {
  test("takes any part of an object, at every depth", () => {
    expect(Deployment.apply).type.toBeCallableWith({ metadata: { name: "web" }, spec: { replicas: 3 } })
    expect(Deployment.apply).type.toBeCallableWith({
      metadata: { name: "web", labels: { app: "web" } },
      spec: { template: { spec: { containers: [{ name: "web", image: "nginx" }] } } }
    })
    expect(Deployment.apply({ metadata: { name: "web" } })).type.toBe<
      Effect.Effect<Stored<Deployment>, KubeError, KubeClient>
    >()
  })

  test("needs a name", () => {
    // @ts-expect-error Property 'metadata' is missing
    Deployment.apply({ spec: { replicas: 3 } })
    expect(Deployment.apply).type.not.toBeCallableWith({ metadata: { labels: {} }, spec: { replicas: 3 } })
  })

  test("has no status", () => {
    // @ts-expect-error 'status' does not exist in type
    Deployment.apply({ metadata: { name: "web" }, status: { replicas: 3 } })
    expect(Deployment.apply).type.not.toBeCallableWith({ metadata: { name: "web" }, status: {} })
    expect(Deployment.status.apply).type.toBeCallableWith({ metadata: { name: "web" }, status: { replicas: 3 } })
  })

  test("refuses wrong types and unknown fields", () => {
    expect(Deployment.apply).type.not.toBeCallableWith({ metadata: { name: "web" }, spec: { replicas: "3" } })
    expect(Deployment.apply).type.not.toBeCallableWith({ metadata: { name: "web" }, spec: { replica: 3 } })
    expect(Deployment.apply).type.not.toBeCallableWith({ metadata: { name: "web" }, spec: { replicas: null } })
  })
})

describe("patch", () => {
  // The kind of a patch comes from the call that it stands in, so these are calls.
  test("merge: parts, and null for what is removed", () => {
    expect(Deployment.patch("web", Patch.merge({ spec: { replicas: 3, paused: null } }))).type.toBe<Patched>()
    expect(Deployment.patch("web", Patch.merge({ metadata: { labels: { old: null } } }))).type.toBe<Patched>()
    expect(Deployment.patch("web", Patch.merge({}))).type.toBe<Patched>()
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    Deployment.patch("web", Patch.merge({ spec: { replicas: "3" } }))
    // @ts-expect-error 'pausd' does not exist in type
    Deployment.patch("web", Patch.merge({ spec: { replicas: 3, pausd: null } }))
    expect(Deployment.patch).type.not.toBeCallableWith("web", { spec: { replicas: 3 } })
  })

  test("merge: says its kind where it stands alone", () => {
    expect(Deployment.patch("web", Patch.merge<Deployment>({ spec: { replicas: 3 } }))).type.toBe<Patched>()
    expect<Patch.Merge<Deployment>>().type.not.toBeAssignableTo<Patch.Patch<Pod>>()
  })

  test("strategic: parts of list items, and directives", () => {
    const containers = { spec: { template: { spec: { containers: [{ name: "web", image: "nginx" }] } } } }
    expect(Deployment.patch("web", Patch.strategic(containers))).type.toBe<Patched>()
    expect(
      Deployment.patch(
        "web",
        Patch.strategic({ spec: { template: { spec: { containers: [{ name: "web", $patch: "delete" }] } } } })
      )
    ).type.toBe<Patched>()
    // @ts-expect-error Type 'number' is not assignable to type 'string'
    Deployment.patch("web", Patch.strategic({ spec: { template: { spec: { containers: [{ name: 1 }] } } } }))
  })

  test("apply: parts without status, which is for the status subresource", () => {
    expect(Deployment.patch("web", Patch.apply({ spec: { replicas: 3 } }), { force: true })).type.toBe<Patched>()
    // @ts-expect-error Type 'string' is not assignable to type 'number'
    Deployment.patch("web", Patch.apply({ spec: { replicas: "3" } }))
    // @ts-expect-error 'status' does not exist in type
    Deployment.patch("web", Patch.apply({ status: { replicas: 3 } }))
    expect(Deployment.status.patch("web", Patch.apply({ status: { replicas: 3 } }))).type.toBe<Patched>()
  })

  test("json: operations of RFC 6902", () => {
    expect(Patch.json).type.toBeCallableWith([
      { op: "test", path: "/metadata/uid", value: "u" },
      { op: "add", path: Patch.pointer("metadata", "labels", "app/name"), value: "web" },
      { op: "remove", path: "/spec/paused" },
      { op: "move", from: "/a", path: "/b" }
    ])
    expect(Patch.json).type.not.toBeCallableWith([{ op: "merge", path: "/spec", value: {} }])
    expect(Patch.json).type.not.toBeCallableWith([{ op: "add", value: 1 }])
    expect(Patch.json).type.not.toBeCallableWith([{ op: "move", path: "/b" }])
    expect(Deployment.patch).type.toBeCallableWith("web", Patch.json([{ op: "remove", path: "/spec/paused" }]))
  })
})

class TooMany extends Data.TaggedError("TooMany")<{}> {}

describe("modify", () => {
  test("takes a function to an object, from the stored one", () => {
    expect(
      Deployment.modify("web", (web) => {
        expect(web).type.toBe<Stored<Deployment>>()
        return { ...web, spec: { ...web.spec, replicas: 3 } }
      })
    ).type.toBe<Effect.Effect<Stored<Deployment>, KubeError, KubeClient>>()
  })

  test("takes a function to an Effect, with errors and requirements of its own", () => {
    expect(Deployment.modify("web", change)).type.toBe<
      Effect.Effect<Stored<Deployment>, KubeError | TooMany, KubeClient | Clock>
    >()
  })

  test("refuses what is no such object", () => {
    expect(Deployment.modify).type.not.toBeCallableWith("web", () => ({ spec: { replicas: "3" } }))
    expect(Deployment.modify).type.not.toBeCallableWith("web", () => "web")
    expect(Deployment.modify).type.not.toBeCallableWith("web")
  })
})

interface Clock {
  readonly _: unique symbol
}

describe("label and annotate", () => {
  test("take text, or null to remove", () => {
    expect(Pod.label).type.toBeCallableWith("web-0", { app: "web", old: null })
    expect(Pod.label).type.not.toBeCallableWith("web-0", { app: 1 })
    expect(Pod.annotate).type.not.toBeCallableWith("web-0", { app: true })
  })
})

describe("selectors", () => {
  test("of labels", () => {
    expect(Pod.list).type.toBeCallableWith({
      labels: { app: "web", tier: Selector.in(["a", "b"]), track: Selector.notIn(["x"]), old: Selector.notExists }
    })
    expect(Pod.list).type.toBeCallableWith({ labels: { app: Selector.exists, env: Selector.notEquals("prod") } })
    expect(Pod.list).type.toBeCallableWith({ labels: aString })
    expect(Pod.list).type.not.toBeCallableWith({ labels: { app: ["web"] } })
    expect(Pod.list).type.not.toBeCallableWith({ labels: { replicas: 3 } })
    expect(Pod.list).type.not.toBeCallableWith({ labels: ["app=web"] })
    expect(Selector.in).type.not.toBeCallableWith("a", "b")
  })

  test("of fields, which know only equality", () => {
    expect(Pod.list).type.toBeCallableWith({ fields: { "status.phase": "Running" } })
    expect(Pod.list).type.toBeCallableWith({ fields: { "status.phase": Selector.notEquals("Succeeded") } })
    expect(Pod.list).type.not.toBeCallableWith({ fields: { "status.phase": Selector.in(["Running"]) } })
    expect(Pod.list).type.not.toBeCallableWith({ fields: { "status.phase": Selector.exists } })
  })

  test("of a Deployment's spec", () => {
    expect(Selector.fromLabelSelector(deployment.spec.selector)).type.toBe<Selector.Labels>()
  })
})
