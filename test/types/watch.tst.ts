import type { Stream } from "effect"
import { type KubeClient, type KubeError, Pod, type Stored, type WatchEvent } from "effect-kubernetes"
import { describe, expect, test } from "tstyche"

describe("a watch", () => {
  test("is a stream of events", () => {
    expect(Pod.watch()).type.toBe<Stream.Stream<WatchEvent<Pod>, KubeError, KubeClient>>()
    expect(Pod.watch).type.toBeCallableWith({
      sendInitialEvents: true,
      allowWatchBookmarks: false,
      resourceVersion: "5"
    })
    expect(Pod.watch).type.not.toBeCallableWith({ limit: 5 })
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
