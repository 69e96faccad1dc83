/** The cache of an informer, and those who listen to it. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as EffectScope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Indexes, Informer, InformerEvent, Options } from "../Informer.js"
import type { KubeError } from "../KubeError.js"
import type { KubeClient } from "../layers/KubeClient.js"
import type {
  CanWatch,
  CollectionNamespaceOption,
  Descriptor,
  PartialObjectMetadata,
  Ref,
  ResourceInfo,
  Scope,
  Stored,
  TransformOption,
  WatchOptions
} from "../Resource.js"
import type { WatchEvent } from "../Watch.js"
import { makeSharing } from "./lean.js"
import * as metrics from "./metrics.js"
import { open, toStream, type Pull } from "./pull.js"
import { withClient } from "./withClient.js"
import { background } from "./fork.js"

/** What of an object the cache itself looks at; every stored object has it. */
interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined }
}

const keyOf = (name: string, namespace: string | undefined): string =>
  namespace === undefined ? name : `${namespace}/${name}`

/** The objects by their keys, and the keys by the indexes. */
const makeCache = <K>(indexes: Indexes<K, string>) => {
  const objects = new Map<string, Stored<K>>()
  const names = Object.keys(indexes)
  const found = new Map(names.map((name) => [name, new Map<string, Set<string>>()]))

  const keysOf = (index: string, object: Stored<K>): ReadonlyArray<string> => {
    const keys = indexes[index]?.(object)
    return keys === undefined ? [] : typeof keys === "string" ? [keys] : keys
  }
  const unindex = (key: string, object: Stored<K>) => {
    for (const index of names) {
      const entries = found.get(index)
      for (const entry of keysOf(index, object)) {
        const keys = entries?.get(entry)
        keys?.delete(key)
        if (keys?.size === 0) entries?.delete(entry)
      }
    }
  }
  return {
    objects,
    set: (key: string, object: Stored<K>) => {
      const before = objects.get(key)
      if (before !== undefined) unindex(key, before)
      objects.set(key, object)
      for (const index of names) {
        const entries = found.get(index)
        for (const entry of keysOf(index, object)) {
          const keys = entries?.get(entry)
          if (keys === undefined) entries?.set(entry, new Set([key]))
          else keys.add(key)
        }
      }
      return before
    },
    delete: (key: string) => {
      const before = objects.get(key)
      if (before !== undefined) unindex(key, before)
      objects.delete(key)
      return before
    },
    byIndex: (index: string, entry: string): ReadonlyArray<Stored<K>> => {
      const list: Array<Stored<K>> = []
      for (const key of found.get(index)?.get(entry) ?? []) {
        const object = objects.get(key)
        if (object !== undefined) list.push(object)
      }
      return list
    }
  }
}

/** News with the key of its object, and with the state of before. */
interface News<K> {
  readonly key: string
  readonly event: InformerEvent<K>
  readonly before: Stored<K> | undefined
}

/** What those see whose informer's scope has closed: streams end, and whoever reads is interrupted. */
const closed: Cause.Cause<never> = Cause.interrupt(FiberId.none)

/** Batches of news that wait for one subscriber, before the watch waits for it. */
const capacity = 16

interface Subscriber<K> {
  readonly tell: (news: ReadonlyArray<News<K>>) => Effect.Effect<unknown>
  readonly end: (cause: Cause.Cause<KubeError>) => Effect.Effect<unknown>
}

/** The news of one object that has changed since somebody saw it `before`; nothing where they would not have seen it. */
const combine = <K>(before: Stored<K> | undefined, { event, key }: News<K>): News<K> | undefined => {
  if (event._tag === "Synced") return { key, event, before }
  if (event._tag === "Deleted") return before === undefined ? undefined : { key, event, before }
  const { object } = event
  return {
    key,
    event: before === undefined ? { _tag: "Added", object } : { _tag: "Modified", object, previous: before },
    before
  }
}

