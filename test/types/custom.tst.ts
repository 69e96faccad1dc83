import { type Effect, Schema } from "effect"
import { type KubeClient, type KubeError, Resource, type Stored } from "effect-kubernetes"
import type { StoredScale } from "effect-kubernetes/resources/AutoscalingV1"
import { describe, expect, test } from "tstyche"

const names = { group: "example.com", version: "v1", kind: "Backup" } as const
const schema = Schema.Struct({
  spec: Schema.Struct({ schedule: Schema.String, keep: Schema.optional(Schema.Number) }),
  status: Schema.optional(Schema.Struct({ lastRun: Schema.optional(Schema.String) }))
})

const Backup = Resource.define({ ...names, schema })
const Both = Resource.define({ ...names, schema, status: true, scale: true })
const Wide = Resource.define({ ...names, schema, scope: "Cluster" })

declare const firstIn: <K>(kind: Resource.Namespaced<K>) => Effect.Effect<Stored<K>, KubeError, KubeClient>

describe("a custom resource", () => {
  test("has the fields of its schema and the envelope of every object", () => {
    type Got = Effect.Effect.Success<ReturnType<typeof Backup.get>>
    expect<Got["spec"]["schedule"]>().type.toBe<string>()
    expect<Got["spec"]["keep"]>().type.toBe<number | undefined>()
    expect<Got["metadata"]["name"]>().type.toBe<string>()
    expect<Got["metadata"]["uid"]>().type.toBe<string>()
    expect<Got["apiVersion"]>().type.toBe<string>()
    expect<Got["spec"]>().type.not.toHaveProperty("other")
    expect<Effect.Effect.Error<ReturnType<typeof Backup.get>>>().type.toBe<KubeError>()
    expect<Effect.Effect.Context<ReturnType<typeof Backup.get>>>().type.toBe<KubeClient>()
  })

  test("is checked when it is written", () => {
    expect(Backup.create).type.toBeCallableWith({ metadata: { name: "x" }, spec: { schedule: "@daily" } })
    expect(Backup.create).type.not.toBeCallableWith({ metadata: { name: "x" }, spec: { schedule: 5 } })
    expect(Backup.create).type.not.toBeCallableWith({ metadata: { name: "x" }, spec: {} })
    expect(Backup.create).type.not.toBeCallableWith({ metadata: { name: "x" } })
    expect(Backup.apply).type.toBeCallableWith({ metadata: { name: "x" }, spec: { keep: 5 } })
    expect(Backup.apply).type.not.toBeCallableWith({ metadata: { name: "x" }, status: { lastRun: "now" } })
  })

  test("goes from what was got back to what is written", () => {
    type Got = Effect.Effect.Success<ReturnType<typeof Backup.get>>
    expect<Got>().type.toBeAssignableTo<Parameters<typeof Backup.replace>[0]>()
    expect<Stored<Got>>().type.toBeAssignableTo<Got>()
    expect<Got>().type.toBeAssignableTo<Stored<Got>>()
    expect(Backup.modify).type.toBeCallableWith("x", (backup: Got) => ({
      ...backup,
      spec: { ...backup.spec, keep: 5 }
    }))
  })

  test("is in namespaces unless it says otherwise", () => {
    expect(Backup.get).type.toBeCallableWith("x", { namespace: "y" })
    expect(Backup.list).type.toBeCallableWith({ allNamespaces: true })
    expect(Wide.get).type.toBeCallableWith("x")
    expect(Wide.get).type.not.toBeCallableWith("x", { namespace: "y" })
    expect(Wide.list).type.not.toBeCallableWith({ allNamespaces: true })
    expect(Wide.delete).type.not.toBeCallableWith("x", { namespace: "y" })
  })

  test("goes into a function of any kind of its scope", () => {
    type Got = Effect.Effect.Success<ReturnType<typeof Backup.get>>
    expect(firstIn(Backup)).type.toBe<Effect.Effect<Got, KubeError, KubeClient>>()
    expect(firstIn(Both)).type.toBe<Effect.Effect<Got, KubeError, KubeClient>>()
    expect(firstIn).type.not.toBeCallableWith(Wide)
  })

  test("has status and scale only when they are switched on", () => {
    expect(Backup).type.not.toHaveProperty("status")
    expect(Backup).type.not.toHaveProperty("scale")
    expect(Both).type.toHaveProperty("status")
    expect(Both.scale).type.toBeCallableWith("x", 3)
    expect(Both.scale.get("x")).type.toBe<Effect.Effect<StoredScale, KubeError, KubeClient>>()
    expect(Both.status.apply).type.toBeCallableWith({ metadata: { name: "x" }, status: { lastRun: "now" } })
    expect(Resource.define({ ...names, schema, status: true })).type.not.toHaveProperty("scale")
    expect(Resource.define({ ...names, schema, status: false })).type.not.toHaveProperty("status")
  })

  test("has the decoded side of a transformation", () => {
    const Timed = Resource.define({ ...names, schema: Schema.Struct({ spec: Schema.Struct({ at: Schema.Date }) }) })
    type Got = Effect.Effect.Success<ReturnType<typeof Timed.get>>
    expect<Got["spec"]["at"]>().type.toBe<Date>()
    expect(Timed.create).type.toBeCallableWith({ spec: { at: new Date() } })
    expect(Timed.create).type.not.toBeCallableWith({ spec: { at: "2026-01-01" } })
  })

  test("needs its names and a schema that needs nothing", () => {
    expect(Resource.define).type.not.toBeCallableWith({ group: "example.com", version: "v1", schema })
    expect(Resource.define).type.not.toBeCallableWith({ ...names })
    expect(Resource.define).type.not.toBeCallableWith({ ...names, schema, scope: "cluster" })
  })
})
