/** `waitFor` and its like, over the watch of a kind. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Condition, Verdict } from "../Condition.js"
import { InvalidRequest, TimeoutError, WaitFailed, type KubeError, type RequestInfo } from "../KubeError.js"
import type { KubeClient } from "../layers/KubeClient.js"
import type { CallOptions, ResourceInfo, SelectorOptions } from "../Resource.js"
import { becauseOf, cut, never, notYet, part } from "./condition.js"
import * as requests from "./requests.js"
import { withClient } from "./withClient.js"
import { first } from "./fork.js"

interface Where {
  readonly namespace?: string | undefined
  readonly allNamespaces?: boolean | undefined
}

type Selection = SelectorOptions & Where

/** `Progress` of any kind. */
interface Progress<O> {
  readonly object: O | undefined
  readonly isMet: boolean
  readonly because: string
}

/** `WatchEvent` of any kind. */
type Event<O> =
  { readonly _tag: "Added" | "Modified" | "Deleted"; readonly object: O } | { readonly _tag: "Bookmark" | "Synced" }

/** A kind as far as waiting needs it. */
export interface Watchable<O> {
  readonly resource: ResourceInfo
  /** It ends only by failing. */
  readonly watch: (
    options: Selection & { readonly decodeFailures: "fail"; readonly managedFields: true }
  ) => Stream.Stream<Event<O>, KubeError, KubeClient>
}

interface Got {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined; readonly uid: string }
}

/** Takes the last state, for the message of a timeout. */
type Note = (state: string) => void

const identityOf = (object: unknown): { readonly key: string; readonly uid: string | undefined } => {
  const { name, namespace, uid } = part(object, "metadata")
  return {
    key: typeof namespace === "string" ? `${namespace}/${String(name)}` : String(name),
    uid: typeof uid === "string" ? uid : undefined
  }
}

export const nameOf = (ref: requests.AnyRef): string =>
  typeof ref === "string" ? ref : "metadata" in ref ? ref.metadata.name : ref.name

const wontBe = ({ kind }: ResourceInfo, name: string, { description }: Condition<never, unknown>, why: string) =>
  new WaitFailed({ message: `${kind} "${name}" will not be ${description}: ${why}` })

/** The objects of a selection, from the first whole state on, each time one of them has changed. */
const states = <O>({ watch }: Watchable<O>, selection: Selection) =>
  Stream.suspend(() => {
    const objects = new Map<string, O>()
    let isSynced = false
    // One that was skipped because it cannot be decoded would be waited for in vain, or taken for gone; and a condition may
    // be about any field.
    return watch({ ...selection, decodeFailures: "fail", managedFields: true }).pipe(
      Stream.filterMap((event) => {
        switch (event._tag) {
          case "Bookmark":
            return Option.none()
          case "Synced":
            isSynced = true
            break
          case "Deleted":
            objects.delete(identityOf(event.object).key)
            break
          default:
            objects.set(identityOf(event.object).key, event.object)
        }
        return isSynced ? Option.some<ReadonlyMap<string, O>>(objects) : Option.none()
      })
    )
  })

/**
 * What one object has come to, until its condition is met; fails where it never will be. A reference with a uid means that
 * very object: what takes its name later is another one.
 */
const progressOf = <O>(
  kind: Watchable<O>,
  ref: requests.AnyRef,
  condition: Condition<O, unknown>,
  where: Where,
  note: Note
) => {
  const wanted = typeof ref === "object" && "metadata" in ref ? identityOf(ref).uid : undefined
  const name = nameOf(ref)
  return Stream.suspend(() => {
    let wasThere = false
    const verdictOf = (object: O | undefined): Verdict => {
      if (object !== undefined) return condition.check(object)
      if (condition.absent._tag !== "NotYet") return condition.absent
      if (wanted !== undefined) return never("it was deleted")
      return wasThere ? notYet("it was deleted") : condition.absent
    }
    return states(kind, { namespace: where.namespace, fields: { "metadata.name": name } }).pipe(
      Stream.mapEffect((objects): Effect.Effect<Progress<O>, KubeError> => {
        const [found] = objects.values()
        const object = wanted === undefined || identityOf(found).uid === wanted ? found : undefined
        wasThere ||= object !== undefined
        const verdict = verdictOf(object)
        const because = becauseOf(verdict)
        note(because)
        return verdict._tag === "Never"
          ? Effect.fail(wontBe(kind.resource, name, condition, because))
          : Effect.succeed({ object, isMet: verdict._tag === "Met", because })
      }),
      Stream.takeUntil(({ isMet }) => isMet)
    )
  })
}

const head = <A, R>(found: Stream.Stream<Option.Option<A>, KubeError, R>): Effect.Effect<A, KubeError, R> =>
  found.pipe(
    Stream.filterMap((each) => each),
    Stream.runHead,
    // Never `None`, since the watch below ends only by failing.
    Effect.flatMap(Option.match({ onNone: () => Effect.never, onSome: Effect.succeed }))
  )

const metOf = <O, R>(progress: Stream.Stream<Progress<O>, KubeError, R>): Effect.Effect<O | undefined, KubeError, R> =>
  head(Stream.map(progress, ({ isMet, object }) => (isMet ? Option.some(object) : Option.none())))

const judged = <O>(objects: ReadonlyMap<string, O>, { check }: Condition<O, unknown>) =>
  Array.from(objects, ([name, object]) => ({ name, object, verdict: check(object) }))

