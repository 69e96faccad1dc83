import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it, vi } from "vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import * as Snapshot from "../../scripts/generate/snapshot.js"
import { AlwaysSentId, MergeId } from "../../src/internal/annotations.js"
import { shapeOf } from "../../src/internal/check.js"
import type * as Generated from "../../src/internal/schemas.js"
import * as resources from "../../src/resources/index.js"

const root = fileURLToPath(new URL("../..", import.meta.url))

const readSnapshot = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  Effect.flatMap(fs.readFileString(`${root}/scripts/generate/kubernetes-${Snapshot.minor}.json`), Snapshot.decode)
).pipe(Effect.provide(NodeContext.layer))

const snapshot = await Effect.runPromise(readSnapshot)

/** The group versions of the package, with the function that looks up their schemas. */
const modules = Object.entries<object>(resources).flatMap(([module, value]) =>
  /V\d\w*$/.test(module) && "schema" in value && typeof value.schema === "function"
    ? [{ module, schema: value.schema }]
    : []
)

const apiVersionOf = (gvk: { readonly group: string; readonly version: string }) =>
  gvk.group === "" ? gvk.version : `${gvk.group}/${gvk.version}`

// ---------------------------------------------------------------------------------------------------------------------
// The interfaces and the schemas, in the same words
// ---------------------------------------------------------------------------------------------------------------------

type Shape = string | { readonly [property: string]: Shape }

const program = ts.createProgram([`${root}/src/resources/index.ts`], {
  ...ts.parseJsonConfigFileContent(ts.readConfigFile(`${root}/tsconfig.json`, ts.sys.readFile).config, ts.sys, root)
    .options,
  noEmit: true
})
const checker = program.getTypeChecker()

const shapeOfType = (type: ts.Type): string => {
  if (type.isStringLiteral()) return JSON.stringify(type.value)
  if (type.isUnion()) {
    const members = type.types.filter((member) => !(member.flags & ts.TypeFlags.Undefined)).map(shapeOfType)
    // `Open<Known>`, whose alias is lost where undefined joins it.
    return members.includes("string & {}")
      ? `open ${members
          .filter((member) => member !== "string & {}")
          .toSorted()
          .join(" ")}`
      : [...new Set(members)].toSorted().join(" | ")
  }
  if (type.flags & ts.TypeFlags.BooleanLiteral) return "boolean"
  if (checker.isArrayType(type)) {
    const [item] = checker.getTypeArguments(type as ts.TypeReference) // what isArrayType says
    return item === undefined ? "list" : `list of ${shapeOfType(item)}`
  }
  const index = checker.getIndexTypeOfType(type, ts.IndexKind.String)
  if (index !== undefined) return `record of ${shapeOfType(index)}`
  return type.flags & ts.TypeFlags.Object ? type.symbol.name : checker.typeToString(type)
}

const shapeOfInterface = (type: ts.Type): Shape =>
  type.flags & ts.TypeFlags.Object && checker.getIndexTypeOfType(type, ts.IndexKind.String) === undefined
    ? Object.fromEntries(
        type
          .getProperties()
          .filter((property) => !property.name.startsWith("__@"))
          .map((property) => [
            `${property.name}${property.flags & ts.SymbolFlags.Optional ? "?" : ""}`,
            shapeOfType(checker.getTypeOfSymbol(property))
          ])
      )
    : shapeOfType(type)

const isText = (value: unknown): value is string => typeof value === "string"

const shapeOfAst = (ast: AST.AST): string => {
  const name = AST.getIdentifierAnnotation(ast)
  if (AST.isTypeLiteral(ast) && name._tag === "Some") return name.value
  switch (ast._tag) {
    case "StringKeyword": {
      const values = ast.annotations[AST.ExamplesAnnotationId]
      return Array.isArray(values)
        ? `open ${values
            .filter(isText)
            .map((value) => JSON.stringify(value))
            .toSorted()
            .join(" ")}`
        : "string"
    }
    case "NumberKeyword":
      return "number"
    case "BooleanKeyword":
      return "boolean"
    case "UnknownKeyword":
      return "unknown"
    case "Literal":
      return JSON.stringify(ast.literal)
    case "Suspend":
      return shapeOfAst(ast.f())
    case "Union":
      return ast.types
        .filter((member) => member._tag !== "UndefinedKeyword")
        .map(shapeOfAst)
        .toSorted()
        .join(" | ")
    case "TupleType":
      return ast.rest[0] === undefined ? "tuple" : `list of ${shapeOfAst(ast.rest[0].type)}`
    case "TypeLiteral":
      return ast.indexSignatures[0] === undefined ? "{}" : `record of ${shapeOfAst(ast.indexSignatures[0].type)}`
    default:
      return ast._tag
  }
}

