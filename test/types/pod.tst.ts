import type { Effect, Scope, Stream } from "effect"
import {
  CronJob,
  Deployment,
  Job,
  Node,
  Pod,
  Pods,
  Service,
  type ExecFailed,
  type KubeClient,
  type KubeError
} from "effect-kubernetes"
import type { DebugProcess, ExecProcess, ExecResult } from "effect-kubernetes/Resource"
import { describe, expect, test } from "tstyche"

type Needs = KubeClient | Scope.Scope

describe("what leads into a container", () => {
  test("is there for pods only", () => {
    for (const kind of [Deployment, Node, Service]) {
      expect(kind).type.not.toHaveProperty("logs")
      expect(kind).type.not.toHaveProperty("logBytes")
      expect(kind).type.not.toHaveProperty("exec")
      expect(kind).type.not.toHaveProperty("execStream")
      expect(kind).type.not.toHaveProperty("attach")
      expect(kind).type.not.toHaveProperty("debug")
      expect(kind).type.not.toHaveProperty("portForward")
      expect(kind).type.not.toHaveProperty("copyTo")
      expect(kind).type.not.toHaveProperty("copyFrom")
    }
    expect(Pod).type.toHaveProperty("logs")
    expect(Pod).type.toHaveProperty("portForward")
    expect(Pod).type.toHaveProperty("copyTo")
  })

  test("logs are lines or bytes", () => {
    expect(Pod.logs("p")).type.toBe<Stream.Stream<string, KubeError, KubeClient>>()
    expect(Pod.logBytes("p", { follow: true })).type.toBe<Stream.Stream<Uint8Array, KubeError, KubeClient>>()
  })

  test("exec has a result, and an error of its own", () => {
    expect(Pod.exec("p", ["ls", "-l"])).type.toBe<Effect.Effect<ExecResult, ExecFailed | KubeError, KubeClient>>()
    expect(Pod.exec).type.toBeCallableWith("p", ["cat"], { stdin: "text", check: false, namespace: "n" })
    expect(Pod.exec).type.toBeCallableWith({ name: "p", namespace: "n" }, ["sh"], { tty: { width: 80, height: 24 } })
    expect(Pod.exec).type.toBeCallableWith("p", ["ls"], { container: undefined, tty: undefined, timeout: undefined })
    expect(Pod.exec).type.not.toBeCallableWith("p", [])
    expect(Pod.exec).type.not.toBeCallableWith("p", "ls")
    expect(Pod.exec).type.not.toBeCallableWith("p", ["sh"], { tty: { width: 80 } })
  })

  test("streams live as long as a scope", () => {
    expect(Pod.execStream("p", ["sh"], { stdin: false })).type.toBe<Effect.Effect<ExecProcess, KubeError, Needs>>()
    expect(Pod.attach("p", { stdin: true, tty: true })).type.toBe<Effect.Effect<ExecProcess, KubeError, Needs>>()
    expect(Pod.attach).type.not.toBeCallableWith("p", ["sh"])
    expect(Pod.debug("p", { image: "busybox" })).type.toBe<Effect.Effect<DebugProcess, KubeError, Needs>>()
    expect(Pod.debug).type.not.toBeCallableWith("p", { command: ["sh"] })
  })
})

describe("the pods of", () => {
  test("are those of kinds that select some", () => {
    expect(Pods.of).type.toBeCallableWith(Deployment, "web")
    expect(Pods.of).type.toBeCallableWith(Job, "web")
    expect(Pods.of).type.toBeCallableWith(Service, "web")
    // Its Jobs select pods.
    expect(Pods.of).type.not.toBeCallableWith(CronJob, "web")
    expect(Pods.of).type.not.toBeCallableWith(Node, "web")
    expect(Pods.of).type.not.toBeCallableWith(Pod, "web")
  })
})
