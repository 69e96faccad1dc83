import type { Stream } from "effect"
import { type KubeClient, type KubeError, Pod, type Stored, type WatchEvent } from "effect-kubernetes"
import type { Undecodable } from "effect-kubernetes/Watch"
import { describe, expect, test } from "tstyche"

describe("a watch", () => {
  test("is a stream of events", () => {
    expect(Pod.watch()).type.toBe<Stream.Stream<WatchEvent<Pod>, KubeError, KubeClient>>()
    expect(Pod.watch).type.toBeCallableWith({ sendInitialEvents: true, limit: 5, idle: "1 minute" })
    expect(Pod.watch).type.toBeCallableWith({ resume: false, allowWatchBookmarks: false, resourceVersion: "5" })
    // What only the single connection has, and what only the other one has.
    expect(Pod.watch).type.not.toBeCallableWith({ allowWatchBookmarks: false })
    expect(Pod.watch).type.not.toBeCallableWith({ resume: false, limit: 5 })
  })

  test("tells of objects that cannot be decoded only when asked to", () => {
    expect(Pod.watch({ decodeFailures: "event" })).type.toBe<
      Stream.Stream<WatchEvent<Pod> | Undecodable, KubeError, KubeClient>
    >()
    expect(Pod.watch({ decodeFailures: "skip" })).type.toBe<Stream.Stream<WatchEvent<Pod>, KubeError, KubeClient>>()
  })

  test("has events that narrow by tag", () => {
    const look = (event: WatchEvent<Pod>) => {
      switch (event._tag) {
        case "Added":
        case "Modified":
        case "Deleted":
          return expect(event.object).type.toBe<Stored<Pod>>()
        case "Bookmark":
        case "Synced":
          expect(event).type.not.toHaveProperty("object")
          return expect(event.resourceVersion).type.toBe<string>()
        default:
          return expect(event).type.toBe<never>()
      }
    }
    expect(look).type.toBeCallableWith({ _tag: "Synced", resourceVersion: "5" })
    expect(look).type.not.toBeCallableWith({ _tag: "Error" })
    // Not every event has an object.
    expect<WatchEvent<Pod>>().type.not.toHaveProperty("object")
  })
})