const shapeOfSchema = (ast: AST.AST): Shape =>
  AST.isTypeLiteral(ast) && ast.propertySignatures.length > 0
    ? Object.fromEntries(
        ast.propertySignatures.map((property) => [
          `${String(property.name)}${property.isOptional ? "?" : ""}`,
          shapeOfAst(property.type)
        ])
      )
    : shapeOfAst(ast)

/** The types of a group version by name, as TypeScript sees them. */
const typesOf = (module: string): ReadonlyArray<readonly [name: string, type: ts.Type]> => {
  const source = program.getSourceFile(`${root}/src/resources/${module}.ts`)
  const symbol = source === undefined ? undefined : checker.getSymbolAtLocation(source)
  const table =
    symbol === undefined ? undefined : checker.getExportsOfModule(symbol).find(({ name }) => name === "Types")
  return table === undefined
    ? []
    : checker
        .getDeclaredTypeOfSymbol(table)
        .getProperties()
        .map((property) => [property.name, checker.getTypeOfSymbol(property)])
}

// ---------------------------------------------------------------------------------------------------------------------
// Objects made from OpenAPI, which the schemas have to accept
// ---------------------------------------------------------------------------------------------------------------------

const sample = (schema: Snapshot.OpenApiSchema, full: boolean, inside: ReadonlyArray<string> = []): unknown => {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref
  if (ref !== undefined) {
    const name = Snapshot.refName(ref)
    // A recursive type is followed once.
    return sample(snapshot.schemas[name] ?? {}, full && !inside.includes(name), [...inside, name])
  }
  switch (schema.type) {
    case "array":
      return full ? [sample(schema.items ?? {}, full, inside)] : []
    case "boolean":
      return true
    case "integer":
    case "number":
      return 1
    case "object":
      return {
        ...(full && schema.additionalProperties !== undefined
          ? { key: sample(schema.additionalProperties, full, inside) }
          : {}),
        ...Object.fromEntries(
          Object.entries(schema.properties ?? {})
            .filter(([name]) => full || schema.required?.includes(name) === true)
            .map(([name, property]) => [name, typeMeta(schema, name) ?? sample(property, full, inside)])
        )
      }
    case "string":
      return schema.enum?.[0] ?? "text"
    default:
      // JSON Schemas inside a CustomResourceDefinition, which OpenAPI leaves open; quantities and ports.
      return schema.oneOf === undefined ? {} : "1"
  }
}

interface Made {
  readonly value: unknown
  /** Where the value has a type, with a value of another one. */
  readonly places: ReadonlyArray<readonly [path: ReadonlyArray<string | number>, wrong: unknown]>
}

const constant = (value: unknown, wrong?: unknown): fc.Arbitrary<Made> =>
  fc.constant({ value, places: wrong === undefined ? [] : [[[], wrong]] })

const leaf = (values: fc.Arbitrary<unknown>, wrong: unknown): fc.Arbitrary<Made> =>
  values.map((value) => ({ value, places: [[[], wrong]] }))

/** One value of its parts. */
const composed = (
  parts: ReadonlyArray<readonly [key: string | number, part: Made]>,
  value: unknown,
  wrong: unknown
): Made => ({
  value,
  places: [
    [[], wrong],
    ...parts.flatMap(([key, { places }]) => places.map(([path, wrong]) => [[key, ...path], wrong] as const))
  ]
})

