import type { Effect, Scope } from "effect"
import {
  Deployment,
  Pod,
  Pods,
  PortForward,
  Service,
  type KubeClient,
  type KubeError,
  type Stored
} from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

type Listening<A> = Effect.Effect<A, KubeError, KubeClient | Scope.Scope>

describe("portForward", () => {
  test("is there for pods, and for nothing else", () => {
    expect(Pod.portForward("web-0", 80)).type.toBe<Listening<PortForward.Forward>>()
    expect(Pod.portForward).type.toBeCallableWith({ name: "web-0", namespace: "shop" }, "http")
    expect(Pod.portForward).type.toBeCallableWith("web-0", { remote: 80, local: 8080, address: ["127.0.0.1", "::1"] })
    expect(Deployment).type.not.toHaveProperty("portForward")
    expect(Service).type.not.toHaveProperty("portForward")
  })

  test("of a pod that was read", () => {
    const forward = (pod: Stored<Pod>) => Pod.portForward(pod, 80)
    expect(forward).type.toBeCallableWith({} as Stored<Pod>)
  })
})

describe("listen", () => {
  const web = Pods.of(Service, "web")

  test("gives one for one, and a list for a list", () => {
    expect(PortForward.listen(web, 80)).type.toBe<Listening<PortForward.Forward>>()
    expect(PortForward.listen(web, [80, "metrics"])).type.toBe<
      Listening<readonly [PortForward.Forward, PortForward.Forward]>
    >()
  })

  test("takes no local port without a remote one", () => {
    expect(PortForward.listen).type.not.toBeCallableWith(web, { local: 8080 })
  })
})
