/** Random sequences of requests about a few objects: what one request leaves behind is what the next one finds. */
import { FastCheck as fc } from "effect"
import {
  applying,
  headless,
  json,
  maps,
  merge,
  one,
  pods,
  podTemplates,
  roles,
  services,
  strategic
} from "./cases/common.js"
import type { Case, Step } from "./harness.js"
import { container, pod } from "./cases/common.js"

type Content = { readonly [field: string]: unknown }

interface Kind {
  readonly path: string
  readonly apiVersion: string
  readonly kind: string
  /** What an object has to have. */
  readonly base: Content
  /** More of it, as creates, replaces, merge patches and applies set it. */
  readonly content: fc.Arbitrary<Content>
  /** Strategic patches, with their directives. */
  readonly strategic: fc.Arbitrary<Content>
  readonly pointers: ReadonlyArray<string>
}

const some = (record: { readonly [key: string]: fc.Arbitrary<unknown> }): fc.Arbitrary<Content> =>
  fc.record(record, { requiredKeys: [] })
const texts = (...keys: ReadonlyArray<string>) =>
  some(Object.fromEntries(keys.map((key) => [key, fc.constantFrom("1", "2")])))
const orNulls = (...keys: ReadonlyArray<string>) =>
  some(Object.fromEntries(keys.map((key) => [key, fc.constantFrom<unknown>("1", "3", null)])))

const port = fc.constantFrom(80, 81, 82).map((number) => ({ name: `p${number}`, port: number }))
const ports = fc.uniqueArray(port, { minLength: 1, maxLength: 3, selector: ({ name }) => name })
const rule = fc.record({
  apiGroups: fc.constant([""]),
  resources: fc.constantFrom(["pods"], ["secrets"]),
  verbs: fc.constantFrom(["get"], ["get", "list"])
})
const named = fc
  .constantFrom("one", "two")
  .map((name) => ({ name, image: `example.com/${name}:1`, imagePullPolicy: "Always" }))

const kinds: ReadonlyArray<Kind> = [
  {
    path: maps,
    apiVersion: "v1",
    kind: "ConfigMap",
    base: {},
    content: some({ data: texts("a", "b", "c"), binaryData: texts("d").map(() => ({ d: "AA==" })) }),
    strategic: fc.oneof(
      some({ data: orNulls("a", "b") }),
      fc.constant({ data: { $patch: "replace", z: "1" } }),
      fc.constant({ data: { $retainKeys: ["a"], a: "4" } })
    ),
    pointers: ["/data/a", "/data/b", "/data", "/metadata/labels/a", "/metadata/annotations/b"]
  },
  {
    path: services,
    apiVersion: "v1",
    kind: "Service",
    base: { spec: { ...headless, ports: [{ name: "p80", port: 80 }] } },
    content: fc.record({ ports, selector: texts("a", "b") }).map((spec) => ({ spec: { ...headless, ...spec } })),
    strategic: fc.oneof(
      fc.record({ ports }).map((spec) => ({ spec })),
      fc.constant({ spec: { ports: [{ port: 81, $patch: "delete" }] } }),
      fc.constant({ spec: { ports: [{ $patch: "replace" }, { name: "p82", port: 82 }] } }),
      fc.constant({ spec: { "$setElementOrder/ports": [{ port: 82 }, { port: 81 }, { port: 80 }] } }),
      fc.record({ selector: orNulls("a", "b") }).map((spec) => ({ spec }))
    ),
    pointers: ["/spec/selector/a", "/metadata/annotations/a", "/metadata/labels/a"]
  },
  {
    path: roles,
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    base: { rules: [] },
    content: some({ rules: fc.array(rule, { minLength: 1, maxLength: 2 }) }),
    strategic: some({ rules: fc.array(rule, { minLength: 1, maxLength: 2 }) }),
    pointers: ["/metadata/labels/a", "/metadata/labels/b", "/metadata/annotations/b"]
  },
  {
    path: podTemplates,
    apiVersion: "v1",
    kind: "PodTemplate",
    base: { template: { spec: { containers: [container] } } },
    content: fc
      .tuple(fc.uniqueArray(named, { maxLength: 2, selector: ({ name }) => name }), texts("a", "b"))
      .map(([more, nodeSelector]) => ({ template: { spec: { containers: [container, ...more], nodeSelector } } })),
    strategic: fc
      .oneof(
        named.map((each): Content => ({ containers: [each] })),
        fc.constant({ containers: [{ name: "one", $patch: "delete" }] }),
        orNulls("a", "b").map((nodeSelector) => ({ nodeSelector })),
        fc.constant({ "$setElementOrder/containers": [{ name: "two" }, { name: "c" }, { name: "one" }] })
      )
      .map((spec) => ({ template: { spec } })),
    pointers: ["/template/spec/nodeSelector/a", "/metadata/annotations/a", "/metadata/labels/a"]
  },
  {
    path: pods,
    apiVersion: "v1",
    kind: "Pod",
    base: { spec: pod("").spec },
    content: fc.constantFrom("1", "2").map((tag) => ({
      spec: { ...pod("").spec, containers: [{ ...container, image: `example.com/none:${tag}` }] }
    })),
    strategic: fc.constantFrom("3", "4").map((tag) => ({
      spec: { containers: [{ name: container.name, image: `example.com/none:${tag}` }] }
    })),
    pointers: ["/metadata/labels/a", "/metadata/annotations/b", "/spec/containers/0/image"]
  }
]

