/**
 * Conformance: what a cluster answers to requests, written down so that two clusters can be compared. `recorded` is what the
 * real API server answered; the end-to-end test keeps it true, the unit test holds the TestCluster against it.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { KubeClient, type KubeError } from "effect-kubernetes"
import { existsSync, readFileSync, writeFileSync } from "node:fs"

export type Headers = { readonly [name: string]: string }

/**
 * One request. In its path and its body `$NS` is the namespace of the run, and `$2.metadata.uid` what is there in the answer
 * to the second step.
 */
export type Step = readonly [
  method: "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT",
  path: string,
  body?: unknown,
  headers?: Headers,
  /** Sends it again until the answer is as it will be: what a cluster does after it has answered takes its time. */
  until?: (answer: { readonly status: number; readonly text: string }) => boolean
]

/** A CustomResourceDefinition; `$NS` in it is the namespace of the run, so its group can be of the run alone. */
export interface Definition {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly scope: string
    readonly names: { readonly plural: string }
    readonly versions: ReadonlyArray<{ readonly name: string; readonly served: boolean }>
  }
}

/** Requests that are sent one after the other, to a namespace of their own. */
export interface Case {
  readonly name: string
  readonly steps: ReadonlyArray<Step>
  /** CustomResourceDefinitions that are there, and served, before the first step and until the last. */
  readonly definitions?: ReadonlyArray<Definition>
  /** Why the TestCluster does not answer as the API server: a known difference. */
  readonly differs?: string
}

export interface Transcript {
  readonly request: string
  readonly status: number
  /** If it is not JSON. */
  readonly type?: string
  readonly warnings?: ReadonlyArray<string>
  readonly body: unknown
}

/** What was answered to the cases of a topic. */
export interface Recorded {
  readonly [name: string]: ReadonlyArray<Transcript>
}

const fileOf = (topic: string) => new URL(`recorded/${topic}.json`, import.meta.url)

/** The answers of the real API server by case. */
export const recordedOf = (topic: string): Recorded =>
  // Only `record` writes it.
  existsSync(fileOf(topic)) ? (JSON.parse(readFileSync(fileOf(topic), "utf8")) as Recorded) : {}

/** Writes them, a line for each answer. */
export const record = (topic: string, recorded: Recorded): void => {
  const cases = Object.entries(recorded).map(
    ([name, answers]) => `${JSON.stringify(name)}: [\n${answers.map((answer) => JSON.stringify(answer)).join(",\n")}\n]`
  )
  writeFileSync(fileOf(topic), `{\n${cases.join(",\n")}\n}\n`)
}

/** What a cluster answered, as it came. */
interface Answer {
  readonly status: number
  readonly headers: { readonly [name: string]: string | ReadonlyArray<string> | undefined }
  readonly text: string
}

/** Sends a request, with what stands for something else filled in. */
export const sent = ([method, path, body, headers]: Step, filled: (text: string) => string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* KubeClient
      const [pathname = "", search = ""] = filled(path).split(/(?=\?)/)
      const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body)
      const answer = yield* client.exchange({
        method,
        path: pathname,
        search,
        headers: {
          accept: "application/json",
          "user-agent": "conformance/1.0",
          ...(text === undefined ? {} : { "content-type": "application/json" }),
          ...headers
        },
        ...(text === undefined ? {} : { body: filled(text) }),
        about: { verb: method.toLowerCase(), kind: "", resource: "" }
      })
      const chunks = yield* Stream.runCollect(Stream.decodeText(answer.body))
      return { status: answer.status, headers: answer.headers, text: Chunk.join(chunks, "") }
    })
  )

const at = (value: unknown, path: ReadonlyArray<string>): unknown =>
  path.reduce<unknown>(
    (found, key) => (typeof found === "object" && found !== null ? Reflect.get(found, key) : undefined),
    value
  )

/** What a cluster answers once it has done what it was asked for. */
const awaited = <E, R>(answer: Effect.Effect<Answer, E, R>, until: Step[4]): Effect.Effect<Answer, E, R> =>
  until === undefined
    ? answer
    : answer.pipe(
        Effect.filterOrElse(until, () => Effect.repeat(Effect.delay(answer, "100 millis"), { until })),
        Effect.timeoutFailCause({
          duration: "45 seconds",
          onTimeout: () => Cause.die(new Error("the answer is never as it should be"))
        })
      )

const uid = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g

const token = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]*/g

/** What a server says of how it was built. */
const builds = new Set(["compiler", "gitCommit", "goVersion", "platform"])

/** The prefix of a name that the server makes. */
const prefixOf = (body: unknown): string | undefined => {
  const prefix = at(body, ["metadata", "generateName"])
  return typeof prefix === "string" ? prefix.slice(0, 58) : undefined
}

/**
 * What differs between two clusters by nature is replaced: uids, times, ages, generated names, the order that Go's maps leave to
 * chance. Versions of objects are counted as they appear.
 */
