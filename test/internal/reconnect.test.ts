/** What a watch does next: the machine without any I/O. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck as fc } from "effect"
import {
  BadRequest,
  ConfigError,
  DecodeError,
  Expired,
  Forbidden,
  Gone,
  Invalid,
  NotFound,
  ServiceUnavailable,
  TooManyRequests,
  TransportError,
  Unauthorized,
  type KubeError
} from "effect-kubernetes/KubeError"
import {
  arrived,
  broken,
  initial,
  type Command,
  type Start,
  type State,
  type Step
} from "../../src/internal/reconnect.js"

const about = { method: "GET", path: "/api/v1/pods", kind: "Pod", resource: "pods", verb: "watch" } as const
const api = (code: number, reason: string) => ({
  ...about,
  code,
  namespace: undefined,
  name: undefined,
  status: { status: "Failure" as const, code, reason },
  retryAfter: undefined
})
const transport = (reason: TransportError["reason"]) =>
  new TransportError({ reason, description: "made to fail", method: "GET", path: "/api/v1/pods", server: "https://a" })

const expired = new Expired(api(410, "Expired"))
const gone = new Gone(api(410, "Gone"))
const forbidden = new Forbidden(api(403, "Forbidden"))
const unauthorized = new Unauthorized(api(401, "Unauthorized"))
const missing = new NotFound(api(404, "NotFound"))
const invalid = new Invalid(api(422, "Invalid"))
const bad = new BadRequest(api(400, "BadRequest"))
const unavailable = new ServiceUnavailable(api(503, "ServiceUnavailable"))
const throttled = new TooManyRequests({ ...api(429, "TooManyRequests"), retryAfter: Duration.seconds(5) })
const reset = transport("Reset")
const tls = transport("Tls")
const damaged = new DecodeError({ ...about, namespace: undefined, objectName: undefined, at: "", problem: "damaged" })
const config = new ConfigError({ message: "made to fail" })

const list: Start = { _tag: "List" }
const events: Start = { _tag: "InitialEvents" }
const after7: Start = { _tag: "After", resourceVersion: "7" }

const after = (resourceVersion: string): Command => ({ _tag: "Watch", resourceVersion, initial: false })
const fromStart: Command = { _tag: "Watch", resourceVersion: undefined, initial: true }
const whole: Command = { _tag: "List", continue: undefined, paged: true }
const unpaged: Command = { _tag: "List", continue: undefined, paged: false }

const seen = (resourceVersion: string) => (state: State) => arrived(state, { _tag: "Seen", resourceVersion })
const synced = (resourceVersion: string) => (state: State) => arrived(state, { _tag: "Synced", resourceVersion })
const page = (resourceVersion: string, next?: string) => (state: State) =>
  arrived(state, { _tag: "Page", resourceVersion, continue: next })
const stateOf = (step: Step): State => {
  assert(step._tag === "Go")
  return step.state
}
const opened = (state: State) => arrived(state, { _tag: "Opened" })
const fail = (error: KubeError) => (state: State) => stateOf(broken(state, { _tag: "Failed", error }))
const end = (hasty?: KubeError) => (state: State) => stateOf(broken(state, { _tag: "Ended", hasty }))

const run = (start: Start, ...signals: ReadonlyArray<(state: State) => State>): State =>
  signals.reduce((state, signal) => signal(state), initial(start))

/** What follows on an error, in words. */
const then = (state: State, error: KubeError | undefined, hasty?: KubeError) => {
  const step = broken(state, error === undefined ? { _tag: "Ended", hasty } : { _tag: "Failed", error })
  return step._tag === "Fail"
    ? "fails"
    : [step.pause === undefined ? "at once" : step.pause.fresh ? "short pause" : "pause", step.state.command]
}

const running = run(list, page("5"), opened, seen("9"))

