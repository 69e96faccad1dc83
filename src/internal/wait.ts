/** `waitFor` and its like, over the watch of a kind. */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Condition, Verdict } from "../Condition.js"
import { InvalidRequest, TimeoutError, WaitFailed, type KubeError } from "../KubeError.js"
import type { KubeClient } from "../layers/KubeClient.js"
import type { CallOptions, ResourceInfo, SelectorOptions } from "../Resource.js"
import type { WatchEvent } from "../Watch.js"
import type { AnyRef } from "./requests.js"
import { withClient } from "./withClient.js"

interface Where {
  readonly namespace?: string | undefined
  readonly allNamespaces?: boolean | undefined
}

/** `Progress` of a kind that is not known here. */
interface Progress {
  readonly object: unknown
  readonly isMet: boolean
  readonly because: string
}

type AnyCondition = Condition<unknown, unknown>

/** A kind as far as waiting needs it. */
interface Watchable {
  readonly resource: ResourceInfo
  readonly watch: (options: SelectorOptions & Where) => Stream.Stream<WatchEvent<unknown>, KubeError, KubeClient>
}

const partsOf = (ref: AnyRef): { readonly name: string; readonly namespace?: string | undefined } =>
  typeof ref === "string" ? { name: ref } : "metadata" in ref ? ref.metadata : ref

const nameOf = (object: unknown): string => {
  // Every stored object has a name.
  const { name, namespace } = (object as { readonly metadata: { readonly name: string; readonly namespace?: string } })
    .metadata
  return namespace === undefined ? name : `${namespace}/${name}`
}

const becauseOf = (verdict: Verdict): string => (verdict._tag === "Met" ? "" : verdict.because)

/** What one object has come to, until its condition is met; fails where it never will be. */
const progressOf = (
  { resource, watch }: Watchable,
  ref: AnyRef,
  { absent, check, description }: AnyCondition,
  options: Where
): Stream.Stream<Progress, KubeError, KubeClient> => {
  const { name, namespace } = partsOf(ref)
  if (name === "")
    return Stream.fail(new InvalidRequest({ message: `the name of a ${resource.kind} may not be empty` }))
  const where = namespace === undefined ? options : { ...options, namespace }
  const what = `${resource.kind} "${name}"`
  return Stream.suspend(() => {
    let isSynced = false
    let object: unknown
    return watch({ ...where, fields: { "metadata.name": name } }).pipe(
      Stream.filterMapEffect((event) => {
        switch (event._tag) {
          case "Added":
          case "Modified":
            object = event.object
            break
          case "Deleted":
            object = undefined
            break
          case "Synced":
            isSynced = true
            // The object that is there has been looked at.
            if (object !== undefined) return Option.none()
            break
          case "Bookmark":
            return Option.none()
        }
        // A list in pages may name the object later.
        if (object === undefined && !isSynced) return Option.none()
        const verdict = object === undefined ? absent : check(object)
        return Option.some(
          verdict._tag === "Never"
            ? Effect.fail(new WaitFailed({ message: `${what} will not be ${description}: ${verdict.because}` }))
            : Effect.succeed<Progress>({
                object,
                isMet: verdict._tag === "Met",
                because: becauseOf(verdict)
              })
        )
      }),
      Stream.takeUntil(({ isMet }) => isMet)
    )
  })
}

/** Adds the time limit of a call, which says how things were last. */
const limited = <A>(
  complaint: string,
  resource: ResourceInfo,
  options: CallOptions,
  effect: (note: (last: string) => void) => Effect.Effect<A, KubeError, KubeClient>
): Effect.Effect<A, KubeError, KubeClient> =>
  withClient((client, env) => {
    const wanted = options.timeout ?? env.timeout ?? client.timeout
    let last = "nothing was heard of it"
    const waiting = effect((text) => {
      last = text
    })
    if (wanted === "infinity") return waiting
    const timeout = Duration.decode(wanted)
    return Effect.timeoutFail(waiting, {
      duration: timeout,
      onTimeout: () =>
        new TimeoutError({
          timeout,
          method: "GET",
          path: `/${resource.plural}`,
          verb: "watch",
          kind: resource.kind,
          last: `${complaint}: ${last}`
        })
    })
  })