/** Any object that a schema of OpenAPI allows. */
const anyOf = (schema: Snapshot.OpenApiSchema, inside: ReadonlyArray<string> = []): fc.Arbitrary<Made> => {
  const ref = schema.$ref ?? schema.allOf?.[0]?.$ref
  if (ref !== undefined) {
    const name = Snapshot.refName(ref)
    const found = snapshot.schemas[name] ?? {}
    // A type that contains itself does so twice at most.
    const again = inside.filter((other) => other === name).length > 1
    return anyOf(again ? { ...found, properties: {} } : found, [...inside, name])
  }
  switch (schema.type) {
    case "array":
      return fc.array(anyOf(schema.items ?? {}, inside), { maxLength: 2 }).map((items) =>
        composed(
          items.map((item, index) => [index, item]),
          items.map(({ value }) => value),
          { 0: "x" }
        )
      )
    case "boolean":
      return leaf(fc.boolean(), "true")
    case "integer":
    case "number":
      return leaf(fc.oneof(fc.integer(), fc.constantFrom(0, -0, 2 ** 53 - 1, 1e300)), "80")
    case "string":
      return leaf(fc.string({ maxLength: 5 }), 80)
    case "object": {
      const properties = Object.entries(schema.properties ?? {})
      const made: fc.Arbitrary<ReadonlyArray<readonly [string, Made | undefined]>> =
        schema.additionalProperties !== undefined
          ? fc.array(
              fc.tuple(
                fc.constantFrom("a", "b/c", "toString", "__proto__"),
                anyOf(schema.additionalProperties, inside)
              ),
              { maxLength: 2 }
            )
          : fc.tuple(
              ...properties.map(([name, property]) => {
                const fixed = typeMeta(schema, name)
                const part = fixed === undefined ? anyOf(property, inside) : constant(fixed, "Other")
                // What the server always sends is not optional in what is read; deep down, most is left out.
                const there =
                  schema.required?.includes(name) === true || name === "metadata" || property.default !== undefined
                return fc.tuple(
                  fc.constant(name),
                  there ? part : fc.option(part, { nil: undefined, freq: inside.length > 1 ? 1 : 3 })
                )
              })
            )
      return made.map((all) => {
        const parts = new Map(all.flatMap(([name, part]) => (part === undefined ? [] : [[name, part] as const])))
        return composed([...parts], Object.fromEntries([...parts].map(([name, { value }]) => [name, value])), ["x"])
      })
    }
    default:
      return constant(schema.oneOf === undefined ? { any: ["thing", null] } : "1")
  }
}

/** The value with another one at this place. */
const withWrong = (value: unknown, [key, ...path]: ReadonlyArray<string | number>, wrong: unknown): unknown => {
  if (key === undefined) return wrong
  const entries: ReadonlyArray<readonly [string, unknown]> = Object.entries(Object(value))
  const changed = entries.map(
    ([name, part]) => [name, name === String(key) ? withWrong(part, path, wrong) : part] as const
  )
  return Array.isArray(value) ? changed.map(([, part]) => part) : Object.fromEntries(changed)
}

/** What `apiVersion` and `kind` have to be in a kind, also where it is a part of another one. */
const typeMeta = (schema: Snapshot.OpenApiSchema, property: string): string | undefined => {
  const [gvk, ...more] = schema["x-kubernetes-group-version-kind"] ?? []
  if (gvk === undefined || more.length > 0) return undefined
  return property === "apiVersion" ? apiVersionOf(gvk) : property === "kind" ? gvk.kind : undefined
}

const schemaOf = (resource: Snapshot.Resource): Snapshot.OpenApiSchema =>
  Object.values(snapshot.schemas).find(
    (schema) => typeMeta(schema, "apiVersion") === apiVersionOf(resource) && typeMeta(schema, "kind") === resource.kind
  ) ?? {}

// ---------------------------------------------------------------------------------------------------------------------
// The laws
// ---------------------------------------------------------------------------------------------------------------------

const builtIn = (gvk: Snapshot.GroupVersionKind) => {
  const found = resources.builtIn.find(
    ({ group, version, kind }) => group === gvk.group && version === gvk.version && kind === gvk.kind
  )
  if (found === undefined) throw new Error(`no resource for ${gvk.kind} of ${apiVersionOf(gvk)}`)
  return found
}