const metadata: fc.Arbitrary<Content> = some({
  labels: texts("a", "b"),
  annotations: texts("a", "b"),
  finalizers: fc.constantFrom<ReadonlyArray<string>>(["x.dev/a"], ["x.dev/b", "x.dev/a"])
})
const rarely = <A>(value: A, usual: A) => fc.constantFrom(value, usual, usual, usual, usual)
const dry = rarely("dryRun=All", "")
const version = fc.constantFrom("", "", "fresh", "fresh", "stale")
const manager = fc.constantFrom("one", "two")
const selection = fc.constantFrom("labelSelector=a%3D1", "labelSelector=!a", "labelSelector=a+in+(1,2),b", "")

/** What is done with an object; `at` is the number of its first request. */
type Operation = (at: number, earlier: number) => ReadonlyArray<Step>

const operation = (kind: Kind): fc.Arbitrary<Operation> => {
  const name = fc.constantFrom("a", "a", "b")
  const { apiVersion, base, content, kind: said, path, pointers } = kind
  const target = fc.record({ name, query: dry, version, metadata, content })
  const query = (...parts: ReadonlyArray<string>) => {
    const given = parts.filter((part) => part !== "")
    return given.length === 0 ? "" : `?${given.join("&")}`
  }
  /** A read before the write, for the version that it may say. */
  const versioned = (of: string, which: string, write: (version: Content) => Step): Operation => {
    const read: Step = ["GET", `${path}/${of}`]
    return (at, earlier) => [
      read,
      write(which === "" ? {} : { resourceVersion: `$${which === "fresh" ? at : earlier}.metadata.resourceVersion` })
    ]
  }
  const once =
    (step: Step): Operation =>
    () => [step]
  return fc.oneof(
    {
      weight: 3,
      arbitrary: target.map((each) =>
        once([
          "POST",
          path + query(each.query),
          { ...base, ...each.content, metadata: { ...each.metadata, name: each.name } }
        ])
      )
    },
    {
      weight: 3,
      arbitrary: target.map((each) =>
        versioned(each.name, each.version, (said) => [
          "PUT",
          `${path}/${each.name}${query(each.query)}`,
          { ...base, ...each.content, metadata: { ...each.metadata, ...said, name: each.name } }
        ])
      )
    },
    {
      weight: 2,
      arbitrary: target.map((each) =>
        versioned(each.name, each.version, (said) => [
          "PATCH",
          `${path}/${each.name}${query(each.query)}`,
          { ...each.content, metadata: { ...each.metadata, ...said } },
          merge
        ])
      )
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(target, kind.strategic)
        .map(([each, patch]) =>
          once(["PATCH", `${path}/${each.name}${query(each.query)}`, { ...patch, metadata: each.metadata }, strategic])
        )
    },
    {
      weight: 2,
      arbitrary: fc
        .record({
          name,
          query: dry,
          op: fc.constantFrom("add", "remove", "replace", "test"),
          path: fc.constantFrom(...pointers)
        })
        .map((each) =>
          once([
            "PATCH",
            `${path}/${each.name}${query(each.query)}`,
            [each.op === "remove" ? { op: each.op, path: each.path } : { op: each.op, path: each.path, value: "1" }],
            json
          ])
        )
    },
    {
      weight: 5,
      arbitrary: fc.tuple(target, manager, fc.boolean(), rarely(true, false)).map(([each, who, force, bare]) =>
        once([
          "PATCH",
          `${path}/${each.name}${query(`fieldManager=${who}`, force ? "force=true" : "", each.query)}`,
          {
            apiVersion,
            kind: said,
            ...(bare ? {} : { ...base, ...each.content }),
            metadata: { ...each.metadata, name: each.name }
          },
          applying
        ])
      )
    },
    {
      weight: 1,
      arbitrary: name.map((of) => once(["PATCH", `${path}/${of}`, { metadata: { finalizers: null } }, merge]))
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(name, dry, version, fc.constantFrom("", "propagationPolicy=Background", "gracePeriodSeconds=0"))
        .map(([of, isDry, which, policy]) =>
          which === ""
            ? once(["DELETE", `${path}/${of}${query(isDry, policy)}`])
            : versioned(of, which, (preconditions) => ["DELETE", `${path}/${of}`, { preconditions }])
        )
    },
    {
      weight: 1,
      arbitrary: selection.map((selector) =>
        once(["GET", `${path}${query(selector, "fieldSelector=metadata.name!%3Dkube-root-ca.crt")}`])
      )
    },
    {
      weight: 1,
      arbitrary: selection.map((selector) =>
        once(["DELETE", `${path}${query(selector, "fieldSelector=metadata.name!%3Dkube-root-ca.crt")}`])
      )
    }
  )
}

