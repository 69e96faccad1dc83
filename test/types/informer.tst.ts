import { Context, type Effect, type Layer, type Option, type Scope, type Stream } from "effect"
import { Informer, type KubeClient, type KubeError, Node, Pod, type Stored, type WatchEvent } from "effect-kubernetes"
import type { PartialObjectMetadata } from "effect-kubernetes/Resource"
import { describe, expect, test } from "tstyche"

declare const pods: Informer.Informer<Pod, "Namespaced", "node">

describe("an informer", () => {
  test("lives in a scope and cannot fail to begin", () => {
    expect(Informer.make(Pod, { indexes: { node: (pod) => pod.spec.nodeName } })).type.toBe<
      Effect.Effect<Informer.Informer<Pod, "Namespaced", "node">, never, KubeClient | Scope.Scope>
    >()
    expect(Informer.make(Node)).type.toBe<
      Effect.Effect<Informer.Informer<Node, "Cluster">, never, KubeClient | Scope.Scope>
    >()
  })

  test("takes the options of a watch that make sense for it", () => {
    expect(Informer.make(Pod, { allNamespaces: true, labels: { app: "web" } })).type.not.toBe<never>()
    expect(Informer.make<Pod, Pod, "Namespaced">).type.not.toBeCallableWith(Pod, { resourceVersion: "5" })
    expect(Informer.make<Pod, Pod, "Namespaced">).type.not.toBeCallableWith(Pod, { decodeFailures: "event" })
    expect(Informer.make<Node, Node, "Cluster">).type.not.toBeCallableWith(Node, { namespace: "x" })
  })

  test("is read by its own indexes only", () => {
    expect(pods.byIndex("node", "a")).type.toBe<Effect.Effect<ReadonlyArray<Stored<Pod>>, KubeError>>()
    expect(pods.byIndex).type.not.toBeCallableWith("zone", "a")
    expect(pods.store.byIndex).type.not.toBeCallableWith("zone", "a")
    expect(pods.get("a")).type.toBe<Effect.Effect<Option.Option<Stored<Pod>>, KubeError>>()
    expect(pods.changes).type.toBe<Stream.Stream<Informer.InformerEvent<Pod>, KubeError>>()
  })

  test("of metadata has metadata alone", () => {
    const made = Informer.metadata(Pod, { indexes: { app: ({ metadata }) => metadata.labels?.["app"] } })
    expect(made).type.toBe<
      Effect.Effect<Informer.Informer<PartialObjectMetadata, "Namespaced", "app">, never, KubeClient | Scope.Scope>
    >()
    expect<Stored<PartialObjectMetadata>>().type.toBe<PartialObjectMetadata>()
    expect(Pod.watchMetadata()).type.toBe<Stream.Stream<WatchEvent<PartialObjectMetadata>, KubeError, KubeClient>>()
  })

  test("is a layer", () => {
    class Nodes extends Context.Tag("Nodes")<Nodes, Informer.Informer<Node, "Cluster">>() {}
    expect(Informer.layer(Nodes, Node)).type.toBe<Layer.Layer<Nodes, KubeError, KubeClient>>()
  })
})