describe("the generated kinds", () => {
  it("are those of the API server's discovery: the same names, verbs and subresources", () => {
    assert.deepStrictEqual(
      resources.builtIn.map(
        ({ group, version, kind, plural, singular, shortNames, categories, scope, verbs, subresources }) => ({
          group,
          version,
          kind,
          plural,
          singular,
          shortNames,
          categories,
          scope,
          verbs,
          subresources
        })
      ),
      snapshot.resources.map(({ subresources, ...resource }) => ({
        ...resource,
        subresources: Object.fromEntries(subresources.map(({ name, verbs }) => [name, verbs]))
      }))
    )
    assert.strictEqual(resources.builtIn.length, 66)
  })

  it("are exported by name in their preferred version, the core group first", () => {
    for (const { kind } of snapshot.resources) assert.property(resources, kind)
    assert.strictEqual(resources.Event, resources.CoreV1.Event)
    assert.strictEqual(resources.HorizontalPodAutoscaler, resources.AutoscalingV2.HorizontalPodAutoscaler)
    assert.strictEqual(resources.ResourceClaim, resources.ResourceV1.ResourceClaim)
  })

  it("come without a built schema: only asking for one builds it, and what it consists of", async () => {
    vi.resetModules()
    const built: Array<string> = []
    vi.doMock("../../src/internal/schemas.js", async (original) => {
      const actual = await original<typeof Generated>()
      const struct: typeof actual.struct = (name, ...rest) => {
        built.push(name)
        return actual.struct(name, ...rest)
      }
      return { ...actual, struct }
    })
    const fresh = await import("../../src/resources/index.js")
    assert.deepStrictEqual(built, [])
    const first = fresh.ConfigMap.schema
    assert.deepStrictEqual(built.toSorted(), ["ConfigMap", "ManagedFieldsEntry", "ObjectMeta", "OwnerReference"])
    assert.strictEqual(fresh.ConfigMap.schema, first)
    assert.strictEqual(built.length, 4)
    vi.doUnmock("../../src/internal/schemas.js")
  })

  it("accept an object of only the required fields, and one of every field, as they are", () => {
    for (const resource of snapshot.resources) {
      const { schema } = builtIn(resource)
      for (const full of [false, true]) {
        const object = sample(schemaOf(resource), full)
        const decoded = Schema.decodeUnknownEither(schema)(object, {
          onExcessProperty: "error"
        })
        assert.isTrue(Either.isRight(decoded), resource.kind)
        assert.deepStrictEqual(Either.getOrThrow(decoded), object, resource.kind)
      }
    }
  })

  it("take any object that OpenAPI allows, as it is, and find what is wrong in any other", () => {
    let found = 0
    for (const resource of snapshot.resources) {
      const { schema } = builtIn(resource)
      const { check } = shapeOf(schema.ast)
      const is = Schema.is(schema)
      fc.assert(
        fc.property(anyOf(schemaOf(resource)), fc.nat(), ({ places, value }, at) => {
          const parsed = structuredClone(value)
          const problem = check(parsed)
          // What the server always sends may be missing here: the Schema does not ask for it.
          if (problem !== undefined) assert.isUndefined(problem.actual, `${resource.kind} ${problem.path.join(" < ")}`)
          assert.deepStrictEqual(parsed, value)
          assert.isTrue(is(value), resource.kind)
          if (problem !== undefined) return
          const [path, wrong] = places[at % places.length] ?? assert.fail("nothing to change")
          const changed = withWrong(value, path, wrong)
          assert.deepStrictEqual(check(changed)?.path.toReversed(), [...path], resource.kind)
          assert.isFalse(is(withWrong(value, path, wrong)), resource.kind)
          found++
        }),
        { numRuns: 15 }
      )
    }
    assert.isAbove(found, 300)
  })

  it("refuse an object of another kind", () => {
    for (const resource of resources.builtIn) {
      const is = Schema.is(resource.schema)
      assert.isFalse(is({ apiVersion: resource.apiVersion, kind: "Other", metadata: {} }), resource.kind)
    }
  })
})

describe("the generated types", () => {
  it("cover every schema of OpenAPI but lists, patches and watch events", () => {
    const emitted = modules.flatMap(({ module }) => typesOf(module).map(([name]) => name))
    const expected = Object.keys(snapshot.schemas)
      .map((name) => name.slice(name.lastIndexOf(".") + 1))
      .filter((name) => name === "APIResourceList" || !/List$|^Patch$|^WatchEvent$/.test(name))
    assert.deepStrictEqual(emitted.toSorted(), expected.toSorted())
  })

  it("say the same as interfaces and as schemas", () => {
    for (const { module, schema } of modules) {
      for (const [name, type] of typesOf(module)) {
        const built: unknown = schema(name)
        assert(Schema.isSchema(built), `${module}.${name}`)
        assert.deepStrictEqual(shapeOfSchema(built.ast), shapeOfInterface(type), `${module}.${name}`)
      }
    }
  })
})