const sequence = (operations: ReadonlyArray<readonly [Kind, Operation]>): ReadonlyArray<Step> => {
  // Its version is before everything that is watched.
  const steps: Array<Step> = [["POST", roles, { metadata: { name: "beginning" } }]]
  for (const [, make] of operations) {
    const at = steps.length + 1
    steps.push(...make(at, Math.max(1, at - 4)))
  }
  const seen = new Set(operations.map(([kind]) => kind))
  for (const { path } of seen) {
    steps.push([
      "GET",
      `${path}?watch=true&timeoutSeconds=1&resourceVersion=$1.metadata.resourceVersion&fieldSelector=metadata.name!%3Dkube-root-ca.crt`
    ])
    // So that the namespace can go.
    for (const name of ["a", "b"]) steps.push(["PATCH", `${path}/${name}`, { metadata: { finalizers: null } }, merge])
  }
  return steps
}

const two = fc.shuffledSubarray([...kinds], { minLength: 2, maxLength: 2 })

const sequences = two.chain((chosen) =>
  fc.array(
    fc.constantFrom(...chosen).chain((kind) => operation(kind).map((make) => [kind, make] as const)),
    { minLength: 12, maxLength: 18, size: "max" }
  )
)

/** As many sequences as wanted; the same for the same seed. No patch makes what is quoted whole: see the known differences. */
export const randomCases = (seed: number, count: number): ReadonlyArray<Case> =>
  fc
    .sample(sequences, { seed, numRuns: count })
    .map((operations, index) => one(`sequence ${index + 1} of seed ${seed}`, ...sequence(operations)))
