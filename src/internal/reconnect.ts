/**
 * What a watch does next, whatever happens: the decisions of the Reflector, without any I/O.
 *
 * It lists, then watches from the list's version; or it begins with a watch that sends the initial objects. When a
 * connection ends it goes on from the last version that it saw, and when the server has forgotten that version it
 * begins again. It goes on without a pause once for every progress that it has made; else it pauses first, and the pauses
 * grow until something arrives. What the server refuses ends it only as long as no watch has been accepted: a user who may
 * not watch learns it at once, and a role or a credential that is away for a while ends nothing.
 */
import type { KubeError } from "../KubeError.js"

/** How a watch begins: with a list, with a watch that sends the initial objects, or after a known version. */
export type Start =
  | { readonly _tag: "List" }
  | { readonly _tag: "InitialEvents" }
  | { readonly _tag: "After"; readonly resourceVersion: string }

export type Command =
  | { readonly _tag: "List"; readonly continue: string | undefined; readonly paged: boolean }
  /** `initial`: the server is to send the objects as they are first. */
  | { readonly _tag: "Watch"; readonly resourceVersion: string | undefined; readonly initial: boolean }

/** What went well. */
export type Arrived =
  /** A page of the list; the last one has no `continue`. */
  | { readonly _tag: "Page"; readonly resourceVersion: string; readonly continue: string | undefined }
  /** The server has accepted the watch. */
  | { readonly _tag: "Opened" }
  /** A change, or a bookmark. */
  | { readonly _tag: "Seen"; readonly resourceVersion: string }
  /** The initial objects are complete. */
  | { readonly _tag: "Synced"; readonly resourceVersion: string }

/** The end of a command that had more to bring. */
export type Broken =
  /** The server ended the watch, or it was silent for too long. `hasty` is the complaint when it had hardly begun. */
  | { readonly _tag: "Ended"; readonly hasty: KubeError | undefined }
  | { readonly _tag: "Failed"; readonly error: KubeError }

export interface State {
  readonly start: Start
  readonly command: Command
  /** The server has accepted a watch once: what it refuses later it may allow again. */
  readonly accepted: boolean
  /** Something has arrived since the last pause, so the next one is a short one. */
  readonly progressed: boolean
  /** There was progress since it last went on without a pause, so it may do so again. */
  readonly credit: boolean
  /** How often in a row a watch was of no use: it ended as soon as it had begun, or brought what nobody can read. */
  readonly futile: number
}

export type Step =
  | {
      readonly _tag: "Go"
      readonly state: State
      /** Pause first, because of this; `fresh` when the pauses begin anew. */
      readonly pause?: { readonly because: KubeError; readonly fresh: boolean }
    }
  | { readonly _tag: "Fail"; readonly error: KubeError }

const beginning = (start: Start, paged = true): Command => {
  switch (start._tag) {
    case "List":
      return { _tag: "List", continue: undefined, paged }
    case "InitialEvents":
      return { _tag: "Watch", resourceVersion: undefined, initial: true }
    case "After":
      return { _tag: "Watch", resourceVersion: start.resourceVersion, initial: false }
  }
}

export const initial = (start: Start): State => ({
  start,
  command: beginning(start),
  accepted: false,
  progressed: false,
  credit: false,
  futile: 0
})

/** Some servers forget a version without saying so: they end the watch at once, every time (kubernetes#104171). */
const futileAtMost = 3

/** The same where nothing can be listed instead. */
const futileAtLast = 10

type Verdict = "gone" | "refused" | "fatal" | "passing"

const judge = (error: KubeError): Verdict => {
  switch (error._tag) {
    case "Expired":
    case "Gone":
      return "gone"
    case "ConfigError":
    case "InvalidRequest":
    case "WaitFailed":
      return "fatal"
    case "TransportError":
      return error.reason === "Tls" ? "refused" : "passing"
    case "AuthError":
    case "BadRequest":
    case "Unauthorized":
    case "Forbidden":
    case "NotFound":
    case "MethodNotAllowed":
    case "NotAcceptable":
    case "UnsupportedMediaType":
    case "Invalid":
      return "refused"
    default:
      return "passing"
  }
}

const go = (state: State): Step => ({ _tag: "Go", state })

const pause = (state: State, because: KubeError): Step => ({
  _tag: "Go",
  state: { ...state, progressed: false, credit: false },
  pause: { because, fresh: state.progressed }
})

const after = (resourceVersion: string): Command => ({ _tag: "Watch", resourceVersion, initial: false })

/** Something new has arrived. */
const progress = (state: State, resourceVersion: string): State => ({
  ...state,
  command: after(resourceVersion),
  progressed: true,
  credit: true,
  futile: 0
})

/** What a connection that is over leaves to be done: what has not come as initial events is listed. */
const over = (state: State): State =>
  state.command._tag === "Watch" && state.command.initial ? { ...state, command: beginning({ _tag: "List" }) } : state

/** The step after a watch of no use. */
const useless = (state: State, because: KubeError): Step => {
  const futile = state.futile + 1
  if (state.start._tag === "After") {
    return futile >= futileAtLast ? { _tag: "Fail", error: because } : pause({ ...state, futile }, because)
  }
  return futile >= futileAtMost
    ? pause({ ...state, command: beginning(state.start), futile: 0 }, because)
    : pause({ ...over(state), futile }, because)
}

/** The step after a failure. */
const failed = (state: State, error: KubeError): Step => {
  const { command, credit, start } = state
  switch (judge(error)) {
    case "fatal":
      return { _tag: "Fail", error }
    case "gone": {
      // Without the objects of before nobody could tell what has changed since.
      if (start._tag === "After") return { _tag: "Fail", error }
      // The version of a list may go while its pages are read: then all of it is wanted in one.
      const paged = !(command._tag === "List" && command.continue !== undefined)
      const again = { ...state, command: beginning(paged ? start : { _tag: "List" }, paged), credit: false }
      return credit || !paged ? go(again) : pause(again, error)
    }
    case "refused": {
      // A server without KEP-3157.
      if (command._tag === "Watch" && command.initial && (error._tag === "Invalid" || error._tag === "BadRequest")) {
        const list: Start = { _tag: "List" }
        return go({ ...state, start: list, command: beginning(list) })
      }
      return state.accepted ? pause(over(state), error) : { _tag: "Fail", error }
    }
    case "passing":
      return error._tag === "DecodeError" && command._tag === "Watch"
        ? useless(state, error)
        : pause(over(state), error)
  }
}

/** What follows on what has arrived: always to go on. */
export const arrived = (state: State, signal: Arrived): State => {
  const { command } = state
  switch (signal._tag) {
    case "Page": {
      const { continue: rest, resourceVersion } = signal
      return {
        ...state,
        command: rest === undefined ? after(resourceVersion) : { _tag: "List", continue: rest, paged: true }
      }
    }
    case "Opened":
      return { ...state, accepted: true }
    case "Seen":
      // Until all is known, another connection would have to begin anew.
      if (command._tag === "List" || command.initial) return state
      // A version that was known is no progress.
      return signal.resourceVersion === "" || signal.resourceVersion === command.resourceVersion
        ? state
        : progress(state, signal.resourceVersion)
    case "Synced":
      return progress(state, signal.resourceVersion)
  }
}

/** What follows on an end. */
export const broken = (state: State, signal: Broken): Step => {
  if (signal._tag === "Failed") return failed(state, signal.error)
  if (signal.hasty === undefined) {
    return go({ ...over(state), progressed: true, credit: true, futile: 0 })
  }
  return state.credit ? go({ ...over(state), credit: false }) : useless(state, signal.hasty)
}
