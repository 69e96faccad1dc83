/** The state of one cluster, and how those that wait learn of its changes. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { State } from "./store.js"

interface Version {
  readonly state: State
  /** Done when there is another version. */
  readonly passed: Deferred.Deferred<void>
}

export interface Cell {
  readonly get: Effect.Effect<State>
  /** One transition: nothing comes between reading and writing. */
  readonly modify: <A>(f: (state: State) => readonly [A, State]) => Effect.Effect<A>
  /** Done when the state is another than this one. */
  readonly changed: (from: State) => Effect.Effect<void>
}

/** The same cell, where something follows from every write in the same transition. */
export const following = (cell: Cell, follow: Effect.Effect<(before: State, after: State) => State>): Cell => ({
  ...cell,
  modify: (f) =>
    Effect.flatMap(follow, (settle) =>
      cell.modify((state) => {
        const [result, next] = f(state)
        return [result, next === state ? next : settle(state, next)]
      })
    )
})

export const make = (initial: State): Effect.Effect<Cell> =>
  Effect.gen(function* () {
    const ref = yield* Ref.make<Version>({ state: initial, passed: yield* Deferred.make<void>() })
    return {
      get: Effect.map(Ref.get(ref), ({ state }) => state),
      modify: <A>(f: (state: State) => readonly [A, State]) =>
        Effect.flatMap(Deferred.make<void>(), (passed) =>
          Effect.uninterruptible(
            Effect.flatten(
              Ref.modify(ref, (version): [Effect.Effect<A>, Version] => {
                const [result, state] = f(version.state)
                return state === version.state
                  ? [Effect.succeed(result), version]
                  : [Effect.as(Deferred.succeed(version.passed, undefined), result), { state, passed }]
              })
            )
          )
        ),
      changed: (from) =>
        Effect.flatMap(Ref.get(ref), ({ passed, state }) => (state === from ? Deferred.await(passed) : Effect.void))
    }
  })
