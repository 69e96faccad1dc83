import type { HttpClient } from "@effect/platform"
import type { Effect } from "effect"
import { Deployment, Node, Pod, Service, type InvalidRequest, type KubeClient } from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

type Proxied = Effect.Effect<HttpClient.HttpClient, InvalidRequest, KubeClient>

describe("proxy", () => {
  test("is a client of a service, a pod or a node", () => {
    expect(Service.proxy("web")).type.toBe<Proxied>()
    expect(Pod.proxy({ name: "web-0", namespace: "shop" })).type.toBe<Proxied>()
    expect(Node.proxy("node-1", { port: undefined, scheme: undefined, timeout: undefined })).type.toBe<Proxied>()
    expect(Deployment).type.not.toHaveProperty("proxy")
  })

  test("only a service has ports with names", () => {
    expect(Service.proxy).type.toBeCallableWith("web", { port: "http" })
    expect(Service.proxy).type.toBeCallableWith("web", { port: 80, scheme: "https", namespace: "shop" })
    expect(Pod.proxy).type.toBeCallableWith("web-0", { port: 80 })
    expect(Pod.proxy).type.not.toBeCallableWith("web-0", { port: "http" })
    expect(Node.proxy).type.not.toBeCallableWith("node-1", { port: "http" })
    expect(Service.proxy).type.not.toBeCallableWith("web", { scheme: "ftp" })
  })

  test("nodes are in no namespace", () => {
    expect(Node.proxy).type.not.toBeCallableWith("node-1", { namespace: "shop" })
  })
})
