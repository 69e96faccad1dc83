import { Effect, type Option, Stream } from "effect"
import {
  type ApiError,
  type KubeClient,
  type KubeError,
  type List,
  Node,
  type NotFound,
  Pod,
  type Stored
} from "effect-kubernetes"
import type { StoredStatus } from "effect-kubernetes/resources/MetaV1"
import { describe, expect, test } from "tstyche"

describe("the error channel", () => {
  test("is KubeError, the requirement is KubeClient", () => {
    expect(Pod.get("x")).type.toBe<Effect.Effect<Stored<Pod>, KubeError, KubeClient>>()
    expect(Pod.getOption("x")).type.toBe<Effect.Effect<Option.Option<Stored<Pod>>, KubeError, KubeClient>>()
    expect(Pod.exists("x")).type.toBe<Effect.Effect<boolean, KubeError, KubeClient>>()
    expect(Pod.list()).type.toBe<Effect.Effect<List<Stored<Pod>>, KubeError, KubeClient>>()
    expect(Pod.stream()).type.toBe<Stream.Stream<Stored<Pod>, KubeError, KubeClient>>()
    expect(Pod.delete("x")).type.toBe<Effect.Effect<Stored<Pod> | StoredStatus, KubeError, KubeClient>>()
    expect(Pod.evict("x")).type.toBe<Effect.Effect<StoredStatus, KubeError, KubeClient>>()
    expect(Node.get("x")).type.toBe<Effect.Effect<Stored<Node>, KubeError, KubeClient>>()
  })

  test("has one tag for each reason", () => {
    expect<KubeError["_tag"]>().type.toBe<
      | "BadRequest"
      | "Unauthorized"
      | "Forbidden"
      | "NotFound"
      | "MethodNotAllowed"
      | "NotAcceptable"
      | "AlreadyExists"
      | "Conflict"
      | "Gone"
      | "Expired"
      | "RequestEntityTooLarge"
      | "UnsupportedMediaType"
      | "Invalid"
      | "TooManyRequests"
      | "InternalError"
      | "ServiceUnavailable"
      | "ServerTimeout"
      | "StoreReadError"
      | "Timeout"
      | "UnexpectedStatus"
      | "TransportError"
      | "DecodeError"
      | "TimeoutError"
      | "WaitFailed"
      | "PortForwardError"
      | "AuthError"
      | "ConfigError"
      | "InvalidRequest"
    >()
  })

  test("loses a tag that is caught", () => {
    const found = Pod.get("x").pipe(
      Effect.catchTag("NotFound", (error) => {
        expect(error).type.toBe<NotFound>()
        return Effect.succeed(undefined)
      })
    )
    expect(found).type.toBe<Effect.Effect<Stored<Pod> | undefined, Exclude<KubeError, NotFound>, KubeClient>>()
    expect<Effect.Effect.Error<typeof found>["_tag"]>().type.not.toBeAssignableFrom<"NotFound">()
    expect<Effect.Effect.Error<typeof found>["_tag"]>().type.toBeAssignableFrom<"Forbidden">()
  })

  test("loses several", () => {
    const left = Pod.get("x").pipe(
      Effect.catchTags({ NotFound: () => Effect.succeed(1), Forbidden: () => Effect.succeed(2) })
    )
    expect<Effect.Effect.Error<typeof left>["_tag"]>().type.not.toBeAssignableFrom<"NotFound" | "Forbidden">()
    expect<Effect.Effect.Error<typeof left>>().type.toBe<
      Exclude<KubeError, { readonly _tag: "NotFound" | "Forbidden" }>
    >()
  })

  test("knows no other tag", () => {
    // @ts-expect-error '"NotThere"'
    Pod.get("x").pipe(Effect.catchTag("NotThere", () => Effect.void))
  })

  test("carries the Status with every reason", () => {
    expect<ApiError["code"]>().type.toBe<number>()
    expect<ApiError["path"]>().type.toBe<string>()
    expect<ApiError["status"]["reason"]>().type.toBeAssignableTo<string | undefined>()
    expect<Extract<KubeError, { readonly _tag: "TransportError" }>>().type.not.toHaveProperty("status")
  })

  test("of a stream narrows too", () => {
    const pods = Pod.stream().pipe(Stream.catchTag("Expired", () => Stream.empty))
    expect<Stream.Stream.Error<typeof pods>["_tag"]>().type.not.toBeAssignableFrom<"Expired">()
  })
})