const normalizer = (namespace: string) => {
  const versions = new Map<string, string>()
  const prefixes = new Set<string>()
  const version = (text: string): string => {
    const known = versions.get(text) ?? `r${versions.size + 1}`
    versions.set(text, known)
    return known
  }
  const text = (value: string): string => {
    let result = value
    for (const prefix of prefixes) {
      for (let from = result.indexOf(prefix); from >= 0; from = result.indexOf(prefix, from + 1)) {
        const [before, rest] = [result.slice(0, from + prefix.length), result.slice(from + prefix.length)]
        result = before + rest.replace(/^[a-z\d]{5}(?![a-z\d])/, "?????")
      }
    }
    return (
      result
        .replace(token, "<token>")
        .replace(time, "<time>")
        // In a table.
        .replace(/^\d+s$/, "<age>")
        .replace(uid, "<uid>")
        .replace(/in record \(\d+\)/, "in record (<version>)")
        .replace(/current: \d+/, "current: <version>")
        .replace(/(ResourceVersion in object meta: )\d+/, "$1<version>")
        .replace(/too old resource version: (\d+) \(\d+\)/, "too old resource version: $1 (<version>)")
        .replace(/("resourceVersion\W+)\d+/, "$1<version>")
        .replaceAll(namespace, "$NS")
    )
  }
  const sorted = (values: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
    values
      .map((value) => [JSON.stringify(value), value] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, value]) => value)
  const normal = (value: unknown, isList = false): unknown => {
    if (typeof value === "string") return text(value)
    if (Array.isArray(value)) return value.map((item) => normal(item))
    if (typeof value !== "object" || value === null) return value
    const collection = "items" in value || "rows" in value
    const conflict = "reason" in value && value.reason === "Conflict"
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, child]): readonly [string, unknown] => {
          if (key === "resourceVersion" && typeof child === "string" && child !== "") {
            return [key, isList ? "<version>" : version(child)]
          }
          if (key === "continue") return [key, "<continue>"]
          if (builds.has(key) && typeof child === "string") return [key, "<build>"]
          if (key === "serverAddress") return [key, "<address>"]
          // Which of two entries of one second comes first depends on the second.
          if (key === "managedFields" && Array.isArray(child)) return [key, sorted(child.map((each) => normal(each)))]
          const result = normal(child, collection && key === "metadata")
          const causes = at(result, ["causes"])
          // Conflicts of a server-side apply.
          if (conflict && key === "details" && typeof result === "object" && Array.isArray(causes)) {
            return [key, { ...result, causes: sorted(causes) }]
          }
          return [key, conflict && typeof result === "string" ? result.split("\n").toSorted().join("\n") : result]
        })
    )
  }
  return {
    normal,
    expect: (body: unknown) => {
      const prefix = prefixOf(body)
      if (prefix !== undefined) prefixes.add(prefix)
    }
  }
}

const isObject = (text: string): boolean => text.trimStart().startsWith("{")

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
  return isObject(text) ? JSON.parse(text) : text
}

const header = (value: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> =>
  value === undefined ? [] : typeof value === "string" ? value.split(/, (?=299 )/) : value

/** What steps have answered so far, and how the next is sent. */
export interface Session {
  readonly step: (step: Step) => Effect.Effect<Transcript, KubeError, KubeClient>
}

/** What is made of the group's name is another one in each run. */
const hashless = (text: string, namespace: string): string =>
  text.includes(`"groupVersion":"${namespace}`)
    ? text.replace(/"storageVersionHash":"[^"]*"/g, '"storageVersionHash":"<hash>"')
    : text

/** Sends steps to a namespace, one after the other. */
export const session = (namespace: string): Session => {
  const { expect, normal } = normalizer(namespace)
  const answers: Array<Answer> = []
  const filled = (text: string): string =>
    text
      .replaceAll("$NS", namespace)
      .replace(/\$(\d+)((?:\.\w+)+)/g, (_, step: string, path: string) =>
        String(at(JSON.parse(answers[Number(step) - 1]?.text ?? "{}"), path.split(".").slice(1)))
      )
  return {
    step: (step) =>
      Effect.map(awaited(sent(step, filled), step[4]), (answer): Transcript => {
        answers.push(answer)
        expect(step[2])
        const type = header(answer.headers["content-type"]).join(", ")
        const warnings = header(answer.headers["warning"])
        const text = hashless(answer.text, namespace)
        return {
          request: `${step[0]} ${step[1]}`,
          status: answer.status,
          ...(type === "application/json" ? {} : { type }),
          ...(warnings.length === 0 ? {} : { warnings: warnings.map((each) => String(normal(each))) }),
          body: normal(parsed(text))
        }
      })
  }
}

/** The definition in the cluster until the scope closes; done when discovery shows what it defines. */
const defined = (definition: Definition, { step }: Session) => {
  const { group, names, versions } = definition.spec
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
  const served = versions.filter((version) => version.served)
  return Effect.acquireRelease(step(["POST", path, definition]), () =>
    Effect.ignoreLogged(step(["DELETE", `${path}/${definition.metadata.name}`]))
  ).pipe(
    Effect.zipRight(step(["GET", `/apis/${group}`, undefined, {}, ({ status }) => status === 200])),
    Effect.zipRight(
      Effect.forEach(served, ({ name }) =>
        step([
          "GET",
          `/apis/${group}/${name}`,
          undefined,
          {},
          ({ status, text }) => status === 200 && text.includes(`"name":"${names.plural}"`)
        ])
      )
    )
  )
}

/** Runs a case in a namespace. */
export const transcript = (
  { definitions = [], steps }: Pick<Case, "definitions" | "steps">,
  namespace: string
): Effect.Effect<ReadonlyArray<Transcript>, KubeError, KubeClient> =>
  Effect.scoped(
    Effect.gen(function* () {
      const preparing = session(namespace)
      yield* Effect.forEach(definitions, (definition) => defined(definition, preparing))
      return yield* Effect.forEach(steps, session(namespace).step)
    })
  )
