import type {
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  Event,
  Node,
  Pod,
  Resource,
  Stored
} from "effect-kubernetes"
import type { ApplyInput } from "effect-kubernetes/Resource"
import type { StoredContainer } from "effect-kubernetes/resources/CoreV1"
import { describe, expect, test } from "tstyche"

describe("Stored", () => {
  test("has what the server always sends", () => {
    expect<Stored<Pod>["apiVersion"]>().type.toBe<"v1">()
    expect<Stored<Pod>["kind"]>().type.toBe<"Pod">()
    expect<Stored<Pod>["metadata"]["name"]>().type.toBe<string>()
    expect<Stored<Pod>["metadata"]["namespace"]>().type.toBe<string>()
    expect<Stored<Pod>["metadata"]["uid"]>().type.toBe<string>()
    expect<Stored<Pod>["metadata"]["resourceVersion"]>().type.toBe<string>()
    expect<Stored<Pod>["metadata"]["creationTimestamp"]>().type.toBe<string>()
    expect<Stored<Node>["metadata"]["uid"]>().type.toBe<string>()
    expect<undefined>().type.not.toBeAssignableTo<Stored<Pod>["spec"]>()
    expect<undefined>().type.not.toBeAssignableTo<Stored<Pod>["status"]>()
    expect<undefined>().type.not.toBeAssignableTo<Stored<Deployment>["spec"]>()
    expect<undefined>().type.not.toBeAssignableTo<Stored<Deployment>["status"]>()
    expect<undefined>().type.not.toBeAssignableTo<Stored<CustomResourceDefinition>["spec"]>()
  })

  test("leaves the rest as it is", () => {
    expect<Stored<Pod>["metadata"]["labels"]>().type.toBeAssignableFrom<undefined>()
    expect<Stored<Pod>["status"]["podIP"]>().type.toBe<string | undefined>()
    expect<Stored<ConfigMap>["data"]>().type.toBe<{ readonly [key: string]: string } | undefined>()
  })

  test("goes deep", () => {
    expect<Stored<Deployment>["spec"]["template"]["spec"]["containers"]>().type.toBe<ReadonlyArray<StoredContainer>>()
    expect<Stored<Deployment>["spec"]["template"]["spec"]["containers"][number]["name"]>().type.toBe<string>()
    // The template of a pod is no stored object: it has no name of its own.
    expect<undefined>().type.toBeAssignableTo<NonNullable<Stored<Deployment>["spec"]["template"]["metadata"]>["name"]>()
  })

  test("is stored already the second time", () => {
    expect<Stored<Stored<Pod>>>().type.toBe<Stored<Pod>>()
    expect<Stored<Stored<Node>>>().type.toBe<Stored<Node>>()
    expect<Stored<Stored<Event>>>().type.toBe<Stored<Event>>()
  })

  test("goes back to where it came from", () => {
    expect<Stored<Pod>>().type.toBeAssignableTo<Pod>()
    expect<Stored<Deployment>>().type.toBeAssignableTo<Deployment>()
    expect<Stored<Event>>().type.toBeAssignableTo<Event>()
    expect<Stored<Pod>>().type.toBeAssignableTo<Resource.Ref<"Namespaced">>()
    expect<Stored<Node>>().type.toBeAssignableTo<Resource.Ref<"Cluster">>()
  })

  test("is more than what is written", () => {
    expect<Pod>().type.not.toBeAssignableTo<Stored<Pod>>()
    expect<Stored<ConfigMap>>().type.not.toBeAssignableTo<Stored<Pod>>()
    expect<ConfigMap>().type.not.toBeAssignableTo<Pod>()
  })
})

describe("what is written", () => {
  test("is optional where the API says so", () => {
    expect<{}>().type.toBeAssignableTo<Pod>()
    expect<{ readonly spec: { readonly replicas: number } }>().type.not.toBeAssignableTo<Deployment>()
    expect<Pod["metadata"]>().type.toBeAssignableFrom<undefined>()
  })

  test("says its own kind or nothing", () => {
    expect<{ readonly kind: "Deployment" }>().type.not.toBeAssignableTo<Pod>()
    expect<{ readonly apiVersion: "v1"; readonly kind: "Pod" }>().type.toBeAssignableTo<Pod>()
  })

  test("is a part, without status, for apply", () => {
    expect<ApplyInput<Pod>>().type.not.toHaveProperty("status")
    expect<ApplyInput<Pod>["metadata"]["name"]>().type.toBe<string>()
    expect<{ readonly metadata: { readonly name: "x" } }>().type.toBeAssignableTo<ApplyInput<Deployment>>()
    expect<{ readonly metadata: {} }>().type.not.toBeAssignableTo<ApplyInput<Deployment>>()
  })

  test("may hold a value that a newer server knows, where values are open", () => {
    type Policy = NonNullable<NonNullable<Pod["spec"]>["restartPolicy"]>
    expect<"Always">().type.toBeAssignableTo<Policy>()
    expect<"Sometimes">().type.toBeAssignableTo<Policy>()
    expect<number>().type.not.toBeAssignableTo<Policy>()
  })
})
