import type { FileSystem, Path } from "@effect/platform"
import { Effect, type Layer, Redacted, Schema, type Stream } from "effect"
import {
  Auth,
  type AuthError,
  type ConfigError,
  Http,
  KubeClient,
  KubeConfig,
  type KubeError,
  NodeKubeClient,
  Pod,
  Request,
  type Stored
} from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

describe("layers", () => {
  test("of Node need nothing", () => {
    expect(NodeKubeClient.layer).type.toBe<Layer.Layer<KubeClient, ConfigError | AuthError>>()
    expect(NodeKubeClient.layerWith({ context: "x", timeout: "1 second" })).type.toBe<
      Layer.Layer<KubeClient, ConfigError | AuthError>
    >()
    expect(Pod.get("x").pipe(Effect.provide(NodeKubeClient.layer))).type.toBe<Effect.Effect<Stored<Pod>, KubeError>>()
  })

  test("each say what they need", () => {
    expect(KubeConfig.layer).type.toBe<Layer.Layer<KubeConfig, ConfigError, FileSystem.FileSystem | Path.Path>>()
    expect(Auth.layer).type.toBe<Layer.Layer<Auth, AuthError, KubeConfig | FileSystem.FileSystem>>()
    expect(Http.layer).type.toBe<Layer.Layer<Http, ConfigError, KubeConfig | Auth>>()
    expect(KubeClient.layer).type.toBe<Layer.Layer<KubeClient, never, KubeConfig | Auth | Http>>()
    expect(Auth.layerAnonymous).type.toBe<Layer.Layer<Auth>>()
    expect(Auth.layerToken(Effect.succeed(Redacted.make("t")))).type.toBe<Layer.Layer<Auth>>()
  })

  test("refuse settings that there are not", () => {
    expect(NodeKubeClient.layerWith).type.not.toBeCallableWith({ kubecontext: "x" })
    expect(Auth.layerToken).type.not.toBeCallableWith(Effect.succeed("t"))
  })
})

describe("the client", () => {
  test("sends any request, decoded where a schema is given", () => {
    expect(KubeClient.request(Request.get("/version"))).type.toBe<Effect.Effect<unknown, KubeError, KubeClient>>()
    expect(KubeClient.request(Request.get("/version"), Schema.Struct({ major: Schema.String }))).type.toBe<
      Effect.Effect<{ readonly major: string }, KubeError, KubeClient>
    >()
    expect(KubeClient.requestText(Request.get("/metrics"))).type.toBe<Effect.Effect<string, KubeError, KubeClient>>()
    expect(KubeClient.requestStream(Request.get("/x"))).type.toBe<Stream.Stream<Uint8Array, KubeError, KubeClient>>()
    expect(KubeClient.request).type.not.toBeCallableWith("/version")
  })

  test("sets defaults for a region and leaves its types alone", () => {
    expect(Pod.get("x").pipe(KubeClient.withNamespace("y"))).type.toBe<
      Effect.Effect<Stored<Pod>, KubeError, KubeClient>
    >()
    expect(KubeClient.withNamespace(Pod.get("x"), "y")).type.toBe<Effect.Effect<Stored<Pod>, KubeError, KubeClient>>()
    expect(KubeClient.withTimeout).type.toBeCallableWith("2 seconds")
    expect(KubeClient.withTimeout).type.toBeCallableWith("infinity")
    expect(KubeClient.withTimeout).type.not.toBeCallableWith("soon")
    expect(KubeClient.withDryRun).type.not.toBeCallableWith("yes")
    expect(KubeClient.withImpersonation).type.not.toBeCallableWith("jane")
  })
})