/** How those are that do not meet it; the first few of them. */
const stateOf = (judgements: ReadonlyArray<{ readonly name: string; readonly verdict: Verdict }>): string => {
  if (judgements.length === 0) return "there is none"
  const open = judgements.filter(({ verdict }) => verdict._tag !== "Met")
  const shown = open.slice(0, 5).map(({ name, verdict }) => `${name}: ${cut(becauseOf(verdict))}`)
  return open.length > 5 ? `${shown.join("; ")}; and ${open.length - 5} more` : shown.join("; ")
}

const all = <O>(kind: Watchable<O>, selection: Selection, condition: Condition<O, unknown>, note: Note) =>
  head(
    Stream.mapEffect(states(kind, selection), (objects) => {
      const judgements = judged(objects, condition)
      const hopeless = judgements.find(({ verdict }) => verdict._tag === "Never")
      if (hopeless !== undefined) {
        return Effect.fail(wontBe(kind.resource, hopeless.name, condition, becauseOf(hopeless.verdict)))
      }
      note(stateOf(judgements))
      const isMet =
        judgements.length === 0
          ? condition.absent._tag === "Met"
          : judgements.every(({ verdict }) => verdict._tag === "Met")
      return Effect.succeed(isMet ? Option.some(judgements.map(({ object }) => object)) : Option.none())
    })
  )

/** Waits for an object that was got before, with its uid. */
export const same = <O>(
  kind: Watchable<O>,
  object: O & Got,
  condition: Condition<O>,
  note: Note
): Effect.Effect<O, KubeError, KubeClient> =>
  head(
    Stream.map(progressOf(kind, object, condition, object.metadata, note), ({ isMet, object }) =>
      isMet && object !== undefined ? Option.some(object) : Option.none()
    )
  )

/** One that cannot meet it is no failure here: another one may, or one that is made later. */
export const any = <O>(kind: Watchable<O>, selection: Selection, condition: Condition<O, unknown>, note: Note) =>
  head(
    Stream.map(states(kind, selection), (objects) => {
      const judgements = judged(objects, condition)
      note(stateOf(judgements))
      const found = judgements.find(({ verdict }) => verdict._tag === "Met")
      return found === undefined ? Option.none() : Option.some(found.object)
    })
  )

/** What is waited for, as errors tell it. */
interface Target extends RequestInfo {
  /** `Pod "a" is not ready`. */
  readonly complaint: string
}

/** The time limit of a wait, and the error of its end, which says how things were last. */
const limitOf = ({ complaint, ...info }: Target, { timeout }: CallOptions) =>
  withClient((client, env) =>
    Effect.sync(() => {
      const wanted = timeout ?? env.timeout ?? client.timeout
      if (wanted === "infinity") return { note: () => undefined, late: Effect.never }
      const limit = Duration.decode(wanted)
      let last = "the server has not answered yet"
      return {
        note: (state: string) => {
          last = state
        },
        late: Effect.zipRight(
          Effect.sleep(limit),
          Effect.suspend(() => new TimeoutError({ ...info, timeout: limit, last: `${complaint}: ${last}` }))
        )
      }
    })
  )

/** Waits, but no longer than the options say. */
export const limited = <A>(
  target: Target,
  options: CallOptions,
  wait: (note: Note) => Effect.Effect<A, KubeError, KubeClient>
): Effect.Effect<A, KubeError, KubeClient> =>
  Effect.flatMap(limitOf(target, options), ({ late, note }) => first(wait(note), late))

export const make = <O>(kind: Watchable<O>) => {
  const { resource } = kind

  const targetOf = (
    complaint: string,
    { problem }: Condition<never, unknown>,
    requestOf: (env: requests.Environment) => requests.Built
  ) =>
    withClient((_, env) =>
      Effect.gen(function* () {
        if (problem !== undefined) return yield* new InvalidRequest({ message: problem })
        const { about, method, path } = yield* requestOf(env)
        return {
          complaint,
          method,
          path,
          kind: resource.kind,
          namespace: about?.namespace,
          objectName: about?.name,
          verb: "watch"
        }
      })
    )

  const waitForStream = (
    ref: requests.AnyRef,
    condition: Condition<O, unknown>,
    { timeout, ...where }: CallOptions & Where = {}
  ): Stream.Stream<Progress<O>, KubeError, KubeClient> =>
    Stream.unwrap(
      Effect.gen(function* () {
        const complaint = `${resource.kind} "${nameOf(ref)}" is not ${condition.description}`
        const target = yield* targetOf(complaint, condition, (env) => requests.get(resource, env, ref, where))
        const { late, note } = yield* limitOf(target, { timeout })
        return progressOf(kind, ref, condition, { namespace: target.namespace }, note).pipe(Stream.interruptWhen(late))
      })
    )

  const waitFor = (
    ref: requests.AnyRef,
    condition: Condition<O, unknown>,
    options?: CallOptions & Where
  ): Effect.Effect<O | undefined, KubeError, KubeClient> => metOf(waitForStream(ref, condition, options))

  const ofSelection =
    <A>(
      complaintOf: (condition: Condition<O, unknown>) => string,
      wait: (
        kind: Watchable<O>,
        selection: Selection,
        condition: Condition<O, unknown>,
        note: Note
      ) => Effect.Effect<A, KubeError, KubeClient>
    ) =>
    (
      selection: Selection,
      condition: Condition<O, unknown>,
      options: CallOptions = {}
    ): Effect.Effect<A, KubeError, KubeClient> =>
      Effect.flatMap(
        targetOf(complaintOf(condition), condition, (env) => requests.watch(resource, env, selection)),
        (target) => limited(target, options, (note) => wait(kind, selection, condition, note))
      )

  return {
    waitFor,
    waitForStream,
    waitForAll: ofSelection(({ description }) => `not every ${resource.kind} is ${description}`, all),
    waitForAny: ofSelection(({ description }) => `no ${resource.kind} is ${description}`, any)
  }
}
