/** Kinds that the cluster is taught: CustomResourceDefinitions, and the objects of their kinds. */
import type { Case, Definition, Headers, Step } from "../harness.js"
import { applying, json, merge, one, strategic } from "./common.js"

const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
const group = "$NS.example.com"
const widgets = `/apis/${group}/v1/namespaces/$NS/widgets`
const definitionPath = `${definitionsPath}/widgets.${group}`

const table: Headers = { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" }
const partial: Headers = { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" }
const jane: Headers = { "impersonate-user": "conformance-jane" }

type Schema = { readonly [keyword: string]: unknown }

const text: Schema = { type: "string" }
const integer: Schema = { type: "integer" }
const object = (properties: Schema, more: Schema = {}): Schema => ({
  type: "object",
  ...(Object.keys(properties).length === 0 ? {} : { properties }),
  ...more
})
const list = (items: Schema, more: Schema = {}): Schema => ({ type: "array", items, ...more })
/** A schema whose spec has these fields. */
const withSpec = (properties: Schema, more: Schema = {}): Schema => object({ spec: object(properties, more) })

const version = (schema: Schema, more: object = {}) => ({
  name: "v1",
  served: true,
  storage: true,
  schema: { openAPIV3Schema: schema },
  ...more
})

const names = { plural: "widgets", kind: "Widget" }

const definition = (spec: object = {}): Definition => ({
  metadata: { name: `widgets.${group}` },
  spec: { group, scope: "Namespaced", names, versions: [version(object({}))], ...spec }
})

/** The definition of a kind with this schema. */
const ofSchema = (schema: Schema, more: object = {}): Definition => definition({ versions: [version(schema, more)] })

const widget = (name: string, more: object = {}) => ({
  apiVersion: `${group}/v1`,
  kind: "Widget",
  metadata: { name },
  ...more
})
const withValue = (value: unknown) => widget("a", { spec: { value } })

const defining = (definitions: Definition | ReadonlyArray<Definition>, each: Case): Case => ({
  ...each,
  definitions: Array.isArray(definitions) ? definitions : [definitions as Definition]
})

/** Definitions that the server does not take; a schema stands for the definition with it. */
const refused = (name: string, ...definitions: ReadonlyArray<object>): Case =>
  one(name, ...definitions.map((each): Step => ["POST", `${definitionsPath}?dryRun=All`, each]))

const badSchemas = (name: string, ...schemas: ReadonlyArray<Schema>): Case =>
  refused(name, ...schemas.map((schema) => ofSchema(schema)))

/** Values of `spec.value`, each of which is created under the same name. */
const values = (name: string, schema: Schema, ...all: ReadonlyArray<unknown>): Case =>
  defining(
    ofSchema(withSpec({ value: schema })),
    one(name, ...all.map((value): Step => ["POST", `${widgets}?dryRun=All`, withValue(value)]))
  )

const named = (more: object) => definition({ names: { ...names, ...more } })

const established: Step[4] = ({ text }) =>
  /"type":"Established","status":"True"|"status":"True"[^}]*"type":"Established"/.test(text)
const hasConditions: Step[4] = ({ text }) => text.includes('"type":"NamesAccepted"')
const isGone: Step[4] = ({ status }) => status === 404

const validation: ReadonlyArray<Case> = [
  refused(
    "the name of a definition",
    { ...definition(), metadata: { name: "other.$NS.example.com" } },
    { ...definition(), metadata: {} },
    { ...definition(), metadata: { name: `Widgets.${group}` } },
    { ...definition({ group: "nodots" }), metadata: { name: "widgets.nodots" } },
    { ...definition({ group: "a_b.example.com" }), metadata: { name: "widgets.a_b.example.com" } },
    { ...definition({ group: undefined }) },
    { ...definition({ group: "$NS.k8s.io" }), metadata: { name: "widgets.$NS.k8s.io" } },
    {
      ...definition({ group: "$NS.k8s.io" }),
      metadata: { name: "widgets.$NS.k8s.io", annotations: { "api-approved.kubernetes.io": "nonsense" } }
    }
  ),
  refused("a definition without anything", { metadata: { name: "a.b.c" } }, { metadata: { name: "a.b.c" }, spec: {} }),
  refused(
    "the names of a kind",
    named({ kind: "widget_" }),
    named({ kind: undefined }),
    named({ listKind: "Widget" }),
    named({ singular: "Widget" }),
    named({ shortNames: ["w", "W_"], categories: ["All"] }),
    { ...named({ plural: "" }), metadata: { name: `.${group}` } }
  ),
  refused("the scope of a definition", definition({ scope: "Global" }), definition({ scope: undefined })),
  refused(
    "the versions of a definition",
    definition({ versions: [] }),
    definition({ versions: [version(object({}), { storage: false })] }),
    definition({ versions: [version(object({})), version(object({}), { name: "v2" })] }),
    definition({ versions: [version(object({})), version(object({ a: text }), { storage: false })] }),
    definition({ versions: [version(object({}), { name: "V1" })] }),
    definition({ versions: [version(object({}), { schema: undefined })] }),
    definition({ versions: [version(object({}), { schema: {} })] }),
    definition({ versions: [version(object({}), { deprecationWarning: "old" })] }),
    definition({ versions: [version(object({}), { deprecated: true, deprecationWarning: "" })] })
  ),
  badSchemas(
    "schemas that are not structural",
    {},
    { type: "string" },
    withSpec({ a: {} }),
    withSpec({ a: { type: "array" } }),
    withSpec({ a: list({}) }),
    withSpec({ a: { type: "object", properties: { b: text }, additionalProperties: text } }),
    withSpec({ a: { type: "object", properties: { b: text }, additionalProperties: false } }),
    { type: "object", additionalProperties: text },
    withSpec({ a: { anyOf: [{ type: "string" }, { type: "integer" }] } }),
    withSpec({ a: { type: "string", anyOf: [{ type: "string" }] } }),
    withSpec({ a: { type: "string", allOf: [{ description: "x", default: "y", nullable: true }] } }),
    object({ spec: object({}), metadata: object({ labels: object({}) }) }),
    object({ metadata: text }),
    object({ kind: integer }),
    withSpec({ a: object({}, { not: { properties: { metadata: {} } } }) }),
    withSpec({ a: object({ b: text }, { oneOf: [{ required: ["b"], properties: { c: { minLength: 1 } } }] }) }),
    withSpec({ a: { type: "object", nullable: true } }, { nullable: true }),
    { type: "object", nullable: true }
  ),
  badSchemas(
    "keywords that a schema may not have",
    withSpec({ a: { type: "text" } }),
    withSpec({ a: { type: "null" } }),
    withSpec({ a: list(text, { uniqueItems: true }) }),
    withSpec({ a: { type: "string", pattern: "(" } }),
    withSpec({ a: { $ref: "#/definitions/x" } }),
    object({}, { definitions: { x: text } }),
    object({}, { patternProperties: { x: text } }),
    object({}, { dependencies: { x: ["y"] } }),
    object({}, { id: "x" }),
    withSpec({ a: { type: "array", items: [text, text] } }),
    withSpec({ a: list(text, { additionalItems: true }) })
  ),
  badSchemas(
    "extensions of a schema",
    withSpec({ a: { type: "object", "x-kubernetes-preserve-unknown-fields": false } }),
    withSpec({ a: { "x-kubernetes-int-or-string": true, "x-kubernetes-preserve-unknown-fields": true } }),
    withSpec({ a: { "x-kubernetes-int-or-string": true, type: "string" } }),
    withSpec({ a: { type: "object", "x-kubernetes-embedded-resource": true } }),
    withSpec({ a: { type: "string", "x-kubernetes-embedded-resource": true } }),
    withSpec({ a: { "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true } }),
    withSpec({ a: { type: "object", "x-kubernetes-map-type": "some" } }),
    withSpec({ a: { type: "string", "x-kubernetes-map-type": "atomic" } }),
    withSpec({ a: { type: "string", "x-kubernetes-list-type": "set" } }),
    withSpec({ a: list(text, { "x-kubernetes-list-type": "bag" }) }),
    withSpec({ a: list(text, { "x-kubernetes-list-map-keys": ["a"] }) }),
    withSpec({ a: list(text, { "x-kubernetes-list-type": "map" }) }),
    withSpec({ a: list(object({ k: text }), { "x-kubernetes-list-type": "map" }) }),
    withSpec({
      a: list(object({ k: text }), { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"] })
    }),
    withSpec({
      a: list(object({ k: text }, { required: ["k"] }), {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k", "z"]
      })
    }),
    withSpec({
      a: list(object({ k: object({}) }, { required: ["k"] }), {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"]
      })
    }),
    withSpec({
      a: list(object({ k: { ...text, nullable: true } }, { required: ["k"], nullable: true }), {
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k", "k"]
      })
    }),
    withSpec({ a: list(object({ b: text }), { "x-kubernetes-list-type": "set" }) }),
    withSpec({ a: list(list(text, { "x-kubernetes-list-type": "set" }), { "x-kubernetes-list-type": "set" }) })
  ),
  badSchemas(
    "defaults that do not fit",
    withSpec({ a: { type: "integer", default: "x" } }),
    withSpec({ a: { type: "string", maxLength: 2, default: "long" } }),
    withSpec({ a: object({ b: text }, { default: { b: "x", c: "y" } }) }),
    withSpec({ a: object({ b: text }, { required: ["b"], default: {} }) }),
    object({ metadata: object({ name: { type: "string", default: "x" } }) }),
    withSpec({ a: { type: "object", additionalProperties: { type: "string", default: "x" } } }),
    withSpec({ a: list({ type: "integer", default: "x" }) })
  ),
  refused(
    "subresources that are not right",
    ofSchema(object({}), { subresources: { scale: {} } }),
    ofSchema(object({}), { subresources: { scale: { specReplicasPath: ".spec.n", statusReplicasPath: "status.n" } } }),
    ofSchema(object({}), { subresources: { scale: { specReplicasPath: ".n", statusReplicasPath: ".spec.n" } } }),
    ofSchema(object({}), {
      subresources: {
        scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n", labelSelectorPath: ".metadata.x" }
      }
    }),
    ofSchema(
      { type: "object", "x-kubernetes-preserve-unknown-fields": true, nullable: true },
      { subresources: { status: {} } }
    )
  ),
  refused(
    "columns that are not right",
    ofSchema(object({}), { additionalPrinterColumns: [{ name: "A", type: "text", jsonPath: ".spec.a" }] }),
    ofSchema(object({}), { additionalPrinterColumns: [{ name: "A", type: "string", jsonPath: "spec.a" }] }),
    ofSchema(object({}), { additionalPrinterColumns: [{ name: "", type: "string", jsonPath: "" }] }),
    ofSchema(object({}), { additionalPrinterColumns: [{ name: "A", jsonPath: ".a", type: "string", format: "x" }] })
  ),
  refused(
    "selectable fields that are not right",
    ofSchema(withSpec({ a: text }), { selectableFields: [{ jsonPath: ".spec.b" }] }),
    ofSchema(withSpec({ a: text }), { selectableFields: [{ jsonPath: ".spec" }] }),
    ofSchema(withSpec({ a: text }), { selectableFields: [{ jsonPath: ".spec.a" }, { jsonPath: ".spec.a" }] }),
    ofSchema(withSpec({ a: list(text) }), { selectableFields: [{ jsonPath: ".spec.a[0]" }] }),
    ofSchema(withSpec({ a: text }), { selectableFields: [{ jsonPath: "" }] }),
    ofSchema(object({ metadata: object({ name: text }) }), { selectableFields: [{ jsonPath: ".metadata.name" }] })
  ),
  refused(
    "a conversion that is not there",
    definition({ conversion: { strategy: "Other" } }),
    definition({ conversion: { strategy: "Webhook" } }),
    definition({ conversion: { strategy: "None", webhook: { conversionReviewVersions: ["v1"] } } }),
    definition({ preserveUnknownFields: true })
  ),
  one(
    "fields that a definition does not have",
    ["POST", `${definitionsPath}?fieldValidation=Strict&dryRun=All`, definition({ extra: 1 })],
    ["POST", `${definitionsPath}?fieldValidation=Ignore&dryRun=All`, definition({ extra: 1 })],
    ["POST", `${definitionsPath}?dryRun=All`, ofSchema(withSpec({ a: { type: "string", format: "odd" } }))]
  )
]

const life: ReadonlyArray<Case> = [
  one(
    "a definition, from its beginning to its end",
    ["POST", definitionsPath, definition({ names: { ...names, shortNames: ["wd"], categories: ["all"] } })],
    ["GET", definitionPath, undefined, {}, established],
    ["GET", `/apis/${group}`, undefined, {}, ({ status }) => status === 200],
    ["GET", `/apis/${group}/v1`, undefined, {}, ({ status }) => status === 200],
    ["POST", widgets, widget("a")],
    ["POST", definitionsPath, definition()],
    ["DELETE", definitionPath],
    ["GET", definitionPath, undefined, {}, isGone],
    ["GET", widgets, undefined, {}, isGone],
    ["GET", `/apis/${group}`, undefined, {}, isGone],
    ["POST", definitionsPath, definition()],
    ["GET", widgets, undefined, {}, ({ status }) => status === 200],
    ["DELETE", definitionPath, undefined, partial]
  ),
  one(
    "the watch of definitions",
    ["POST", `${definitionsPath}`, definition(), partial],
    ["GET", definitionPath, undefined, {}, established],
    [
      "GET",
      `${definitionsPath}?watch=true&timeoutSeconds=1&resourceVersion=$1.metadata.resourceVersion&fieldSelector=metadata.name%3Dwidgets.${group}`
    ],
    ["GET", widgets, undefined, {}, ({ status }) => status === 200],
    ["DELETE", definitionPath],
    ["GET", definitionPath, undefined, {}, isGone],
    [
      "GET",
      `${definitionsPath}?watch=true&timeoutSeconds=1&resourceVersion=$5.metadata.resourceVersion&fieldSelector=metadata.name%3Dwidgets.${group}`
    ]
  ),
  defining(
    definition(),
    one(
      "names that are taken",
      [
        "POST",
        definitionsPath,
        { ...definition({ names: { plural: "others", kind: "Widget" } }), metadata: { name: `others.${group}` } }
      ],
      ["GET", `${definitionsPath}/others.${group}`, undefined, {}, hasConditions],
      ["GET", `/apis/${group}/v1/namespaces/$NS/others`],
      ["DELETE", `${definitionsPath}/others.${group}`, undefined, partial]
    )
  ),
  defining(
    definition(),
    one(
      "a definition that is changed",
      ["PUT", definitionPath, definition()],
      ["PATCH", definitionPath, { spec: { scope: "Cluster" } }, merge],
      ["PATCH", definitionPath, { spec: { group: "other.example.com" } }, merge],
      ["PATCH", definitionPath, { spec: { names: { plural: "things" } } }, merge],
      ["PATCH", definitionPath, { spec: { names: { kind: "Thing" } } }, merge],
      ["PATCH", definitionPath, { status: { storedVersions: ["v9"] } }, merge],
      ["PATCH", `${definitionPath}/status`, { status: { storedVersions: [] } }, merge],
      [
        "PATCH",
        definitionPath,
        {
          spec: {
            versions: [version(object({ spec: object({}) }), { storage: false }), version(object({}), { name: "v2" })]
          }
        },
        merge
      ],
      ["PATCH", definitionPath, { spec: { versions: [version(object({}), { name: "v2" })] } }, merge],
      ["PATCH", definitionPath, { spec: { versions: [] } }, strategic],
      ["PATCH", definitionPath, { metadata: { labels: { a: "b" } } }, { ...merge, ...partial }]
    )
  ),
  defining(
    definition({
      versions: [
        version(withSpec({ a: text, b: text }), { storage: false }),
        version(withSpec({ a: text, c: { type: "string", default: "x" } }), { name: "v2" }),
        version(object({}), { name: "v3beta1", storage: false, served: false }),
        version(object({}), { name: "v1alpha1", storage: false, deprecated: true })
      ]
    }),
    one(
      "versions of a kind",
      ["GET", `/apis/${group}`],
      ["GET", `/apis/${group}/v2`],
      ["GET", `/apis/${group}/v3beta1`],
      ["POST", widgets, widget("a", { spec: { a: "1", b: "2", c: "3" } })],
      ["GET", `${widgets}/a`],
      ["GET", `/apis/${group}/v2/namespaces/$NS/widgets/a`],
      ["GET", `/apis/${group}/v3beta1/namespaces/$NS/widgets/a`],
      ["GET", `/apis/${group}/v1alpha1/namespaces/$NS/widgets/a`],
      ["GET", `/apis/${group}/v2/namespaces/$NS/widgets?watch=true&timeoutSeconds=1`],
      ["POST", `/apis/${group}/v2/namespaces/$NS/widgets`, widget("b")],
      ["PATCH", `/apis/${group}/v2/namespaces/$NS/widgets/a`, { spec: { c: "4" } }, merge]
    )
  ),
  defining(
    definition({ scope: "Cluster" }),
    one(
      "a kind of the cluster",
      ["GET", `/apis/${group}/v1`],
      ["POST", `/apis/${group}/v1/widgets`, widget("a")],
      ["POST", widgets, widget("a")],
      ["GET", `/apis/${group}/v1/widgets/a`],
      ["GET", `${widgets}/a`],
      ["POST", `/apis/${group}/v1/widgets`, widget("b", { metadata: { name: "b", namespace: "$NS" } })],
      ["DELETE", `/apis/${group}/v1/widgets/a`]
    )
  ),
  defining(
    definition(),
    one(
      "a definition whose objects stay",
      ["POST", widgets, widget("a", { metadata: { name: "a", finalizers: ["example.com/stay"] } })],
      ["DELETE", definitionPath, undefined, partial],
      ["GET", definitionPath, undefined, {}, ({ text }) => text.includes("InstanceDeletionInProgress")],
      ["GET", `${widgets}/a`, undefined, {}, ({ text }) => text.includes("deletionTimestamp")],
      ["POST", widgets, widget("b")],
      ["PATCH", `${widgets}/a`, { metadata: { finalizers: null } }, merge],
      ["GET", definitionPath, undefined, {}, isGone]
    )
  )
]

const full = ofSchema(
  object(
    {
      spec: object(
        {
          size: { type: "integer", minimum: 1 },
          color: { type: "string", default: "red" },
          replicas: integer,
          tags: list(text, { "x-kubernetes-list-type": "set" }),
          ports: list(
            object({ name: text, port: integer, protocol: { type: "string", default: "TCP" } }, { required: ["port"] }),
            { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"] }
          ),
          steps: list(text),
          labels: { type: "object", additionalProperties: text },
          whole: object({ a: text, b: text }, { "x-kubernetes-map-type": "atomic" }),
          free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          limit: { "x-kubernetes-int-or-string": true },
          maybe: { type: "string", nullable: true },
          never: text,
          settings: object({ mode: { type: "string", default: "slow" } }, { default: {} })
        },
        { required: ["size"] }
      ),
      status: object({
        phase: text,
        replicas: integer,
        selector: text,
        conditions: list(object({ type: text, status: text }, { required: ["type"] }), {
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["type"]
        })
      })
    },
    { required: ["spec"] }
  ),
  {
    subresources: {
      status: {},
      scale: {
        specReplicasPath: ".spec.replicas",
        statusReplicasPath: ".status.replicas",
        labelSelectorPath: ".status.selector"
      }
    },
    additionalPrinterColumns: [
      { name: "Size", type: "integer", jsonPath: ".spec.size" },
      { name: "Color", type: "string", jsonPath: ".spec.color", description: "What it looks like" },
      { name: "Tags", type: "string", jsonPath: ".spec.tags", priority: 1 },
      { name: "Port", type: "integer", format: "int32", jsonPath: ".spec.ports[0].port" },
      { name: "Mode", type: "boolean", jsonPath: ".spec.settings.mode" },
      { name: "Phase", type: "string", jsonPath: ".status.phase" },
      { name: "Ready", type: "string", jsonPath: `.status.conditions[?(@.type=="Ready")].status` },
      { name: "Born", type: "date", jsonPath: ".metadata.creationTimestamp" }
    ],
    selectableFields: [{ jsonPath: ".spec.size" }, { jsonPath: ".spec.color" }]
  }
)

const sized = (name: string, spec: object = {}, more: object = {}) =>
  widget(name, { spec: { size: 1, ...spec }, ...more })

/** A case about the kind that has everything. */
const about = (name: string, ...steps: ReadonlyArray<Step>): Case => defining(full, one(name, ...steps))

const objects: ReadonlyArray<Case> = [
  about(
    "custom objects: create, read, replace, delete",
    ["POST", widgets, sized("a", { steps: ["x"] })],
    ["POST", widgets, sized("a")],
    ["GET", `${widgets}/a`],
    ["GET", `${widgets}/b`],
    ["GET", widgets],
    ["GET", `/apis/${group}/v1/widgets`],
    ["PUT", `${widgets}/a`, sized("a")],
    ["PUT", `${widgets}/a`, sized("a", { size: 2 }, { metadata: { name: "a", resourceVersion: "1" } })],
    [
      "PUT",
      `${widgets}/a`,
      sized("a", { size: 2 }, { metadata: { name: "a", resourceVersion: "$1.metadata.resourceVersion" } })
    ],
    ["PUT", `${widgets}/none`, sized("none")],
    ["DELETE", `${widgets}/a`],
    ["DELETE", `${widgets}/a`]
  ),
  about(
    "custom objects: bodies that are none",
    ["POST", widgets, "[]"],
    ["POST", widgets, "{"],
    ["POST", widgets, "hello"],
    ["POST", widgets, {}],
    ["POST", widgets, { metadata: { name: "a" }, spec: { size: 1 } }],
    ["POST", widgets, { ...sized("a"), kind: "Gadget" }],
    ["POST", widgets, { ...sized("a"), apiVersion: `${group}/v2` }],
    ["POST", widgets, { ...sized("a"), apiVersion: "v1", kind: "ConfigMap" }],
    ["POST", widgets, sized("a", {}, { metadata: { name: "a", namespace: "default" } })],
    ["POST", widgets, sized("a"), { "content-type": "text/plain" }],
    ["POST", widgets, sized("A_b")],
    ["POST", widgets, { apiVersion: `${group}/v1`, kind: "Widget", spec: { size: 1 } }],
    [
      "POST",
      `${widgets}?dryRun=All`,
      `apiVersion: ${group}/v1\nkind: Widget\nmetadata:\n  name: yam\nspec:\n  size: 3\n`,
      { "content-type": "application/yaml" }
    ]
  ),
  about(
    "custom objects: metadata of the wrong form",
    ["POST", widgets, sized("a", {}, { metadata: { name: "a", labels: { a: 1 } } })],
    ["POST", widgets, sized("a", {}, { metadata: { name: "a", labels: "x" } })],
    ["POST", widgets, sized("a", {}, { metadata: "x" })],
    ["POST", widgets, sized("a", {}, { metadata: { name: "a", finalizers: ["odd", "example.com"] } })],
    ["POST", `${widgets}?dryRun=All`, sized("b", {}, { metadata: { name: "b", labels: { "a b": "c" }, other: 1 } })],
    ["POST", `${widgets}?dryRun=All`, sized("b", {}, { metadata: { name: "b", other: 1, labels: null } })],
    ["PATCH", `${widgets}/a`, { metadata: { labels: { a: 1 } } }, merge]
  ),
  about("custom objects: a generated name", ["POST", widgets, sized("", {}, { metadata: { generateName: "gen-" } })]),
  about(
    "custom objects: dry run",
    ["POST", `${widgets}?dryRun=All`, sized("a")],
    ["GET", `${widgets}/a`],
    ["POST", widgets, sized("a"), partial],
    ["PATCH", `${widgets}/a?dryRun=All`, { spec: { size: 5 } }, merge],
    ["DELETE", `${widgets}/a?dryRun=All`],
    ["GET", `${widgets}/a`]
  ),
  about(
    "custom objects: what is filled in and taken away",
    [
      "POST",
      `${widgets}?dryRun=All`,
      sized("a", {
        unknown: 1,
        free: { any: { thing: [1, null] } },
        ports: [{ port: 80, extra: 1 }],
        maybe: null,
        never: null,
        color: null,
        settings: {},
        labels: { a: "b" },
        limit: "50%"
      })
    ],
    ["POST", `${widgets}?dryRun=All`, sized("a", { limit: 5, settings: { mode: "fast" } }, { extra: true })],
    ["POST", `${widgets}?dryRun=All`, sized("a", { limit: 1.5 })],
    ["POST", `${widgets}?dryRun=All`, sized("a", { ports: [null] })],
    ["POST", `${widgets}?dryRun=All`, sized("a", { whole: { a: "b", c: "d" }, labels: { a: null } })]
  ),
  about(
    "custom objects: unknown fields",
    [
      "POST",
      `${widgets}?fieldValidation=Strict`,
      sized("a", { unknown: 1, ports: [{ port: 1, extra: 1 }] }, { more: 1 })
    ],
    [
      "POST",
      `${widgets}?dryRun=All&fieldValidation=Warn`,
      sized("a", { unknown: 1, ports: [{ port: 1, extra: 1 }] }, { more: 1 })
    ],
    ["POST", `${widgets}?dryRun=All&fieldValidation=Ignore`, sized("a", { unknown: 1 })],
    ["POST", `${widgets}?dryRun=All`, sized("a", { unknown: 1 })],
    [
      "POST",
      `${widgets}?fieldValidation=Strict`,
      `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"a","odd":1},"spec":{"size":1,"size":2,"unknown":1}}`
    ],
    ["POST", widgets, sized("a"), partial],
    ["PATCH", `${widgets}/a?fieldValidation=Strict`, { spec: { unknown: 1 } }, merge],
    ["PATCH", `${widgets}/a?fieldValidation=Warn`, { spec: { unknown: 1 } }, merge],
    ["PATCH", `${widgets}/a?fieldValidation=Strict`, [{ op: "add", path: "/spec/unknown", value: 1 }], json],
    ["PATCH", `${widgets}/a?fieldValidation=Strict`, `{"spec":{"size":3,"size":4}}`, merge],
    [
      "PUT",
      `${widgets}/a?fieldValidation=Strict`,
      sized("a", { unknown: 1 }, { metadata: { name: "a", resourceVersion: "$6.metadata.resourceVersion" } })
    ]
  ),
  about(
    "custom objects: patches",
    ["POST", widgets, sized("a", { labels: { x: "y" } })],
    ["PATCH", `${widgets}/a`, { spec: { labels: { x: null, z: "1" }, color: null } }, merge],
    ["PATCH", `${widgets}/a`, [{ op: "add", path: "/spec/labels/b", value: "c" }], json],
    ["PATCH", `${widgets}/a`, [{ op: "test", path: "/spec/size", value: 9 }], json],
    ["PATCH", `${widgets}/a`, { spec: { size: 7 } }, strategic],
    ["PATCH", `${widgets}/a`, { spec: { size: "x" } }, merge],
    ["PATCH", `${widgets}/a`, { spec: null }, merge],
    ["PATCH", `${widgets}/a`, { kind: "Gadget" }, merge],
    ["PATCH", `${widgets}/a`, { apiVersion: "v9" }, merge],
    ["PATCH", `${widgets}/a`, { metadata: { labels: { a: "b" } } }, merge],
    ["PATCH", `${widgets}/a`, { spec: { size: 1 } }, merge],
    ["PATCH", `${widgets}/a`, [{ op: "add", path: "/spec/maybe", value: null }], json],
    ["PATCH", `${widgets}/a`, "{", merge],
    ["PATCH", `${widgets}/a`, {}, { "content-type": "application/foo" }],
    ["PATCH", `${widgets}/none`, {}, merge]
  ),
  about(
    "custom objects: the status",
    ["POST", widgets, sized("a", {}, { status: { phase: "New" } })],
    ["GET", `${widgets}/a/status`],
    [
      "PATCH",
      `${widgets}/a/status`,
      { status: { phase: "Up" }, spec: { size: 9 }, metadata: { labels: { a: "b" } } },
      merge
    ],
    ["PATCH", `${widgets}/a`, { status: { phase: "Down" } }, merge],
    ["PATCH", `${widgets}/a/status`, { status: { phase: 5 } }, merge],
    ["PATCH", `${widgets}/a/status`, { status: { unknown: 5 } }, merge],
    ["PUT", `${widgets}/a/status`, sized("a", { size: 5 }, { status: { replicas: 2 } })],
    [
      "PUT",
      `${widgets}/a/status`,
      sized(
        "a",
        { size: 5 },
        {
          metadata: { name: "a", resourceVersion: "$3.metadata.resourceVersion" },
          status: { replicas: 2 }
        }
      )
    ],
    ["PATCH", `${widgets}/a/status`, { status: { conditions: [{ type: "A" }, { type: "A" }] } }, merge],
    ["PATCH", `${widgets}/a/status`, { status: null }, merge],
    ["DELETE", `${widgets}/a/status`],
    ["POST", `${widgets}/a/status`, sized("a")],
    ["PATCH", `${widgets}/a/status`, {}, strategic]
  ),
  defining(
    ofSchema(withSpec({ a: text }, {})),
    one(
      "custom objects without subresources",
      ["POST", widgets, widget("a", { spec: { a: "b" }, status: { phase: "New" } })],
      ["GET", `${widgets}/a/status`],
      ["GET", `${widgets}/a/scale`],
      ["GET", `${widgets}/a/other`],
      ["PATCH", `${widgets}/a`, { status: { phase: "Up" } }, merge],
      ["GET", widgets, undefined, table],
      ["GET", `${widgets}?fieldSelector=spec.a%3Db`],
      ["DELETE", widgets]
    )
  ),
  about(
    "custom objects: the scale",
    ["POST", widgets, sized("a")],
    ["GET", `${widgets}/a/scale`],
    ["PATCH", `${widgets}/a/scale`, { metadata: { labels: { a: "b" } } }, merge],
    ["PUT", `${widgets}/a/scale`, { metadata: { name: "a" }, spec: { replicas: 3 } }],
    ["GET", `${widgets}/a/scale`],
    ["GET", `${widgets}/a`],
    ["PATCH", `${widgets}/a/status`, { status: { replicas: 2, selector: "a=b" } }, { ...merge, ...partial }],
    ["GET", `${widgets}/a/scale`],
    ["PATCH", `${widgets}/a/scale`, { spec: { replicas: 5 } }, merge],
    ["PATCH", `${widgets}/a/scale`, { spec: { replicas: -1 } }, merge],
    ["PUT", `${widgets}/a/scale`, { metadata: { name: "b" }, spec: { replicas: 3 } }],
    ["PUT", `${widgets}/a/scale`, { metadata: { name: "a", resourceVersion: "1" }, spec: { replicas: 3 } }],
    ["GET", `${widgets}/none/scale`],
    ["GET", `${widgets}/a/scale`, undefined, table],
    ["POST", `${widgets}/a/scale`, {}],
    ["PATCH", `${widgets}/a`, { spec: { replicas: -5 } }, merge],
    ["PATCH", `${widgets}/a/scale`, { spec: { replicas: 6 } }, strategic]
  ),
  about(
    "custom objects: tables",
    ["POST", widgets, sized("a", { tags: ["x", "y"], ports: [{ port: 80 }] }), partial],
    [
      "PATCH",
      `${widgets}/a/status`,
      { status: { phase: "Up", conditions: [{ type: "Ready", status: "True" }] } },
      { ...merge, ...partial }
    ],
    ["GET", widgets, undefined, table],
    ["GET", `${widgets}/a`, undefined, table],
    ["GET", `${widgets}?includeObject=None`, undefined, table],
    ["GET", `${widgets}?watch=true&timeoutSeconds=1`, undefined, table],
    ["GET", `${widgets}/a/status`, undefined, table]
  ),
  about(
    "custom objects: selectors",
    ["POST", widgets, sized("a", { size: 1 }, { metadata: { name: "a", labels: { x: "y" } } }), partial],
    ["POST", widgets, sized("b", { size: 2, color: "blue" }), partial],
    ["GET", `${widgets}?labelSelector=x`],
    ["GET", `${widgets}?fieldSelector=spec.size%3D2`],
    ["GET", `${widgets}?fieldSelector=spec.color%3Dred,metadata.namespace%3D$NS`],
    ["GET", `${widgets}?fieldSelector=spec.color!%3Dred,metadata.name%3Db`],
    ["GET", `${widgets}?fieldSelector=spec.replicas%3D1`],
    ["GET", `${widgets}?watch=true&timeoutSeconds=1&fieldSelector=spec.color%3Dblue`],
    ["GET", `${widgets}?limit=1`],
    ["DELETE", `${widgets}?fieldSelector=spec.size%3D2`],
    ["GET", widgets, undefined, { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" }]
  ),
  about(
    "custom objects: watch",
    ["POST", widgets, sized("a")],
    ["PATCH", `${widgets}/a`, { spec: { size: 2 } }, merge],
    ["DELETE", `${widgets}/a`],
    ["GET", `${widgets}?watch=true&timeoutSeconds=1&resourceVersion=$1.metadata.resourceVersion`]
  ),
  about(
    "custom objects: finalizers",
    ["POST", widgets, sized("a", {}, { metadata: { name: "a", finalizers: ["example.com/f"] } })],
    ["DELETE", `${widgets}/a`],
    ["PATCH", `${widgets}/a`, { metadata: { finalizers: null } }, merge],
    ["GET", `${widgets}/a`],
    ["POST", widgets, sized("b"), partial],
    ["DELETE", `${widgets}/b?propagationPolicy=Foreground`],
    ["GET", `${widgets}/b`, undefined, {}, isGone]
  ),
  about(
    "custom objects: server-side apply",
    [
      "PATCH",
      `${widgets}/a?fieldManager=one`,
      sized("a", { tags: ["x"], ports: [{ port: 80, name: "http" }] }),
      applying
    ],
    [
      "PATCH",
      `${widgets}/a?fieldManager=two`,
      widget("a", { spec: { tags: ["y"], ports: [{ port: 443 }] } }),
      applying
    ],
    ["PATCH", `${widgets}/a?fieldManager=two`, widget("a", { spec: { size: 2 } }), applying],
    [
      "PATCH",
      `${widgets}/a?fieldManager=two&force=true`,
      widget("a", { spec: { size: 2, whole: { a: "b" } } }),
      applying
    ],
    ["PATCH", `${widgets}/a?fieldManager=one`, sized("a", { size: 2 }), applying],
    ["PATCH", `${widgets}/a?fieldManager=one`, sized("a", { unknown: 1 }), applying],
    ["PATCH", `${widgets}/a?fieldManager=one`, sized("a", { size: "x" }), applying],
    ["PATCH", `${widgets}/a?fieldManager=one`, sized("a", { ports: [{ name: "x" }] }), applying],
    ["PATCH", `${widgets}/a?fieldManager=one`, sized("a", { tags: ["z", "z"] }), applying],
    ["PATCH", `${widgets}/a/status?fieldManager=three`, widget("a", { status: { phase: "Up" } }), applying],
    ["PATCH", `${widgets}/a`, sized("a"), applying],
    ["GET", `${widgets}/a`],
    ["PATCH", `${widgets}/b?fieldManager=one`, widget("b", { spec: { color: "x" } }), applying],
    ["PATCH", `${widgets}/b?fieldManager=one`, { ...sized("b"), kind: "Gadget" }, applying]
  ),
  about(
    "custom objects: who may",
    ["GET", widgets, undefined, jane],
    ["GET", `${widgets}/a/scale`, undefined, jane],
    ["POST", widgets, sized("a"), jane],
    ["GET", `/apis/${group}/v1/widgets`, undefined, jane],
    [
      "POST",
      "/apis/rbac.authorization.k8s.io/v1/namespaces/$NS/roles",
      { metadata: { name: "r" }, rules: [{ apiGroups: [group], resources: ["widgets"], verbs: ["get"] }] },
      partial
    ],
    [
      "POST",
      "/apis/rbac.authorization.k8s.io/v1/namespaces/$NS/rolebindings",
      {
        metadata: { name: "r" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "conformance-jane" }]
      },
      partial
    ],
    ["GET", `${widgets}/a`, undefined, jane, isGone]
  ),
  about(
    "custom objects: values that were wrong before",
    ["POST", widgets, sized("a", { tags: ["x", "y"] }), partial],
    [
      "PATCH",
      definitionPath,
      [
        {
          op: "add",
          path: "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color/maxLength",
          value: 2
        },
        {
          op: "add",
          path: "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color/default",
          value: "r"
        }
      ],
      { ...json, ...partial }
    ],
    ["POST", `${widgets}?dryRun=All`, sized("b", { color: "long" }), {}, ({ status }) => status === 422],
    ["PATCH", `${widgets}/a`, { spec: { size: 4 } }, merge],
    ["PATCH", `${widgets}/a`, { spec: { color: "blue" } }, merge]
  )
]

const checks: ReadonlyArray<Case> = [
  values(
    "values: integer",
    { type: "integer", minimum: 2, maximum: 10, multipleOf: 2 },
    4,
    1,
    12,
    5,
    "x",
    1.5,
    true,
    {},
    []
  ),
  values(
    "values: exclusive limits",
    { type: "number", minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: true },
    1.5,
    1,
    2,
    "1"
  ),
  values("values: number", { type: "number", minimum: 0.5, multipleOf: 0.25 }, 0.75, 0.1, 0.6, 3),
  values(
    "values: string",
    { type: "string", minLength: 2, maxLength: 4, pattern: "^[a-c]+$" },
    "abc",
    "a",
    "abcabc",
    "xyz",
    1,
    null,
    ["a"],
    { a: 1 }
  ),
  values("values: enum", { type: "string", enum: ["A", "B"] }, "A", "C", 5),
  values("values: enum of numbers", { type: "integer", enum: [1, 2] }, 1, 3),
  values("values: boolean", { type: "boolean" }, true, "true", 0),
  values("values: array", list(text, { minItems: 1, maxItems: 2 }), ["a"], [], ["a", "b", "c"], [1], "a", {}),
  values(
    "values: object",
    object({ a: text, b: text }, { required: ["a"], minProperties: 1, maxProperties: 1 }),
    { a: "x" },
    {},
    { b: "x" },
    { a: "x", b: "y" },
    [],
    { a: 1 }
  ),
  values(
    "values: map",
    { type: "object", additionalProperties: integer, maxProperties: 2 },
    { a: 1 },
    { a: "x" },
    { a: 1, b: 2, c: 3 }
  ),
  values("values: nullable", { type: "string", nullable: true }, null, "x", 1),
  values("values: list of nullable", list({ type: "string", nullable: true }), [null], ["x"], [1]),
  values("values: list with null", list(text), [null]),
  values("values: int or string", { "x-kubernetes-int-or-string": true }, 1, "1", 1.5, true, {}),
  values(
    "values: int or string with a pattern",
    { "x-kubernetes-int-or-string": true, anyOf: [{ type: "integer" }, { type: "string" }], pattern: "^\\d+%$" },
    1,
    "1%",
    "x"
  ),
  values("values: anything", { "x-kubernetes-preserve-unknown-fields": true }, 1, { a: [{ b: null }] }, null, "x"),
  values(
    "values: set",
    list(text, { "x-kubernetes-list-type": "set" }),
    ["a", "b"],
    ["a", "a"],
    ["a", "b", "a", "a", "b"]
  ),
  values(
    "values: map by keys",
    list(object({ k: text, l: { type: "integer", default: 1 }, v: text }, { required: ["k"] }), {
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k", "l"]
    }),
    [{ k: "a" }, { k: "a", l: 2 }],
    [{ k: "a" }, { k: "a", l: 1 }],
    [{ v: "a" }]
  ),
  values(
    "values: map by one key",
    list(object({ k: text, v: text }, { required: ["k"] }), {
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["k"]
    }),
    [{ k: "a" }, { k: "a", v: "x" }]
  ),
  values("values: anyOf", { type: "string", anyOf: [{ minLength: 3 }, { pattern: "^x" }] }, "abc", "x", "a"),
  values(
    "values: oneOf",
    object({ a: text, b: text }, { oneOf: [{ required: ["a"] }, { required: ["b"] }] }),
    { a: "x" },
    {},
    { a: "x", b: "y" }
  ),
  values("values: allOf", { type: "string", allOf: [{ minLength: 2 }, { maxLength: 3 }] }, "ab", "a", "abcd"),
  values("values: allOf, none", { type: "string", allOf: [{ minLength: 9 }, { pattern: "x" }] }, "a"),
  values("values: not", { type: "string", not: { enum: ["a"] } }, "b", "a"),
  values(
    "values: anyOf in objects",
    object(
      { a: integer, b: integer },
      {
        anyOf: [
          { properties: { a: { minimum: 5 } }, required: ["a"] },
          { properties: { b: { minimum: 5 } }, required: ["b"] }
        ]
      }
    ),
    { a: 5 },
    { a: 1 },
    { b: 1 },
    {}
  ),
  ...(
    [
      ["date-time", "2020-01-01T00:00:00Z", "2020-01-01", "x", "2020-13-01T00:00:00Z"],
      ["date", "2020-01-01", "2020-02-30", "x"],
      ["duration", "1h", "2 days", "x", "1.5h"],
      ["email", "a@b.c", "A <a@b.c>", "x"],
      ["hostname", "a.example.com", "-a", "a_b"],
      ["ipv4", "1.2.3.4", "01.2.3.4", "::1", "x"],
      ["ipv6", "::1", "1.2.3.4"],
      ["cidr", "10.0.0.0/8", "10.0.0.0", "10.0.0.0/33"],
      ["mac", "00:00:5e:00:53:01", "x"],
      ["uri", "https://a.b/c", "/a", "a b"],
      ["uuid", "123e4567-e89b-12d3-a456-426614174000", "x"],
      ["byte", "YWJj", "YWJ", "", "-"],
      ["hexcolor", "#fff", "#ff"],
      ["password", "x"],
      ["int32", "x"],
      ["k8s-short-name", "abc", "a.b"],
      ["k8s-long-name", "a.b", "A"]
    ] as const
  ).map(([format, ...all]) => values(`values: format ${format}`, { type: "string", format }, ...all, 5)),
  values(
    "values: embedded resources",
    { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
    { apiVersion: "v1", kind: "Pod", metadata: { name: "x", other: 1 }, spec: {} },
    {},
    { apiVersion: "v1", kind: "Pod_" },
    { apiVersion: 1, kind: "Pod" },
    { apiVersion: "a/b/c", kind: "" },
    { apiVersion: "v1", kind: "Pod", metadata: { labels: { a: 1 } } },
    { apiVersion: "v1", kind: "Pod", metadata: { name: "a/b" } }
  )
]

export const cases: ReadonlyArray<Case> = [...validation, ...life, ...objects, ...checks]
