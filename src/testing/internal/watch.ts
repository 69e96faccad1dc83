/**
 * Watching: a place in the history, and what comes after it. Each watch pulls, so a slow one keeps nobody waiting and nothing
 * is buffered for it; one that falls behind the history is told so.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Cell } from "./cell.js"
import { apiVersionOf, kindsOf, type Kind } from "./kinds.js"
import { includeObjectOf, metadataOnly, printed, type Form } from "./negotiation.js"
import type { JsonObject } from "./openapi.js"
import { expired, toStatus, unforeseen, type Failure } from "./status.js"
import { changesSince, list, metadataOf, withMetadata, type Change, type State } from "./store.js"
import { boolOf, listOptions, shown, type Call } from "./verbs.js"

interface Event {
  readonly type: "ADDED" | "BOOKMARK" | "DELETED" | "ERROR" | "MODIFIED"
  readonly object: JsonObject
}

/** So many changes at most are looked at in one go. */
const step = 500
/** In milliseconds. */
const bookmarkInterval = 60_000
/** The least after which the API server ends a watch that sets no limit, in milliseconds. */
const longest = 30 * 60_000

const line = (event: Event): string => `${JSON.stringify(event)}\n`

/** What a change is for someone who sees only the objects that match. */
const eventOf = (change: Change, matches: (object: JsonObject) => boolean): Event | undefined => {
  const { object, previous, revision } = change
  const [was, is] = [previous !== undefined && matches(previous), object !== undefined && matches(object)]
  if (is && object !== undefined) return { type: was ? "MODIFIED" : "ADDED", object }
  // The last that was seen, with the version of the change that took it away.
  return was && previous !== undefined
    ? { type: "DELETED", object: withMetadata(previous, { resourceVersion: String(revision) }) }
    : undefined
}

interface Options {
  readonly matches: (object: JsonObject) => boolean
  readonly bookmarks: boolean
}

/** The events of a watch, a line each. */
export const watch = (
  cell: Cell,
  state: State,
  call: Call,
  form: Form
): Either.Either<Stream.Stream<string>, Failure> =>
  Either.gen(function* () {
    const { matches, timeoutSeconds } = yield* listOptions(call, true)
    const { kind, namespace, query } = call
    const said = query.get("resourceVersion") ?? ""
    if (said !== "" && !/^\d+$/.test(said)) {
      return yield* Either.left(
        unforeseen(
          `resourceVersion: Invalid value: ${JSON.stringify(said)}: strconv.ParseUint: parsing ${JSON.stringify(said)}: invalid syntax`
        )
      )
    }
    const options: Options = { matches, bookmarks: boolOf(query, "allowWatchBookmarks") }
    const initial = boolOf(query, "sendInitialEvents")
    const wants = query.has("sendInitialEvents") ? initial : said === "" || said === "0"
    const begin = wants || said === "" || said === "0" ? state.revision : Number(said)
    const includeObject = form.as === "Table" ? yield* includeObjectOf(query) : undefined
    /** An event as it was asked for; of tables, only the first has headers. */
    const inForm = ({ object, type }: Event, headers: boolean, now: number): Event => ({
      type,
      object:
        form.as === undefined || type === "ERROR"
          ? object
          : form.as === "Table"
            ? printed(kind, object, { now, includeObject, headers, version: form.version })
            : metadataOnly(object, form.version)
    })
    const bookmark = (revision: number, annotations?: JsonObject): Event => ({
      type: "BOOKMARK",
      object: {
        kind: kind.kind,
        apiVersion: apiVersionOf(kind),
        metadata: { resourceVersion: String(revision), ...(annotations === undefined ? {} : { annotations }) }
      }
    })
    const everywhere = namespace === "" && kind.scope === "Namespaced"
    const present = wants
      ? list(state.objects, kind.storage, everywhere ? undefined : namespace)
          .filter(({ object }) => matches(object))
          .map(({ object }): Event => ({ type: "ADDED", object: shown(kind, object) }))
      : []
    const marked =
      initial && options.bookmarks ? [bookmark(state.revision, { "k8s.io/initial-events-end": "true" })] : []
    const concerns = ({ key }: Change): boolean =>
      key.resource === kind.storage && (everywhere || key.namespace === namespace)

    const uidOf = (of: Kind | undefined) => metadataOf(of?.custom?.definition ?? {})["uid"]
    /** A kind goes with its definition. */
    const isServed = ({ objects }: State): boolean =>
      kind.custom === undefined || uidOf(kindsOf(objects).find(kind.group, kind.version, kind.plural)) === uidOf(kind)

    const seconds = timeoutSeconds ?? 0
    const limit = seconds > 0 ? seconds * 1000 : longest

    /** The next events. */
    const following = (
      revision: number,
      until: number
    ): Effect.Effect<{ readonly events: ReadonlyArray<Event>; readonly revision: number | undefined }> =>
      Effect.gen(function* () {
        // A clock cannot sleep for less than it can count.
        const left = Math.ceil(until - (yield* Clock.currentTimeMillis))
        if (left <= 0) return { events: [], revision: undefined }
        const now = yield* cell.get
        if (revision >= now.revision) {
          if (!isServed(now)) return { events: [], revision: undefined }
          const isBookmark = options.bookmarks && bookmarkInterval < left
          // What loses ends, also where the reader cannot be interrupted.
          const events = yield* Effect.raceFirst(
            Effect.interruptible(Effect.as(cell.changed(now), [])),
            Effect.interruptible(
              Effect.delay(
                Effect.sync(() => (isBookmark ? [bookmark(now.revision)] : [])),
                isBookmark ? bookmarkInterval : left
              )
            )
          )
          return { events, revision }
        }
        const changes = changesSince(now, revision, step)
        if (changes === undefined) {
          const gone = toStatus(expired(`too old resource version: ${revision} (${now.compacted})`))
          return { events: [{ type: "ERROR", object: gone }], revision: undefined }
        }
        const events = changes.flatMap((change) => {
          const event = concerns(change) ? eventOf(change, matches) : undefined
          return event === undefined ? [] : [{ ...event, object: shown(kind, event.object) }]
        })
        return { events, revision: changes.at(-1)?.revision ?? now.revision }
      })

    // One step for all that is known at a time: a stream of streams would cost more than what is done.
    return Stream.unwrap(
      Effect.map(Clock.currentTimeMillis, (began) => {
        let first: ReadonlyArray<Event> = [...present, ...marked]
        let revision: number | undefined = begin
        let isFirst = true
        const next: Effect.Effect<Chunk.Chunk<string>, Option.Option<never>> = Effect.gen(function* () {
          let events = first
          first = []
          while (events.length === 0) {
            if (revision === undefined) return yield* Effect.fail(Option.none())
            const found: { readonly events: ReadonlyArray<Event>; readonly revision: number | undefined } =
              yield* following(revision, began + limit)
            events = found.events
            revision = found.revision
          }
          const now = yield* Clock.currentTimeMillis
          return Chunk.unsafeFromArray(
            events.map((event) => {
              const text = line(inForm(event, isFirst, now))
              isFirst = false
              return text
            })
          )
        })
        return Stream.repeatEffectChunkOption(next)
      })
    )
  })