const start = <K, S extends Scope, N extends string = never>(
  { plural: resource, scope }: Pick<ResourceInfo, "plural"> & { readonly scope: S },
  watch: CanWatch<K, S>["watch"],
  given?: Options<K, N> & CollectionNamespaceOption<S>
): Effect.Effect<Informer<K, S, N>, never, KubeClient | EffectScope.Scope> =>
  Effect.gen(function* () {
    // The namespace options of a generic scope; those of a namespaced kind include those of any other.
    const options = (given ?? {}) as Options<K, N> & CollectionNamespaceOption<"Namespaced">
    const { indexes, transform, ...watched } = options
    const inNamespace =
      scope === "Cluster"
        ? undefined
        : yield* withClient((_, env) => Effect.succeed(options.namespace ?? env.namespace ?? env.contextNamespace))
    const cache = makeCache<K>(indexes ?? {})
    const synced = yield* Deferred.make<void, KubeError>()
    const failure = yield* Deferred.make<never, KubeError>()
    const subscribers = new Set<Subscriber<K>>()
    const sharing = makeSharing()
    // What is told at the same time would reach some subscribers in one order and some in the other.
    const inTurn = (yield* Effect.makeSemaphore(1)).withPermits(1)
    let isSynced = false
    let over: Cause.Cause<KubeError> | undefined

    const keyOfObject = (object: Stored<K>): string => {
      // Every stored object has a name; a generic kind cannot say so.
      const { metadata } = object as unknown as Named
      return keyOf(metadata.name, metadata.namespace)
    }

    /** Brings the cache up to date, and says what there is to tell. */
    const absorb = (events: Iterable<WatchEvent<K>>): ReadonlyArray<News<K>> => {
      const news: Array<News<K>> = []
      for (const event of events) {
        switch (event._tag) {
          case "Added":
          case "Modified": {
            const { object } = event
            const key = keyOfObject(object)
            const previous = cache.set(key, object)
            news.push({
              key,
              event: previous === undefined ? { _tag: "Added", object } : { _tag: "Modified", object, previous },
              before: previous
            })
            break
          }
          case "Deleted": {
            const key = keyOfObject(event.object)
            news.push({ key, event, before: cache.delete(key) })
            break
          }
          case "Synced":
            isSynced = true
            news.push({ key: "", event: { _tag: "Synced" }, before: undefined })
            break
          case "Bookmark":
        }
      }
      return news
    }

    const tell = (news: ReadonlyArray<News<K>>): Effect.Effect<void> =>
      news.length === 0
        ? Effect.void
        : Effect.forEach([...subscribers], (subscriber) => subscriber.tell(news), { discard: true })

    const events = watch({
      ...watched,
      transform: (object: Stored<K>) => {
        const kept = transform === undefined ? object : transform(object)
        return sharing.with(cache.objects.get(keyOfObject(kept)), kept)
      }
      // The namespace options are those that were given.
    } as TransformOption<K> & WatchOptions & CollectionNamespaceOption<S>)

    const end = (cause: Cause.Cause<KubeError>): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (over !== undefined) return Effect.void
        over = cause
        return Effect.zipRight(
          Effect.all([Deferred.failCause(failure, cause), Deferred.failCause(synced, cause)]),
          Effect.forEach([...subscribers], (subscriber) => subscriber.end(cause), { discard: true })
        )
      })
    const size = metrics.cached(resource)
    // Nobody waits for an informer that is no more.
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(
        end(closed),
        Effect.sync(() => size(0))
      )
    )
    yield* Effect.flatMap(open(events), ({ pull }) => {
      const step = Effect.flatMap(pull, (chunk) =>
        inTurn(
          Effect.suspend(() => {
            const before = isSynced
            // Whoever begins to listen after this finds it in the cache.
            const told = tell(absorb(chunk))
            size(cache.objects.size)
            return before || !isSynced ? told : Effect.zipRight(Deferred.succeed(synced, undefined), told)
          })
        )
      )
      const all: Effect.Effect<never, Option.Option<KubeError>> = Effect.flatMap(step, () => all)
      // A watch has no end but its failure.
      return Effect.catchAll(
        all,
        Option.match({ onNone: () => Effect.dieMessage("a watch has ended"), onSome: (error) => Effect.fail(error) })
      )
    }).pipe(
      // The connection ends with the fiber: closed before it, it would look broken.
      Effect.scoped,
      // A function of the user's that throws ends it too, and nobody goes on without knowing.
      Effect.catchAllCause(end),
      background
    )

    const read = <A>(look: () => A): Effect.Effect<A, KubeError> =>
      Effect.flatMap(Deferred.await(synced), () =>
        Effect.suspend(() => (over === undefined ? Effect.succeed(look()) : Effect.failCause(over)))
      )

    /** Adds a subscriber, and says what it has to know first: what is told to it begins where that ends. */
    const subscribe = (subscriber: Subscriber<K>): ReadonlyArray<News<K>> => {
      subscribers.add(subscriber)
      const news: Array<News<K>> = []
      for (const [key, object] of cache.objects) news.push({ key, event: { _tag: "Added", object }, before: undefined })
      news.push({ key: "", event: { _tag: "Synced" }, before: undefined })
      return news
    }
    type Next = Pull<InformerEvent<K>, KubeError>
    /** A stream for somebody new. Nobody is told of a part, so whoever listens may read in turn. */
    const whenSynced = (
      start: Effect.Effect<Next, never, EffectScope.Scope>
    ): Stream.Stream<InformerEvent<K>, KubeError> =>
      toStream(
        Effect.map(Effect.scope, (scope) => {
          let next: Next | undefined
          const first: Next = Effect.flatMap(
            Effect.mapError(
              read(() => undefined),
              Option.some
            ),
            () => Effect.flatMap(EffectScope.extend(start, scope), (started) => (next = started))
          )
          const pull: Next = Effect.suspend(() => next ?? first)
          return {
            pull: Effect.catchAllCause(pull, (cause) =>
              over === closed ? Effect.fail(Option.none()) : Effect.failCause(cause)
            )
          }
        })
      )

    const toEvents = (news: Iterable<News<K>>) => Chunk.unsafeFromArray(Array.from(news, ({ event }) => event))

    const changes = whenSynced(
      Effect.gen(function* () {
        const mailbox = yield* Mailbox.make<ReadonlyArray<News<K>>, KubeError>(capacity)
        const subscriber: Subscriber<K> = {
          tell: (news) => mailbox.offer(news),
          end: (cause) => mailbox.failCause(cause)
        }
        let initial: ReadonlyArray<News<K>> | undefined = yield* Effect.acquireRelease(
          Effect.tap(
            Effect.sync(() => subscribe(subscriber)),
            // It may have ended a moment ago.
            () => (over === undefined ? Effect.void : subscriber.end(over))
          ),
          // The watch may be waiting for this one.
          () =>
            Effect.zipRight(
              Effect.sync(() => subscribers.delete(subscriber)),
              mailbox.shutdown
            )
        )
        return Effect.suspend((): Next => {
          if (initial !== undefined) {
            const events = toEvents(initial)
            initial = undefined
            return Effect.succeed(events)
          }
          return Effect.matchEffect(mailbox.takeAll, {
            onFailure: (error) => Effect.fail(Option.some(error)),
            onSuccess: ([batches]) =>
              Chunk.isEmpty(batches) ? Effect.fail(Option.none()) : Effect.succeed(toEvents(Array.from(batches).flat()))
          })
        })
      })
    )

    const latest = whenSynced(
      Effect.gen(function* () {
        const waiting = new Map<string, News<K>>()
        const latch = yield* Effect.makeLatch()
        const note = (news: ReadonlyArray<News<K>>) => {
          for (const one of news) {
            const { key } = one
            const first = waiting.get(key)
            const now = first === undefined ? one : combine(first.before, one)
            if (now === undefined) waiting.delete(key)
            else waiting.set(key, now)
          }
          return latch.open
        }
        const subscriber: Subscriber<K> = {
          tell: (news) => Effect.suspend(() => note(news)),
          end: () => latch.open
        }
        yield* Effect.acquireRelease(
          Effect.suspend(() => note(subscribe(subscriber))),
          () => Effect.sync(() => subscribers.delete(subscriber))
        )
        const pull: Next = Effect.suspend(() => {
          if (waiting.size > 0) {
            const events = toEvents(waiting.values())
            waiting.clear()
            return Effect.succeed(events)
          }
          latch.unsafeClose()
          return over === undefined
            ? Effect.zipRight(latch.await, pull)
            : Effect.failCause(Cause.map(over, Option.some))
        })
        return pull
      })
    )

    const get = (name: string, namespace: string | undefined) =>
      cache.objects.get(keyOf(name, namespace ?? inNamespace))
    const informer: Informer<K, S, N> = {
      synced: Deferred.await(synced),
      failed: Deferred.await(failure),
      get: (ref: Ref<S>) =>
        read(() => {
          const { name, namespace }: { readonly name: string; readonly namespace?: string | undefined } =
            typeof ref === "string" ? { name: ref } : "metadata" in ref ? ref.metadata : ref
          return Option.fromNullable(get(name, namespace))
        }),
      list: ({ namespace } = {}) =>
        read(() => {
          if (namespace === undefined) return [...cache.objects.values()]
          const found: Array<Stored<K>> = []
          for (const [key, object] of cache.objects) if (key.startsWith(`${namespace}/`)) found.push(object)
          return found
        }),
      byIndex: (index, key) => read(() => cache.byIndex(index, key)),
      size: read(() => cache.objects.size),
      changes,
      latest,
      resync: Effect.zipRight(
        read(() => undefined),
        inTurn(
          Effect.suspend(() =>
            tell(
              Array.from(cache.objects, ([key, object]) => ({
                key,
                event: { _tag: "Modified", object, previous: object },
                before: object
              }))
            )
          )
        )
      ),
      store: {
        isSynced: () => isSynced,
        get,
        values: () => cache.objects.values(),
        byIndex: cache.byIndex,
        size: () => cache.objects.size
      }
    }
    return informer
  })

export const make = <K, E, S extends Scope, N extends string = never>(
  resource: Descriptor<K, E, S> & CanWatch<K, S>,
  options?: Options<K, N> & CollectionNamespaceOption<S>
): Effect.Effect<Informer<K, S, N>, never, KubeClient | EffectScope.Scope> => start(resource, resource.watch, options)

export const metadata = <K, E, S extends Scope, N extends string = never>(
  resource: Descriptor<K, E, S> & CanWatch<K, S>,
  options?: Options<PartialObjectMetadata, N> & CollectionNamespaceOption<S>
): Effect.Effect<Informer<PartialObjectMetadata, S, N>, never, KubeClient | EffectScope.Scope> =>
  start(resource, resource.watchMetadata, options)