describe("the generated schemas", () => {
  const property = (schema: Schema.Schema.AnyNoContext, name: string) => {
    const found = AST.isTypeLiteral(schema.ast)
      ? schema.ast.propertySignatures.find((property) => property.name === name)
      : undefined
    if (found === undefined) throw new Error(`no property ${name}`)
    return found
  }
  /** How a property merges, be it on the property's type or on what is optional of it. */
  const mergeOf = (ast: AST.AST): unknown =>
    ast.annotations[MergeId] ??
    (AST.isUnion(ast) ? ast.types.map(mergeOf).find((merge) => merge !== undefined) : undefined)

  it("know how lists, maps and structs merge", () => {
    const pod = resources.CoreV1.schema("PodSpec")
    const containers = {
      type: "map",
      keys: ["name"],
      patchStrategy: "merge",
      patchMergeKey: "name"
    }
    assert.deepStrictEqual(mergeOf(property(pod, "containers").type), containers)
    assert.deepStrictEqual(mergeOf(property(pod, "initContainers").type), containers)
    assert.deepStrictEqual(mergeOf(property(pod, "nodeSelector").type), {
      mapType: "atomic"
    })
    assert.deepStrictEqual(mergeOf(property(resources.CoreV1.schema("Container"), "ports").type), {
      type: "map",
      keys: ["containerPort", "protocol"],
      patchStrategy: "merge",
      patchMergeKey: "containerPort"
    })
    assert.deepStrictEqual(mergeOf(resources.CoreV1.schema("ConfigMapKeySelector").ast), { mapType: "atomic" })
    assert.deepStrictEqual(mergeOf(property(resources.AppsV1.schema("DeploymentSpec"), "strategy").type), {
      patchStrategy: "retainKeys"
    })
    assert.deepStrictEqual(mergeOf(property(resources.PolicyV1.schema("PodDisruptionBudgetSpec"), "selector").type), {
      mapType: "atomic",
      patchStrategy: "replace"
    })
  })

  it("know of every field what OpenAPI says of it", () => {
    const extensionsOf = (schema: Snapshot.OpenApiSchema): Record<string, unknown> => {
      const ref = schema.$ref ?? schema.allOf?.[0]?.$ref
      return {
        ...(ref === undefined ? {} : extensionsOf(snapshot.schemas[Snapshot.refName(ref)] ?? {})),
        ...JSON.parse(
          JSON.stringify({
            // Bytes, a list in Go, are text here.
            type: schema.type === "string" ? undefined : schema["x-kubernetes-list-type"],
            keys: schema["x-kubernetes-list-map-keys"],
            mapType: schema["x-kubernetes-map-type"],
            patchStrategy: schema["x-kubernetes-patch-strategy"],
            patchMergeKey: schema["x-kubernetes-patch-merge-key"]
          })
        )
      }
    }
    let count = 0
    for (const { module, schema } of modules) {
      for (const [name] of typesOf(module)) {
        const [, group, version] = /^(.*)(V\d\w*)$/.exec(module) ?? []
        const suffix = `.${group?.toLowerCase()}.${version?.toLowerCase()}.${name}`
        const described = Object.entries(snapshot.schemas).find(([full]) => full.endsWith(suffix))?.[1].properties ?? {}
        const built: unknown = schema(name)
        assert(Schema.isSchema(built))
        for (const [field, property] of Object.entries(described)) {
          const expected = extensionsOf(property)
          const found = AST.isTypeLiteral(built.ast)
            ? built.ast.propertySignatures.find((one) => one.name === field)
            : undefined
          assert.deepStrictEqual(
            found === undefined ? "none" : (mergeOf(found.type) ?? {}),
            expected,
            `${module}.${name}.${field}`
          )
          if (Object.keys(expected).length > 0) count++
        }
      }
    }
    assert.isAbove(count, 300)
  })

  it("know what the server always sends", () => {
    const always = (schema: Schema.Schema.AnyNoContext, name: string) =>
      property(schema, name).annotations[AlwaysSentId] === true
    const deployment = resources.AppsV1.schema("Deployment")
    assert.deepStrictEqual(
      ["apiVersion", "kind", "metadata", "spec", "status"].filter((name) => always(deployment, name)),
      ["metadata", "spec", "status"]
    )
    assert.isTrue(always(resources.AppsV1.schema("DeploymentSpec"), "strategy"))
    assert.isFalse(always(resources.AppsV1.schema("DeploymentStrategy"), "rollingUpdate"))
  })

  it("close the cycle of JSON Schemas", () => {
    const is = Schema.is(resources.ApiextensionsV1.schema("JSONSchemaProps"))
    const nested = (leaf: unknown) => ({
      properties: { spec: { items: { additionalProperties: leaf } } }
    })
    assert.isTrue(is(nested(true)))
    assert.isTrue(is(nested({ items: [{ type: "string" }], default: null })))
    assert.isFalse(is(nested({ type: 1 })))
  })
})

it("the committed files are what the generator makes of the committed snapshot", () => {
  const check = spawnSync(process.execPath, ["--import", "tsx", "scripts/generate/main.ts", "--check"], {
    cwd: root,
    encoding: "utf8"
  })
  assert.strictEqual(check.stderr, "")
  assert.strictEqual(check.status, 0)
})