describe("what a watch does next", () => {
  it("begins as it was asked to", () => {
    assert.deepStrictEqual(run(list).command, whole)
    assert.deepStrictEqual(run(events).command, fromStart)
    assert.deepStrictEqual(run(after7).command, after("7"))
  })

  it("pages through the list, and watches from its version on", () => {
    assert.deepStrictEqual(run(list, page("5", "more")).command, { _tag: "List", continue: "more", paged: true })
    assert.deepStrictEqual(run(list, page("5", "more"), page("5")).command, after("5"))
  })

  it("goes on from the last version that it saw", () => {
    assert.deepStrictEqual(run(list, page("5"), seen("6"), seen("9")).command, after("9"))
    assert.deepStrictEqual(run(events, seen("6")).command, fromStart)
    assert.deepStrictEqual(run(events, seen("6"), synced("8")).command, after("8"))
    // Whoever gives no version says nothing about where to go on.
    assert.deepStrictEqual(run(list, page("5"), seen("")).command, after("5"))
  })

  const listed = run(list, page("5"))

  it("an end, after which it goes on", () => {
    assert.deepStrictEqual(then(listed, undefined), ["at once", after("5")])
    assert.deepStrictEqual(then(running, undefined), ["at once", after("9")])
    // It brought something, so the next one may begin at once; but only once.
    assert.deepStrictEqual(then(running, undefined, reset), ["at once", after("9")])
    assert.deepStrictEqual(then(end(reset)(running), undefined, reset), ["short pause", after("9")])
    assert.deepStrictEqual(then(listed, undefined, reset), ["pause", after("5")])
    // A pause has been made instead.
    assert.deepStrictEqual(then(fail(reset)(running), undefined, reset), ["pause", after("9")])
    // One that lasted is progress, even if it brought nothing.
    assert.deepStrictEqual(then(run(list, page("5"), fail(reset), end()), reset), ["short pause", after("5")])
    // The same version again is no progress (a server that sends one bookmark and hangs up).
    assert.deepStrictEqual(then(seen("9")(end(reset)(running)), undefined, reset), ["short pause", after("9")])
  })

  it("what passes: a pause, and the same again", () => {
    for (const error of [reset, unavailable, throttled]) {
      assert.deepStrictEqual(then(initial(list), error), ["pause", whole])
      assert.deepStrictEqual(then(listed, error), ["pause", after("5")])
      assert.deepStrictEqual(then(running, error), ["short pause", after("9")])
      assert.deepStrictEqual(then(fail(error)(running), error), ["pause", after("9")])
      assert.deepStrictEqual(then(run(list, page("5", "more")), error), [
        "pause",
        { _tag: "List", continue: "more", paged: true }
      ])
    }
  })

  it("a version that is forgotten: all anew, at once where there was progress", () => {
    for (const error of [expired, gone]) {
      assert.deepStrictEqual(then(running, error), ["at once", whole])
      assert.deepStrictEqual(then(end()(running), error), ["at once", whole])
      assert.deepStrictEqual(then(listed, error), ["pause", whole])
      assert.deepStrictEqual(then(page("9")(fail(error)(running)), error), ["short pause", whole])
      assert.deepStrictEqual(then(run(events, synced("8")), error), ["at once", fromStart])
      // Nobody could tell what has changed meanwhile.
      assert.strictEqual(then(initial(after7), error), "fails")
      assert.strictEqual(then(run(after7, seen("9")), error), "fails")
    }
  })

  it("the version of a list that goes while its pages are read: all of it in one", () => {
    assert.deepStrictEqual(then(run(list, page("5", "more")), expired), ["at once", unpaged])
    assert.deepStrictEqual(then(fail(expired)(run(list, page("5", "more"))), expired), ["pause", whole])
    assert.deepStrictEqual(then(run(events, fail(reset), page("5", "more")), expired), ["at once", unpaged])
  })

  it("what is refused: the end until a watch has been accepted, a pause later", () => {
    for (const error of [forbidden, unauthorized, missing, bad, tls]) {
      assert.strictEqual(then(initial(list), error), "fails")
      assert.strictEqual(then(fail(reset)(initial(list)), error), "fails")
      // Who may list but not watch learns it at once.
      assert.strictEqual(then(listed, error), "fails")
      assert.strictEqual(then(run(list, page("5"), fail(reset), end(reset)), error), "fails")
      assert.strictEqual(then(initial(after7), error), "fails")
      // It may have said nothing before it broke.
      assert.deepStrictEqual(then(opened(listed), error), ["pause", after("5")])
      assert.deepStrictEqual(then(run(after7, opened, fail(reset)), error), ["pause", after("7")])
      assert.deepStrictEqual(then(run(events, opened, fail(reset)), error), ["pause", whole])
      if (error !== bad) assert.deepStrictEqual(then(run(events, opened), error), ["pause", whole])
      // A list that is refused after a 410.
      assert.deepStrictEqual(then(fail(gone)(running), error), ["short pause", whole])
      let state = running
      for (let refusal = 1; refusal < 100; refusal++) {
        assert.deepStrictEqual(then(state, error), [refusal === 1 ? "short pause" : "pause", after("9")])
        state = fail(error)(state)
      }
    }
    assert.strictEqual(then(running, config), "fails")
  })

  it("a bookmark of the version that is known is no progress", () => {
    for (const version of ["5", ""]) {
      assert.deepStrictEqual(then(seen(version)(opened(listed)), reset), ["pause", after("5")])
    }
  })

  it("a server that cannot send the initial objects: a list instead", () => {
    for (const error of [invalid, bad]) {
      assert.deepStrictEqual(then(initial(events), error), ["at once", whole])
      const state = run(events, fail(error), page("5"), seen("9"))
      assert.deepStrictEqual(then(state, expired), ["at once", whole])
    }
    // It takes the option for none of its own and never says that all has come; or it breaks off on the way.
    assert.deepStrictEqual(then(run(events, seen("6")), undefined), ["at once", whole])
    assert.deepStrictEqual(then(run(events, seen("6")), reset), ["pause", whole])
    assert.deepStrictEqual(then(run(events, seen("6")), undefined, reset), ["pause", whole])
    // The next time it may well work.
    assert.deepStrictEqual(then(run(events, fail(reset), page("5"), seen("9")), expired), ["at once", fromStart])
  })

  it("a server that forgets without saying so (kubernetes#104171): a list after three tries", () => {
    const twice = run(list, page("5"), end(reset), end(reset))
    assert.deepStrictEqual(then(twice, undefined, reset), ["pause", whole])
    assert.deepStrictEqual(then(run(list, page("5"), fail(damaged), fail(damaged)), damaged), ["pause", whole])
    // Then it has three tries again.
    const anew = run(list, page("5"), end(reset), end(reset), end(reset), page("6"), end(reset))
    assert.deepStrictEqual(then(anew, undefined, reset), ["pause", after("6")])
    // Damaged pages say nothing about versions.
    const pages = run(list, page("5", "more"), fail(damaged), fail(damaged))
    assert.deepStrictEqual(then(pages, damaged), ["pause", { _tag: "List", continue: "more", paged: true }])
    // What came in between counts.
    const between = run(list, page("5"), end(reset), end(reset), seen("6"), end(reset), end(reset))
    assert.deepStrictEqual(then(between, undefined, reset), ["pause", after("6")])
    // So does one that lasted, and the next one may end at once.
    const lasted = run(list, page("5"), end(reset), end(reset), end(), end(reset), end(reset))
    assert.deepStrictEqual(then(lasted, undefined, reset), ["pause", after("5")])
    // A connection that breaks says nothing about versions: it would list as often as it breaks.
    const broke = run(list, page("5"), fail(reset), fail(reset), fail(reset), fail(reset))
    assert.deepStrictEqual(broke.command, after("5"))
    let state = initial(after7)
    for (let futile = 1; futile < 10; futile++) state = end(reset)(state)
    assert.strictEqual(then(state, undefined, reset), "fails")
  })
})

