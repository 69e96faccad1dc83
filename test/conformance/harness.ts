/**
 * Conformance: what a cluster answers to requests, written down so that two clusters can be compared. `recorded.json` is what
 * the real API server answered; the end-to-end test keeps it true, the unit test holds the TestCluster against it.
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { KubeClient, type KubeError } from "effect-kubernetes"

export type Headers = { readonly [name: string]: string }

/** One request. `$NS` in its path and its body is the namespace of the run. */
export type Step = readonly [
  method: "DELETE" | "GET" | "PATCH" | "POST" | "PUT",
  path: string,
  body?: unknown,
  headers?: Headers
]

/** Requests that are sent one after the other, to a namespace of their own. */
export interface Case {
  readonly name: string
  readonly steps: ReadonlyArray<Step>
}

export interface Transcript {
  readonly request: string
  readonly status: number
  readonly body: unknown
}

const sent = (namespace: string, [method, path, body, headers]: Step) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* KubeClient
      const [pathname = "", search = ""] = path.replaceAll("$NS", namespace).split(/(?=\?)/)
      const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body)
      const answer = yield* client.exchange({
        method,
        path: pathname,
        search,
        headers: {
          accept: "application/json",
          ...(text === undefined ? {} : { "content-type": "application/json" }),
          ...headers
        },
        ...(text === undefined ? {} : { body: text.replaceAll("$NS", namespace) }),
        about: { verb: method.toLowerCase(), kind: "", resource: "" }
      })
      const chunks = yield* Stream.runCollect(Stream.decodeText(answer.body))
      return { status: answer.status, text: Chunk.join(chunks, "") }
    })
  )

const uid = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/

/** What differs between two clusters by nature is replaced; versions of objects are counted as they appear. */
const normalizer = (namespace: string) => {
  const versions = new Map<string, string>()
  const version = (text: string): string => {
    const known = versions.get(text) ?? `r${versions.size + 1}`
    versions.set(text, known)
    return known
  }
  const text = (value: string): string =>
    time.test(value)
      ? "<time>"
      : value
          .replace(uid, "<uid>")
          .replace(/in record \(\d+\)/, "in record (<version>)")
          .replaceAll(namespace, "$NS")
  const normal = (value: unknown, isList = false): unknown => {
    if (typeof value === "string") return text(value)
    if (Array.isArray(value)) return value.map((item) => normal(item))
    if (typeof value !== "object" || value === null) return value
    const entries = Object.entries(value)
    const generated: unknown = "generateName" in value ? value.generateName : undefined
    const collection = "items" in value
    return Object.fromEntries(
      entries
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, child]): readonly [string, unknown] => {
          if (key === "resourceVersion" && typeof child === "string" && child !== "") {
            return [key, isList ? "<version>" : version(child)]
          }
          if (key === "continue") return [key, "<continue>"]
          if (key === "name" && typeof generated === "string" && typeof child === "string") {
            return [key, `${child.slice(0, -5)}?????`]
          }
          return [key, normal(child, collection && key === "metadata")]
        })
    )
  }
  return normal
}

/** The lines of a watch, or the object of any other answer. */
const parsed = (text: string): unknown => {
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  const isStream = lines.length > 0 && lines.every((line) => line.startsWith('{"type":'))
  // A bookmark may come whenever the server likes, but for the one that ends the initial events.
  if (isStream) {
    return lines
      .filter((line) => !line.startsWith('{"type":"BOOKMARK"') || line.includes("initial-events-end"))
      .map((line): unknown =>
        JSON.parse(
          line.startsWith('{"type":"BOOKMARK"') ? line.replace(/"resourceVersion":"\d+"/, '"resourceVersion":""') : line
        )
      )
  }
  return text.trimStart().startsWith("{") ? JSON.parse(text) : text
}

/** Runs a case in a namespace. */
export const transcript = (
  { steps }: Case,
  namespace: string
): Effect.Effect<ReadonlyArray<Transcript>, KubeError, KubeClient> =>
  Effect.suspend(() => {
    const normal = normalizer(namespace)
    return Effect.forEach(steps, (step) =>
      Effect.map(sent(namespace, step), ({ status, text }) => ({
        request: `${step[0]} ${step[1]}`,
        status,
        body: normal(parsed(text))
      }))
    )
  })
