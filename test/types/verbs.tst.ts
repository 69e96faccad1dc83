import {
  Binding,
  CertificateSigningRequest,
  ComponentStatus,
  ConfigMap,
  Deployment,
  Job,
  Namespace,
  Node,
  Pod,
  SelfSubjectReview,
  ServiceAccount,
  StatefulSet,
  TokenReview
} from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

describe("verbs", () => {
  test("are all there on an ordinary kind", () => {
    expect(Pod).type.toHaveProperty("get")
    expect(Pod).type.toHaveProperty("getOption")
    expect(Pod).type.toHaveProperty("exists")
    expect(Pod).type.toHaveProperty("getMetadata")
    expect(Pod).type.toHaveProperty("getTable")
    expect(Pod).type.toHaveProperty("list")
    expect(Pod).type.toHaveProperty("stream")
    expect(Pod).type.toHaveProperty("listMetadata")
    expect(Pod).type.toHaveProperty("listTable")
    expect(Pod).type.toHaveProperty("watch")
    expect(Pod).type.toHaveProperty("create")
    expect(Pod).type.toHaveProperty("replace")
    expect(Pod).type.toHaveProperty("patch")
    expect(Pod).type.toHaveProperty("apply")
    expect(Pod).type.toHaveProperty("label")
    expect(Pod).type.toHaveProperty("annotate")
    expect(Pod).type.toHaveProperty("modify")
    expect(Pod).type.toHaveProperty("delete")
    expect(Pod).type.toHaveProperty("deleteCollection")
  })

  test("are only those that the API server has", () => {
    expect(TokenReview).type.toHaveProperty("create")
    expect(TokenReview).type.not.toHaveProperty("get")
    expect(TokenReview).type.not.toHaveProperty("list")
    expect(TokenReview).type.not.toHaveProperty("watch")
    expect(TokenReview).type.not.toHaveProperty("delete")
    expect(TokenReview).type.not.toHaveProperty("apply")
    expect(TokenReview).type.not.toHaveProperty("modify")
    expect(SelfSubjectReview).type.not.toHaveProperty("get")
    expect(Binding).type.toHaveProperty("create")
    expect(Binding).type.not.toHaveProperty("get")

    expect(ComponentStatus).type.toHaveProperty("get")
    expect(ComponentStatus).type.toHaveProperty("list")
    expect(ComponentStatus).type.not.toHaveProperty("create")
    expect(ComponentStatus).type.not.toHaveProperty("watch")
    expect(ComponentStatus).type.not.toHaveProperty("delete")
    expect(ComponentStatus).type.not.toHaveProperty("patch")

    expect(Namespace).type.toHaveProperty("delete")
    expect(Namespace).type.not.toHaveProperty("deleteCollection")
  })

  test("do not exist in the language either", () => {
    // @ts-expect-error Property 'get' does not exist
    TokenReview.get("x")
    // @ts-expect-error Property 'deleteCollection' does not exist
    Namespace.deleteCollection()
    // @ts-expect-error Property 'create' does not exist
    ComponentStatus.create({})
  })
})

describe("subresources", () => {
  test("status", () => {
    expect(Pod).type.toHaveProperty("status")
    expect(Deployment).type.toHaveProperty("status")
    expect(Node).type.toHaveProperty("status")
    expect(ConfigMap).type.not.toHaveProperty("status")
    expect(ServiceAccount).type.not.toHaveProperty("status")
    // @ts-expect-error Property 'status' does not exist
    ConfigMap.status.get("x")
  })

  test("scale", () => {
    expect(Deployment.scale).type.toBeCallableWith("web", 3)
    expect(Deployment.scale).type.not.toBeCallableWith("web")
    expect(Deployment.scale).type.not.toBeCallableWith("web", "3")
    expect(StatefulSet).type.toHaveProperty("scale")
    expect(Pod).type.not.toHaveProperty("scale")
    expect(Node).type.not.toHaveProperty("scale")
    expect(Job).type.not.toHaveProperty("scale")
    expect(ConfigMap).type.not.toHaveProperty("scale")
  })

  test("those of pods", () => {
    expect(Pod).type.toHaveProperty("evict")
    expect(Pod).type.toHaveProperty("bind")
    expect(Pod).type.toHaveProperty("ephemeralContainers")
    expect(Pod).type.toHaveProperty("resize")
    expect(Deployment).type.not.toHaveProperty("logs")
    expect(Deployment).type.not.toHaveProperty("exec")
    expect(Deployment).type.not.toHaveProperty("evict")
    expect(Deployment).type.not.toHaveProperty("bind")
    expect(Deployment).type.not.toHaveProperty("ephemeralContainers")
    expect(Deployment).type.not.toHaveProperty("resize")
    expect(Node).type.not.toHaveProperty("logs")
    expect(Node).type.not.toHaveProperty("evict")
  })

  test("token, approval and finalize", () => {
    expect(ServiceAccount.createToken).type.toBeCallableWith("builder")
    expect(ServiceAccount.createToken).type.toBeCallableWith("builder", { audiences: ["api"], expirationSeconds: 600 })
    expect(ServiceAccount.createToken).type.not.toBeCallableWith("builder", { audiences: "api" })
    expect(Pod).type.not.toHaveProperty("createToken")
    expect(CertificateSigningRequest).type.toHaveProperty("approval")
    expect(Node).type.not.toHaveProperty("approval")
    expect(Namespace).type.toHaveProperty("finalize")
    expect(Node).type.not.toHaveProperty("finalize")
  })
})

describe("options", () => {
  test("of a list", () => {
    expect(Pod.list).type.toBeCallableWith({
      labels: "app=web",
      fields: "status.phase=Running",
      limit: 5,
      continue: "token",
      resourceVersion: "0",
      resourceVersionMatch: "NotOlderThan" as const,
      timeoutSeconds: 5,
      timeout: "2 seconds"
    })
    expect(Pod.list).type.toBeCallableWith({ timeout: "infinity" })
    expect(Pod.list).type.not.toBeCallableWith({ timeout: "2 fortnights" })
    expect(Pod.list).type.not.toBeCallableWith({ resourceVersionMatch: "Newest" })
    expect(Pod.list).type.not.toBeCallableWith({ limit: "5" })
    expect(Pod.list).type.not.toBeCallableWith({ labelSelector: "app=web" })
  })

  test("of writes", () => {
    expect(Pod.create).type.toBeCallableWith({}, { dryRun: true, fieldManager: "me", fieldValidation: "Strict" })
    expect(Pod.create).type.not.toBeCallableWith({}, { fieldValidation: "strict" })
    expect(Pod.create).type.not.toBeCallableWith({}, { force: true })
    expect(Pod.apply).type.toBeCallableWith({ metadata: { name: "x" } }, { force: true })
  })

  test("of delete", () => {
    expect(Pod.delete).type.toBeCallableWith("x", {
      dryRun: true,
      gracePeriodSeconds: 0,
      propagationPolicy: "Foreground",
      preconditions: { uid: "u", resourceVersion: "1" }
    })
    expect(Pod.delete).type.not.toBeCallableWith("x", { propagationPolicy: "foreground" })
    expect(Pod.delete).type.not.toBeCallableWith("x", { gracePeriod: 0 })
  })
})