// ---------------------------------------------------------------------------------------------------------------------

const anyStart = fc.constantFrom(list, events, after7)
const anyError = fc.constantFrom<KubeError>(
  expired,
  gone,
  forbidden,
  unauthorized,
  missing,
  invalid,
  bad,
  unavailable,
  throttled,
  reset,
  tls,
  damaged,
  config
)
type Happening =
  | { readonly _tag: "Arrive"; readonly last: boolean }
  | { readonly _tag: "Known" }
  | { readonly _tag: "End"; readonly hasty: boolean }
  | { readonly _tag: "Error"; readonly error: KubeError }
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ _tag: fc.constant("Arrive" as const), last: fc.boolean() }),
  fc.constant({ _tag: "Known" } as const),
  fc.record({ _tag: fc.constant("End" as const), hasty: fc.boolean() }),
  fc.record({ _tag: fc.constant("Error" as const), error: anyError })
)

/** What can happen to a command. Versions grow. */
const react = (
  state: State,
  it: Happening,
  version: number
): { readonly step: Step; readonly progress: boolean; readonly quiet: boolean } => {
  const { command } = state
  const went = (next: State, progress = true) => ({
    step: { _tag: "Go", state: next } as const,
    progress,
    quiet: false
  })
  switch (it._tag) {
    case "Error":
      return { step: broken(state, { _tag: "Failed", error: it.error }), progress: false, quiet: true }
    case "End":
      // A list is answered or fails.
      return command._tag === "List"
        ? went(state, false)
        : {
            step: broken(state, { _tag: "Ended", hasty: it.hasty ? reset : undefined }),
            // It has at least taken a while.
            progress: !it.hasty,
            quiet: true
          }
    case "Known":
      return went(
        command._tag === "Watch" && command.resourceVersion !== undefined
          ? seen(command.resourceVersion)(state)
          : state,
        false
      )
    case "Arrive":
      // A list by itself is no progress: list and watch could fail in turns for ever.
      if (command._tag === "List") return went(page(String(version), it.last ? undefined : "more")(state), false)
      return command.initial && it.last
        ? went(synced(String(version))(state))
        : went(seen(String(version))(state), !command.initial)
  }
}

