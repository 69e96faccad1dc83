/**
 * Runs the controllers: one after the other, each until it has nothing left to do, so that the same test has the same history
 * each time. Nothing polls: a change of the cluster starts them, or a time on the Clock that one of them asked for.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { PCGRandom } from "effect/Utils"
import type { Cell } from "../cell.js"
import type { State } from "../store.js"
import { turn, type Controller } from "./api.js"

/** A controller, what it is called as a user, and what has to be done after its turns. */
export interface Part {
  readonly controller: Controller
  readonly user: string
  /** Runs after a pass: what of it is no matter of state. True if it has changed what the controller goes by. */
  readonly after?: Effect.Effect<boolean> | undefined
  /** Done when something outside of the state wants a turn. */
  readonly called?: Effect.Effect<void> | undefined
}

export interface Driver {
  /** Runs what is to be done now; done when nothing is. */
  readonly settled: Effect.Effect<void>
}

/** A turn's fixed point is far below this; controllers that undo each other's work never reach one. */
const mostTurns = 20_000

interface Seen {
  state: State | undefined
  due: number
}

const sees = ({ watches }: Controller, before: State | undefined, state: State): boolean =>
  before === undefined ||
  (watches === "everything"
    ? before.objects !== state.objects
    : watches.some((resource) => resourceIn(before, resource) !== resourceIn(state, resource)))

const resourceIn = ({ objects }: State, resource: string) => Option.getOrUndefined(HashMap.get(objects, resource))

export const make = (
  cell: Cell,
  parts: ReadonlyArray<Part>,
  random: PCGRandom
): Effect.Effect<Driver, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lock = yield* Effect.makeSemaphore(1)
    const seen = new Map<Part, Seen>(parts.map((part) => [part, { state: undefined, due: Infinity }]))

    /** The first controller with something to do has its turn; false if there is none. */
    const step = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      for (const [part, known] of seen) {
        const { controller, user } = part
        const changed = yield* cell.modify((state): readonly [boolean, State] => {
          if (known.due > now && !sees(controller, known.state, state)) return [false, state]
          const { due, state: next } = turn(state, controller, { user, now, random })
          known.due = due
          // What it did itself may be reason for another turn.
          known.state = state
          return [next !== state, next]
        })
        if (changed) return true
      }
      return false
    })
    const quiet: Effect.Effect<void> = Effect.gen(function* () {
      let turns = 0
      while (yield* step) {
        if (++turns > mostTurns) {
          return yield* Effect.dieMessage(
            `TestCluster: the controllers ${parts.map(({ controller }) => controller.name).join(", ")} do not come to rest; does something undo what they do?`
          )
        }
        // Watches see a long history as it is made.
        yield* Effect.yieldNow()
      }
    })
    const pass: Effect.Effect<void> = Effect.gen(function* () {
      yield* quiet
      let again = false
      for (const [part, known] of seen) {
        if (part.after !== undefined && (yield* part.after)) {
          known.state = undefined
          again = true
        }
      }
      if (again) yield* pass
    })
    const settled = lock.withPermits(1)(pass)

    const wait = Effect.gen(function* () {
      const state = yield* cell.get
      const now = yield* Clock.currentTimeMillis
      const known = [...seen.values()]
      const due = Math.min(...known.map((each) => each.due))
      if (due <= now || [...seen].some(([{ controller }, each]) => sees(controller, each.state, state))) return
      const called = parts.flatMap((part) => (part.called === undefined ? [] : [part.called]))
      yield* Effect.raceAll([
        cell.changed(state),
        ...called,
        ...(due === Infinity ? [] : [Effect.sleep(Duration.millis(due - now))])
      ])
    })
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(settled, wait)))
    return { settled }
  })