export const make = (kind: Watchable) => {
  const { resource, watch } = kind

  const waitForStream = (ref: AnyRef, condition: AnyCondition, options: Where = {}) =>
    progressOf(kind, ref, condition, options)

  const waitFor = (
    ref: AnyRef,
    condition: AnyCondition,
    { timeout, ...where }: CallOptions & Where = {}
  ): Effect.Effect<unknown, KubeError, KubeClient> =>
    limited(`${resource.kind} "${partsOf(ref).name}" is not ${condition.description}`, resource, { timeout }, (note) =>
      progressOf(kind, ref, condition, where).pipe(
        Stream.tap(({ because }) => Effect.sync(() => note(because))),
        // It ends with the condition met, or fails.
        Stream.runLast,
        Effect.map((last) => Option.getOrUndefined(last)?.object)
      )
    )

  /** The states of all objects that selectors match, each time one has changed, from the first whole state on. */
  const states = (selection: SelectorOptions & Where) =>
    Stream.suspend(() => {
      const objects = new Map<string, unknown>()
      let isSynced = false
      return watch(selection).pipe(
        Stream.filterMap((event) => {
          if (event._tag === "Synced") isSynced = true
          else if (event._tag === "Deleted") objects.delete(nameOf(event.object))
          else if (event._tag !== "Bookmark") objects.set(nameOf(event.object), event.object)
          return isSynced && event._tag !== "Bookmark" ? Option.some(objects) : Option.none()
        })
      )
    })

  const judged = (objects: ReadonlyMap<string, unknown>, { check }: AnyCondition) =>
    Array.from(objects, ([name, object]) => ({ name, object, verdict: check(object) }))

  const sayAll = (judgements: ReturnType<typeof judged>): string => {
    const open = judgements.filter(({ verdict }) => verdict._tag !== "Met")
    const shown = open.slice(0, 5).map(({ name, verdict }) => `${name}: ${becauseOf(verdict)}`)
    return open.length > 5 ? `${shown.join("; ")}; and ${open.length - 5} more` : shown.join("; ")
  }

  const waitForAll = (
    selection: SelectorOptions & Where,
    condition: AnyCondition,
    { timeout }: CallOptions = {}
  ): Effect.Effect<ReadonlyArray<unknown>, KubeError, KubeClient> =>
    limited(`not every ${resource.kind} is ${condition.description}`, resource, { timeout }, (note) =>
      states(selection).pipe(
        Stream.mapEffect((objects) => {
          const judgements = judged(objects, condition)
          const hopeless = judgements.find(({ verdict }) => verdict._tag === "Never")
          if (hopeless !== undefined) {
            return Effect.fail(
              new WaitFailed({
                message: `${resource.kind} "${hopeless.name}" will not be ${condition.description}: ${becauseOf(hopeless.verdict)}`
              })
            )
          }
          const isMet =
            judgements.length === 0
              ? condition.absent._tag === "Met"
              : judgements.every(({ verdict }) => verdict._tag === "Met")
          note(judgements.length === 0 ? "there is none" : sayAll(judgements))
          return Effect.succeed(isMet ? Option.some([...objects.values()]) : Option.none())
        }),
        Stream.filterMap((found) => found),
        Stream.take(1),
        Stream.runCollect,
        Effect.map(Chunk.unsafeHead)
      )
    )

  const waitForAny = (
    selection: SelectorOptions & Where,
    condition: AnyCondition,
    { timeout }: CallOptions = {}
  ): Effect.Effect<unknown, KubeError, KubeClient> =>
    limited(`no ${resource.kind} is ${condition.description}`, resource, { timeout }, (note) =>
      states(selection).pipe(
        Stream.filterMap((objects) => {
          const judgements = judged(objects, condition)
          note(judgements.length === 0 ? "there is none" : sayAll(judgements))
          const found = judgements.find(({ verdict }) => verdict._tag === "Met")
          return found === undefined ? Option.none() : Option.some(found.object)
        }),
        Stream.take(1),
        Stream.runCollect,
        Effect.map(Chunk.unsafeHead)
      )
    )

  return { waitFor, waitForStream, waitForAll, waitForAny }
}