describe("whatever happens", () => {
  const walk = (
    check: (
      before: State,
      step: Step,
      it: Happening,
      context: { readonly progress: boolean; readonly quiet: boolean }
    ) => void
  ) =>
    fc.assert(
      fc.property(anyStart, fc.array(happening, { maxLength: 60 }), (start, happenings) => {
        let state = initial(start)
        for (const [index, it] of happenings.entries()) {
          const { progress, quiet, step } = react(state, it, 100 + index)
          check(state, step, it, { progress, quiet })
          if (step._tag === "Fail") return
          state = step.state
        }
      }),
      { numRuns: 2000 }
    )

  it("without progress it begins at most three commands between two pauses", () => {
    fc.assert(
      fc.property(anyStart, fc.array(happening, { maxLength: 60 }), (start, happenings) => {
        let state = initial(start)
        let begun = 0
        for (const [index, it] of happenings.entries()) {
          const { progress, quiet, step } = react(state, it, 100 + index)
          if (step._tag === "Fail") return
          if (progress || step.pause !== undefined) begun = 0
          else if (quiet) begun++
          // A watch of initial objects that is refused, a list whose pages expire, the same in one.
          assert.isAtMost(begun, 3, JSON.stringify(it))
          state = step.state
        }
      }),
      { numRuns: 5000 }
    )
  })

  it("one that began after a version never lists, nor asks for all objects", () =>
    walk((before, step) => {
      if (before.start._tag !== "After" || step._tag === "Fail") return
      assert.strictEqual(step.state.command._tag, "Watch")
      assert.isFalse(step.state.command._tag === "Watch" && step.state.command.initial)
    }))

  it("a watch goes on from the last version, or all begins anew: no version in between", () => {
    assert.deepStrictEqual(then(running, reset), ["short pause", after("9")])
    walk((before, step, it) => {
      if (step._tag === "Fail" || before.command._tag !== "Watch" || it._tag === "Arrive") return
      const { command } = step.state
      if (command._tag === "Watch" && !command.initial) assert.deepStrictEqual(command, before.command)
      else if (command._tag === "List") assert.isUndefined(command.continue)
    })
  })

  it("only what asks for a list again gets one: connections that break go on where they were", () =>
    walk((before, step, it) => {
      if (it._tag !== "Error" || step._tag === "Fail") return
      const breaks = it.error === reset || it.error === unavailable || it.error === throttled
      if (breaks && !(before.command._tag === "Watch" && before.command.initial)) {
        assert.deepStrictEqual(step.state.command, before.command)
      }
    }))

  it("every error but those that end it is followed by a pause, or costs the credit of some progress", () =>
    walk((before, step, it) => {
      if (it._tag !== "Error" || step._tag === "Fail" || step.pause !== undefined) return
      const fallback =
        before.command._tag === "Watch" && before.command.initial && (it.error === invalid || it.error === bad)
      const pages = before.command._tag === "List" && before.command.continue !== undefined
      assert.isTrue((before.credit && !step.state.credit) || fallback || pages)
    }))

  it("a fault of the configuration ends it", () => {
    walk((_, step, it) => {
      if (it._tag === "Error" && it.error === config) assert.strictEqual(step._tag, "Fail")
    })
    assert.strictEqual(then(running, config), "fails")
  })
})
