/**
 * Scenarios: what a cluster's controllers make of requests, written down so that two clusters can be compared. `recorded.json`
 * is what the real controllers made; the end-to-end test keeps it true, the unit test holds the TestCluster against it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { KubeClient, type KubeError } from "effect-kubernetes"
import { readFileSync, writeFileSync } from "node:fs"
import { sent, type Step } from "../conformance/harness.js"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | Object_
export interface Object_ {
  readonly [key: string]: Json
}

/** Waits until what is there is as wanted. */
export interface Wait {
  readonly until: string
  readonly is: (object: Object_) => boolean
}

export interface Scenario {
  readonly name: string
  /** Requests, and waiting between them. `$NS` is the namespace of the run. */
  readonly steps: ReadonlyArray<Step | Wait>
  /** The object whose conditions are followed. */
  readonly follows?: string
}

export interface Outcome {
  /** Of each request the answer, if it was refused. */
  readonly refused: ReadonlyArray<Json>
  /** The statuses and reasons that each condition of the followed object has had, one after the other. */
  readonly history: Json
  /** What is there in the end. */
  readonly objects: { readonly [resource: string]: Json }
}

const file = new URL("recorded.json", import.meta.url)

/** What the real controllers have made, by scenario. */
export const recorded = (): { readonly [name: string]: Outcome } =>
  // Only `record` writes it.
  JSON.parse(readFileSync(file, "utf8")) as { readonly [name: string]: Outcome }

