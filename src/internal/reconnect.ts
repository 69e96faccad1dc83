/**
 * What a watch does next, whatever happens: the decisions of the Reflector, without any I/O.
 *
 * It lists, then watches from the list's version; or it begins with a watch that sends the initial objects. When a
 * connection ends it goes on from the last version that it saw, and when the server has forgotten that version it
 * begins again. Whatever goes wrong twice in a row is followed by a pause, and the pauses grow until something arrives.
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

export type Signal =
  /** A page of the list; the last one has no `continue`. */
  | { readonly _tag: "Page"; readonly resourceVersion: string; readonly continue: string | undefined }
  /** A change, or a bookmark. */
  | { readonly _tag: "Seen"; readonly resourceVersion: string }
  /** The initial objects are complete. */
  | { readonly _tag: "Synced"; readonly resourceVersion: string }
  /** The server ended the watch, or it was silent for too long. `hasty` is the complaint when it had hardly begun. */
  | { readonly _tag: "Ended"; readonly hasty: KubeError | undefined }
  | { readonly _tag: "Failed"; readonly error: KubeError }

export interface State {
  readonly start: Start
  readonly command: Command
  /** All the objects were known once. */
  readonly synced: boolean
  /** Something has arrived since the last pause, so the next one is a short one. */
  readonly progressed: boolean
  /** How often in a row the server has refused to answer. */
  readonly refusals: number
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
  synced: start._tag === "After",
  progressed: false,
  refusals: 0
})

/** A running server may refuse for a moment, while roles, tokens and kinds are being replaced; not for long. */
const patience = 5

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
  state: { ...state, progressed: false },
  pause: { because, fresh: state.progressed }
})

/** The step after a failure. */
const failed = (state: State, error: KubeError): Step => {
  const { command, progressed, start } = state
  switch (judge(error)) {
    case "fatal":
      return { _tag: "Fail", error }
    case "gone": {
      // Without the objects of before nobody could tell what has changed since.
      if (start._tag === "After") return { _tag: "Fail", error }
      // The version of a list may go while its pages are read: then all of it is wanted in one.
      const paged = !(command._tag === "List" && command.continue !== undefined)
      const again = { ...state, command: beginning(start, paged), progressed: false }
      return progressed || !paged ? go(again) : pause(again, error)
    }
    case "refused": {
      // A server without KEP-3157.
      if (command._tag === "Watch" && command.initial && (error._tag === "Invalid" || error._tag === "BadRequest")) {
        const list: Start = { _tag: "List" }
        return go({ ...state, start: list, command: beginning(list) })
      }
      const refusals = state.refusals + 1
      return !state.synced || refusals >= patience ? { _tag: "Fail", error } : pause({ ...state, refusals }, error)
    }
    case "passing":
      return pause(state, error)
  }
}

/** What follows on a signal. */
export const next = (state: State, signal: Signal): Step => {
  const { command } = state
  switch (signal._tag) {
    case "Page": {
      const { continue: rest, resourceVersion } = signal
      return rest === undefined
        ? go({
            ...state,
            command: { _tag: "Watch", resourceVersion, initial: false },
            synced: true
          })
        : go({ ...state, command: { _tag: "List", continue: rest, paged: true } })
    }
    case "Seen":
      return go(
        (command._tag === "Watch" && command.initial) || signal.resourceVersion === ""
          ? // Until all is known, another connection would have to begin anew.
            { ...state, progressed: true }
          : { ...state, command: after(signal.resourceVersion), progressed: true, refusals: 0 }
      )
    case "Synced":
      return go({ ...state, command: after(signal.resourceVersion), synced: true, progressed: true, refusals: 0 })
    case "Ended":
      return signal.hasty === undefined ? go({ ...state, progressed: true, refusals: 0 }) : pause(state, signal.hasty)
    case "Failed":
      return failed(state, signal.error)
  }
}

const after = (resourceVersion: string): Command => ({ _tag: "Watch", resourceVersion, initial: false })
