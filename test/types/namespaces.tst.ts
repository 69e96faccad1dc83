import type { Effect } from "effect"
import {
  Binding,
  ComponentStatus,
  Deployment,
  type KubeClient,
  type KubeError,
  Namespace,
  Node,
  PersistentVolume,
  Pod,
  type Resource,
  type Stored
} from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

declare const node: Stored<Node>
declare const pod: Stored<Pod>

describe("a kind in namespaces", () => {
  test("takes a namespace wherever it is about one object", () => {
    const inX = { namespace: "x" } as const
    expect(Pod.get).type.toBeCallableWith("web-0", inX)
    expect(Pod.getOption).type.toBeCallableWith("web-0", inX)
    expect(Pod.exists).type.toBeCallableWith("web-0", inX)
    expect(Pod.getMetadata).type.toBeCallableWith("web-0", inX)
    expect(Pod.getTable).type.toBeCallableWith("web-0", inX)
    expect(Pod.create).type.toBeCallableWith({ metadata: { name: "web-0" } }, inX)
    expect(Pod.replace).type.toBeCallableWith({ metadata: { name: "web-0" } }, inX)
    expect(Pod.apply).type.toBeCallableWith({ metadata: { name: "web-0" } }, inX)
    expect(Pod.label).type.toBeCallableWith("web-0", { app: "web" }, inX)
    expect(Pod.annotate).type.toBeCallableWith("web-0", { note: null }, inX)
    expect(Pod.delete).type.toBeCallableWith("web-0", inX)
    expect(Pod.evict).type.toBeCallableWith("web-0", inX)
    expect(Pod.status.get).type.toBeCallableWith("web-0", inX)
    expect(Deployment.scale).type.toBeCallableWith("web", 3, inX)
    expect(Deployment.scale.get).type.toBeCallableWith("web", inX)
  })

  test("takes a namespace or all of them where it is about a collection", () => {
    expect(Pod.list).type.toBeCallableWith({ namespace: "x" })
    expect(Pod.list).type.toBeCallableWith({ allNamespaces: true })
    expect(Pod.stream).type.toBeCallableWith({ allNamespaces: true })
    expect(Pod.watch).type.toBeCallableWith({ allNamespaces: true })
    expect(Pod.listMetadata).type.toBeCallableWith({ allNamespaces: true })
    expect(Pod.listTable).type.toBeCallableWith({ allNamespaces: true })
    expect(Pod.deleteCollection).type.toBeCallableWith({ namespace: "x" })
  })

  test("has no allNamespaces where one object is meant", () => {
    expect(Pod.get).type.not.toBeCallableWith("web-0", { allNamespaces: true })
    expect(Pod.delete).type.not.toBeCallableWith("web-0", { allNamespaces: true })
    expect(Pod.create).type.not.toBeCallableWith({}, { allNamespaces: true })
  })

  test("takes a name, a reference or an object", () => {
    expect(Pod.get).type.toBeCallableWith("web-0")
    expect(Pod.get).type.toBeCallableWith({ name: "web-0" })
    expect(Pod.get).type.toBeCallableWith({ name: "web-0", namespace: "x" })
    expect(Pod.get).type.toBeCallableWith(pod)
    expect(Pod.get).type.not.toBeCallableWith()
    expect(Pod.get).type.not.toBeCallableWith(1)
    expect(Pod.get).type.not.toBeCallableWith({ namespace: "x" })
    expect(Pod.get).type.not.toBeCallableWith({ metadata: { namespace: "x" } })
  })
})

describe("a kind of the whole cluster", () => {
  test("has no namespace option", () => {
    // @ts-expect-error 'namespace' does not exist in type
    Node.get("n", { namespace: "x" })

    const inX = { namespace: "x" } as const
    expect(Node.get).type.toBeCallableWith("n")
    expect(Node.get).type.toBeCallableWith("n", { resourceVersion: "0" })
    expect(Node.get).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(Node.getOption).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(Node.exists).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(Node.getMetadata).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(Node.getTable).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(Node.create).type.not.toBeCallableWith({ metadata: { name: "n" } }, { namespace: "x" })
    expect(Node.replace).type.not.toBeCallableWith({ metadata: { name: "n" } }, { namespace: "x" })
    expect(Node.apply).type.not.toBeCallableWith({ metadata: { name: "n" } }, { namespace: "x" })
    expect(Node.label).type.not.toBeCallableWith("n", { a: "b" }, { namespace: "x" })
    expect(Node.annotate).type.not.toBeCallableWith("n", { a: "b" }, { namespace: "x" })
    expect(Node.delete).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(Node.status.get).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(Namespace.get).type.not.toBeCallableWith("n", { namespace: "x" })
    expect(PersistentVolume.list).type.not.toBeCallableWith({ namespace: "x" })
    // A variable with a namespace and nothing else has nothing in common with the options.
    expect(Node.get).type.not.toBeCallableWith("n", inX)
  })

  test("has no allNamespaces", () => {
    // @ts-expect-error 'allNamespaces' does not exist in type
    Node.list({ allNamespaces: true })

    expect(Node.list).type.toBeCallableWith({ labels: { zone: "a" } })
    expect(Node.list).type.not.toBeCallableWith({ allNamespaces: true })
    expect(Node.stream).type.not.toBeCallableWith({ allNamespaces: true })
    expect(Node.watch).type.not.toBeCallableWith({ allNamespaces: true })
    expect(Node.listMetadata).type.not.toBeCallableWith({ allNamespaces: true })
    expect(Node.listTable).type.not.toBeCallableWith({ allNamespaces: true })
    expect(Node.deleteCollection).type.not.toBeCallableWith({ allNamespaces: true })
    expect(Node.get).type.not.toBeCallableWith("n", { allNamespaces: true })
  })

  test("is referred to by name or by object", () => {
    expect(Node.get).type.toBeCallableWith({ name: "n" })
    expect(Node.get).type.toBeCallableWith(node)
    expect(Node.get).type.not.toBeCallableWith({ name: "n", namespace: "x" })
  })

  test("has no namespace when it is stored", () => {
    expect<Stored<Node>["metadata"]["name"]>().type.toBe<string>()
    expect<Stored<Node>["metadata"]["namespace"]>().type.toBe<string | undefined>()
  })
})

describe("a function of any kind of one scope", () => {
  test("gives what the kind stores", () => {
    expect(firstIn(Pod)).type.toBe<Effect.Effect<Stored<Pod>, KubeError, KubeClient>>()
    expect(firstIn(Deployment)).type.toBe<Effect.Effect<Stored<Deployment>, KubeError, KubeClient>>()
    expect(first(Node)).type.toBe<Effect.Effect<Stored<Node>, KubeError, KubeClient>>()
  })

  test("takes no kind of the other scope", () => {
    expect(firstIn).type.not.toBeCallableWith(Node)
    expect(firstIn).type.not.toBeCallableWith(Namespace)
    expect(first).type.not.toBeCallableWith(Pod)
    expect(Node.scope).type.toBe<"Cluster">()
    expect(ComponentStatus.scope).type.toBe<"Cluster">()
    expect(Binding.scope).type.toBe<"Namespaced">()
  })
})

declare const firstIn: <K>(kind: Resource.Namespaced<K>) => Effect.Effect<Stored<K>, KubeError, KubeClient>
declare const first: <K>(kind: Resource.Cluster<K>) => Effect.Effect<Stored<K>, KubeError, KubeClient>