/** Writes it, a line for each part. */
export const record = (name: string, outcome: Outcome): void => {
  const lines = Object.entries({ ...recorded(), [name]: outcome }).map(([scenario, { history, objects, refused }]) => {
    const kinds = Object.entries(objects).map(([kind, list]) => `${JSON.stringify(kind)}: ${JSON.stringify(list)}`)
    return `${JSON.stringify(scenario)}: {
"refused": ${JSON.stringify(refused)},
"history": ${JSON.stringify(history)},
"objects": {
${kinds.join(",\n")}
}}`
  })
  writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`)
}

const shown: ReadonlyArray<string> = [
  "apis/apps/v1/$/deployments",
  "apis/apps/v1/$/replicasets",
  "apis/apps/v1/$/statefulsets",
  "apis/apps/v1/$/daemonsets",
  "apis/apps/v1/$/controllerrevisions",
  "apis/batch/v1/$/cronjobs",
  "apis/batch/v1/$/jobs",
  "apis/policy/v1/$/poddisruptionbudgets",
  "apis/discovery.k8s.io/v1/$/endpointslices",
  "api/v1/$/endpoints",
  "api/v1/$/persistentvolumeclaims",
  "api/v1/$/pods",
  "api/v1/$/resourcequotas",
  "api/v1/$/services"
]

const isObject = (value: Json | undefined): value is Object_ =>
  typeof value === "object" && value !== null && !Array.isArray(value)

export const at = (object: Json | undefined, ...path: ReadonlyArray<string>): Json | undefined => {
  let value = object
  for (const key of path) value = isObject(value) ? value[key] : undefined
  return value
}

export const listAt = (object: Json | undefined, ...path: ReadonlyArray<string>): ReadonlyArray<Json> => {
  const value = at(object, ...path)
  return Array.isArray(value) ? value : []
}

// What a server answers to these requests is JSON.
const parse = (text: string): Json => JSON.parse(text) as Json

// ---- what differs between clusters by nature

const uid = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?/g
const address = /\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/g

/** How often they were written, and what the cluster notes for itself. */
const dropped = new Set([
  "endpoints.kubernetes.io/last-change-trigger-time",
  "managedFields",
  "resourceVersion",
  "selfLink"
])
const counted = new Set(["ReplicaSet", "EndpointSlice", "Job"])

/** The kubelet's part is the business of other tests. */
const podStatus = (status: Json | undefined): Json => ({
  phase: at(status, "phase") ?? null,
  qosClass: at(status, "qosClass") ?? null,
  ready: listAt(status, "containerStatuses").map((each) => at(each, "ready") ?? null)
})

const byText = (a: Json, b: Json): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

/** Lists without an order of their own. */
const sets = new Set(["addresses", "conditions", "endpoints", "items", "notReadyAddresses", "ports", "subsets"])

const textAt = (object: Json | undefined, ...path: ReadonlyArray<string>): string => {
  const value = at(object, ...path)
  return typeof value === "string" ? value : ""
}

/** Names that a cluster makes up, and what stands for them. */
const namesOf = (lists: ReadonlyArray<Json>): ReadonlyMap<string, string> => {
  const objects = lists.flatMap((list) => listAt(list, "items"))
  const hashes = objects
    .flatMap((each): ReadonlyArray<readonly [number, string]> => {
      const labels = at(each, "metadata", "labels")
      const hash =
        textAt(labels, "pod-template-hash") ||
        textAt(labels, "controller.kubernetes.io/hash") ||
        textAt(labels, "controller-revision-hash")
      const revision = at(each, "revision") ?? at(each, "metadata", "annotations", "deployment.kubernetes.io/revision")
      return hash === "" || revision === undefined ? [] : [[Number(revision), hash]]
    })
    .toSorted(([a], [b]) => a - b)
    .map(([, hash], index) => [hash, `<hash ${index + 1}>`] as const)
  const generated = objects.flatMap((each): ReadonlyArray<readonly [string, string]> => {
    const [prefix, name] = [textAt(each, "metadata", "generateName"), textAt(each, "metadata", "name")]
    // A pod of a StatefulSet says from what its name could have been made, but it was not.
    return prefix === "" || /-\d+$/.test(name) ? [] : [[name, `${prefix}?????`]]
  })
  return new Map([...generated, ...hashes])
}

const normalizer = (namespace: string, names: ReadonlyMap<string, string>, nodes: ReadonlySet<string> = new Set()) => {
  const text = (value: string): string => {
    let result = value
    for (const [name, other] of names) result = result.replaceAll(name, other)
    return result
      .replace(uid, "<uid>")
      .replace(time, "<time>")
      .replace(address, "<ip>")
      .replaceAll(namespace, "$NS")
      .replace(/kube-api-access-.{5}/, "kube-api-access-?????")
      .replace(/-\d{8}(?=-|$)/, "-<minutes>")
  }
  const normal = (value: Json, key = ""): Json => {
    if (typeof value === "string") return key === "nodeName" ? "<node>" : text(value)
    if (key === "nodePort" || key === "healthCheckNodePort") return "<port>"
    if (Array.isArray(value)) {
      // The values of a selector of fields may be nodes.
      const items = value.map((each: Json) => (key === "values" && nodes.has(String(each)) ? "<node>" : normal(each)))
      return sets.has(key) ? items.toSorted(byText) : items
    }
    if (!isObject(value)) return value
    const isPod = at(value, "spec", "containers") !== undefined && at(value, "status") !== undefined
    const isCounted = counted.has(textAt(value, "kind"))
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, child]): ReadonlyArray<readonly [string, Json]> => {
          if (dropped.has(name)) return []
          if (isPod && name === "status") return [[name, podStatus(child)]]
          if (isCounted && (name === "metadata" || name === "status") && isObject(child)) {
            const { generation: _generation, observedGeneration: _observed, ...rest } = child
            return [[name, normal(rest)]]
          }
          const shown = normal(child, name)
          return name === "annotations" && isObject(shown) && Object.keys(shown).length === 0 ? [] : [[name, shown]]
        })
    )
  }
  return normal
}

// ---- running

const filledFor = (namespace: string) => (text: string) => text.replaceAll("$NS", namespace)

const get = (namespace: string, path: string): Effect.Effect<Object_, KubeError, KubeClient> =>
  Effect.map(sent(["GET", path], filledFor(namespace)), ({ text }) => {
    const value = parse(text)
    return isObject(value) ? value : {}
  })

const isWait = (step: Step | Wait): step is Wait => "until" in step

/** What there is now. */
export const objectsIn = (namespace: string): Effect.Effect<Outcome["objects"], KubeError, KubeClient> =>
  Effect.gen(function* () {
    const nodes = yield* get(namespace, "/api/v1/nodes")
    const lists = yield* Effect.forEach(shown, (path) => {
      const full = `/${path.replace("$", `namespaces/${namespace}`)}`
      return Effect.map(get(namespace, full), (list) => {
        // Items of a list do not say what they are.
        const kind = textAt(list, "kind").replace(/List$/, "")
        return {
          items: listAt(list, "items")
            .filter(isObject)
            .map((each): Object_ => ({ kind, ...each }))
        }
      })
    })
    const nodeNames = listAt(nodes, "items").map((each) => textAt(each, "metadata", "name"))
    const normal = normalizer(namespace, namesOf(lists), new Set(nodeNames))
    return Object.fromEntries(
      lists.flatMap(({ items }, index) =>
        items.length === 0 ? [] : [[shown[index]?.split("/").at(-1) ?? "", normal(items, "items")]]
      )
    )
  })

/** Each condition's statuses and reasons, one after the other. */
const historyOf = (states: ReadonlyArray<Json>): Json => {
  const all = new Map<string, Array<string>>()
  for (const condition of states.flatMap((state) => listAt(state, "status", "conditions"))) {
    const type = textAt(condition, "type")
    const text = `${textAt(condition, "status")} ${textAt(condition, "reason")}`
    const known = all.get(type)
    if (known === undefined) all.set(type, [text])
    else if (known.at(-1) !== text) known.push(text)
  }
  return Object.fromEntries([...all].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Follows an object; gives the states that it has had until now. */
const following = (namespace: string, path: string) =>
  Effect.gen(function* () {
    const client = yield* KubeClient
    const seen = yield* Ref.make<ReadonlyArray<Json>>([])
    const [, collection = "", name = ""] = /^(.*)\/([^/]+)$/.exec(path.replaceAll("$NS", namespace)) ?? []
    const answer = yield* client.exchange({
      method: "GET",
      path: collection,
      search: `?watch=1&fieldSelector=metadata.name%3D${name}`,
      headers: { accept: "application/json" },
      about: { verb: "watch", kind: "", resource: "" }
    })
    yield* Effect.forkScoped(
      answer.body.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.runForEach((line) => Ref.update(seen, (all) => [...all, at(parse(line), "object") ?? null]))
      )
    )
    return Ref.get(seen)
  })

/** Runs the steps of a scenario; gives what was refused, and the history of what it follows until now. */
export const run = (
  { follows, steps }: Scenario,
  namespace: string
): Effect.Effect<Pick<Outcome, "history" | "refused">, KubeError, KubeClient> =>
  Effect.scoped(
    Effect.gen(function* () {
      const seen = follows === undefined ? Effect.succeed([]) : yield* following(namespace, follows)
      const normal = normalizer(namespace, new Map())
      const refused = yield* Effect.forEach(steps, (step) =>
        isWait(step)
          ? get(namespace, step.until).pipe(
              Effect.repeat({ schedule: Schedule.spaced("200 millis"), until: step.is }),
              Effect.timeoutFail({
                duration: "100 seconds",
                onTimeout: () => new Error(`${step.until} has not become as wanted`)
              }),
              Effect.orDie,
              Effect.as(Option.none<Json>())
            )
          : Effect.map(sent(step, filledFor(namespace)), ({ status, text }) =>
              status < 400
                ? Option.none<Json>()
                : Option.some(normal({ request: `${step[0]} ${step[1]}`, answer: parse(text) }))
            )
      )
      return { refused: refused.flatMap(Option.toArray), history: historyOf(yield* seen) }
    })
  )
