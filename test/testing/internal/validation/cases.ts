/** Objects with one thing wrong: each field of the examples left out, empty, of another type, out of range or doubled. */
import { isJsonArray, isJsonObject } from "../../../../src/testing/internal/json.js"
import type { Json, JsonObject } from "../../../../src/testing/internal/openapi.js"
import { examples, type Example } from "./objects.js"

export interface Case extends Example {
  /** What was done where. */
  readonly title: string
}

type Path = ReadonlyArray<string | number>

const paths = (value: Json, path: Path = []): ReadonlyArray<readonly [Path, Json]> => [
  ...(path.length === 0 ? [] : [[path, value] as const]),
  ...(isJsonArray(value)
    ? value.flatMap((item, index) => paths(item, [...path, index]))
    : isJsonObject(value)
      ? Object.entries(value).flatMap(([key, item]) => paths(item, [...path, key]))
      : [])
]

const gone = Symbol("gone")

const edited = (value: Json, path: Path, edit: (value: Json) => Json | typeof gone): Json => {
  const [key, ...rest] = path
  if (key === undefined) {
    const result = edit(value)
    return result === gone ? null : result
  }
  if (isJsonArray(value)) {
    return value.flatMap((item, index) => {
      if (index !== key) return [item]
      if (rest.length > 0) return [edited(item, rest, edit)]
      const result = edit(item)
      return result === gone ? [] : [result]
    })
  }
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]): ReadonlyArray<readonly [string, Json]> => {
      if (name !== key) return [[name, item]]
      if (rest.length > 0) return [[name, edited(item, rest, edit)]]
      const result = edit(item)
      return result === gone ? [] : [[name, result]]
    })
  )
}

const edits = (value: Json): ReadonlyArray<readonly [string, (value: Json) => Json | typeof gone]> => [
  ["left out", () => gone],
  ...(typeof value === "string"
    ? ([
        ["empty", () => ""],
        ["not a name", () => "Not_a Name!"],
        ["too long", () => "x".repeat(300)],
        ["with a dash", () => `-${value}`],
        ["a number", () => 3],
        ["an object", () => ({ a: 1 })]
      ] as const)
    : []),
  ...(typeof value === "number"
    ? ([
        ["negative", () => -1],
        ["zero", () => 0],
        ["large", () => 70000],
        ["a fraction", () => 1.5],
        ["text", () => "x"]
      ] as const)
    : []),
  ...(typeof value === "boolean"
    ? ([
        ["negated", () => !value],
        ["text", () => "true"]
      ] as const)
    : []),
  ...(isJsonArray(value)
    ? ([
        ["empty", () => []],
        ["an object", () => ({})],
        ["with null", () => [null]],
        ["doubled", () => [...value, ...value]]
      ] as const)
    : []),
  ...(isJsonObject(value)
    ? ([
        ["empty", () => ({})],
        ["a list", () => []],
        ["text", () => "x"],
        ["with a key more", () => ({ ...value, "bad key!": "bad value!" })],
        ["with a field more", () => ({ ...value, unknownField: { a: 1 } })]
      ] as const)
    : [])
]

/** All of them. */
export const cases: ReadonlyArray<Case> = examples.flatMap(({ gvk, object }) => [
  { gvk, object, title: "as it is" },
  ...paths(object).flatMap(([path, value]): ReadonlyArray<Case> => {
    if (path[0] === "apiVersion" || path[0] === "kind") return []
    return edits(value).flatMap(([what, edit]): ReadonlyArray<Case> => {
      const result = edited(object, path, edit)
      return isJsonObject(result) ? [{ gvk, object: result, title: `${path.join(".")} ${what}` }] : []
    })
  })
])

/** The same part of them for the same seed: that many of each kind. */
export const sample = (seed: number, perKind: number): ReadonlyArray<Case> => {
  const hash = (text: string): number => {
    let value = seed | 0
    for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 16777619)
    return value >>> 0
  }
  const byKind = new Map<string, Array<Case>>()
  for (const each of cases) {
    const key = `${each.gvk.group}/${each.gvk.version}/${each.gvk.kind}`
    byKind.set(key, [...(byKind.get(key) ?? []), each])
  }
  return [...byKind.values()].flatMap((all) => all.toSorted((a, b) => hash(a.title) - hash(b.title)).slice(0, perKind))
}

export type { JsonObject }
