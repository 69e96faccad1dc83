import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem, Path } from "@effect/platform"
import type { Effect } from "effect"
import { type CopyFailed, Deployment, type KubeClient, type KubeError, Pod } from "effect-kubernetes"
import type { CopyProgress, CopyResult } from "effect-kubernetes/Copy"
import { describe, expect, test } from "tstyche"

type Errors = CopyFailed | KubeError | PlatformError
type Needs = KubeClient | FileSystem.FileSystem | Path.Path

interface Bar {
  readonly show: (progress: CopyProgress) => Effect.Effect<void>
}

describe("copies", () => {
  test("are there where exec is", () => {
    expect(Pod.copyTo("p", "a", "b")).type.toBe<Effect.Effect<CopyResult, Errors, Needs>>()
    expect(Pod.copyFrom("p", "a", "b", { namespace: "n" })).type.toBe<Effect.Effect<CopyResult, Errors, Needs>>()
    expect(Deployment).type.not.toHaveProperty("copyTo")
    expect(Deployment).type.not.toHaveProperty("copyFrom")
  })

  test("fail and need what the progress fails with and needs", () => {
    const onProgress = null as unknown as (progress: CopyProgress) => Effect.Effect<void, "stop", Bar>
    expect(Pod.copyFrom("p", "a", "b", { onProgress })).type.toBeAssignableTo<
      Effect.Effect<CopyResult, Errors | "stop", unknown>
    >()
    expect(Pod.copyFrom("p", "a", "b", { onProgress })).type.not.toBeAssignableTo<
      Effect.Effect<CopyResult, Errors, unknown>
    >()
  })
})
