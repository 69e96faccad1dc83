/** Kinds that a test teaches the TestCluster. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, DateTime, Deferred, Effect, Fiber, Option, Schema, Stream, TestClock } from "effect"
import { CustomResourceDefinition, Informer, KubeClient, Resource } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const group = "tests.example.com"

const Widget = Resource.define({
  group,
  version: "v1",
  kind: "Widget",
  schema: Schema.Struct({
    spec: Schema.Struct({
      size: Schema.Int,
      color: Schema.optional(Schema.String),
      due: Schema.optional(Schema.DateTimeUtc),
      replicas: Schema.optional(Schema.Int)
    }),
    status: Schema.optional(Schema.Struct({ phase: Schema.optional(Schema.String) }))
  }),
  status: true,
  scale: true
})

const definition = {
  metadata: { name: `widgets.${group}` },
  spec: {
    group,
    scope: "Namespaced" as const,
    names: { plural: "widgets", kind: "Widget" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["size"],
                properties: {
                  size: { type: "integer", minimum: 1 },
                  color: { type: "string", default: "red" },
                  due: { type: "string", format: "date-time" },
                  replicas: { type: "integer" }
                }
              },
              status: { type: "object", properties: { phase: { type: "string" } } }
            }
          }
        },
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" }
        }
      }
    ]
  }
}

const seed = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", ...definition }
const widget = (name: string, spec: object = { size: 1 }) => ({
  apiVersion: `${group}/v1`,
  kind: "Widget",
  metadata: { name },
  spec
})

describe("custom kinds in a TestCluster", () => {
  it.effect("are there from the beginning, with their objects, whichever comes first", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Widget.get("a")).spec.color, "red")
      const due = DateTime.unsafeMake("2026-01-02T03:04:05Z")
      yield* Widget.create({ metadata: { name: "b" }, spec: { size: 2, due, replicas: 1 } })
      yield* Widget.status.modify("b", (object) => ({ ...object, status: { phase: "Up" } }))
      yield* Widget.scale("b", 3)
      const { metadata, spec, status } = yield* Widget.get("b")
      assert.deepStrictEqual([metadata.generation, spec.replicas, status?.phase], [2, 3, "Up"])
      assert.isTrue(spec.due !== undefined && DateTime.Equivalence(spec.due, due))
    }).pipe(Effect.provide(TestCluster.layer({ objects: [widget("a"), seed] })))
  )

  it.effect("refuse what their schema does not allow", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Widget.create({ metadata: { name: "a" }, spec: { size: 0 } }))
      assert.include(error.message, "spec.size in body should be greater than or equal to 1")
    }).pipe(Effect.provide(TestCluster.layer({ objects: [seed] })))
  )

  it.effect("are shown by an informer that began before they were defined", () =>
    Effect.gen(function* () {
      const widgets = yield* Informer.make(Widget)
      const first = yield* Effect.fork(
        widgets.latest.pipe(
          Stream.filterMap((event) => ("object" in event ? Option.some(event.object.metadata.name) : Option.none())),
          Stream.runHead
        )
      )
      yield* CustomResourceDefinition.create(definition)
      yield* Widget.create({ metadata: { name: "late" }, spec: { size: 1 } })
      const fiber = yield* Effect.fork(Effect.forever(Effect.zipRight(Effect.yieldNow(), TestClock.adjust("1 second"))))
      assert.deepStrictEqual(yield* Fiber.join(first), Option.some("late"))
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.scoped, Effect.provide(TestCluster.layer()))
  )

  it.effect("go with their definition, and their watches see it", () =>
    Effect.gen(function* () {
      const cluster = yield* TestCluster
      const shown = yield* Deferred.make<void>()
      // It takes what there is, so it ends with the kind.
      const events = yield* Effect.fork(
        Widget.watch({ resume: false }).pipe(
          Stream.tap(() => Deferred.succeed(shown, undefined)),
          Stream.runCollect
        )
      )
      yield* Deferred.await(shown)
      yield* CustomResourceDefinition.delete(definition.metadata.name)
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(yield* Fiber.join(events)).map(({ _tag }) => _tag),
        ["Added", "Deleted"]
      )
      assert.deepStrictEqual(yield* cluster.objects(CustomResourceDefinition), [])
      assert.strictEqual((yield* Effect.flip(Widget.get("a")))._tag, "NotFound")
    }).pipe(Effect.provide(TestCluster.layer({ objects: [seed, widget("a")] })))
  )

  it.effect("are described by discovery and by OpenAPI", () =>
    Effect.gen(function* () {
      const client = yield* KubeClient
      const read = (path: string, accept = "application/json") =>
        Effect.scoped(
          Effect.gen(function* () {
            const answer = yield* client.exchange({
              method: "GET",
              path,
              search: "",
              headers: { accept },
              about: { verb: "get", kind: "", resource: "" }
            })
            const text = Chunk.join(yield* Stream.runCollect(Stream.decodeText(answer.body)), "")
            // Discovery and OpenAPI are JSON.
            return JSON.parse(text)
          })
        )
      const groups = yield* read("/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
      const found = groups.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === group)
      assert.deepStrictEqual(
        found.versions[0].resources.map(
          (resource: {
            resource: string
            responseKind: unknown
            subresources: ReadonlyArray<{ subresource: string }>
          }) => [resource.resource, resource.responseKind, resource.subresources.map(({ subresource }) => subresource)]
        ),
        [["widgets", { group, version: "v1", kind: "Widget" }, ["status", "scale"]]]
      )
      const { components, paths } = yield* read(`/openapi/v3/apis/${group}/v1`)
      const schema = components.schemas["com.example.tests.v1.Widget"]
      assert.deepStrictEqual(
        schema.properties.spec,
        definition.spec.versions[0]?.schema.openAPIV3Schema.properties.spec
      )
      assert.deepStrictEqual(schema["x-kubernetes-group-version-kind"], [{ group, version: "v1", kind: "Widget" }])
      assert.property(components.schemas, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
      assert.property(paths, `/apis/${group}/v1/namespaces/{namespace}/widgets/{name}/scale`)
    }).pipe(Effect.provide(TestCluster.layer({ objects: [seed] })))
  )
})
