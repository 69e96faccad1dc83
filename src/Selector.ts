/**
 * Label and field selectors, as values or as the text that kubectl takes.
 *
 * See [labels and selectors](https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors)
 * and [field selectors](https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/).
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { formatActual } from "./internal/check.js"
import { isObject } from "./internal/isObject.js"
import { InvalidRequest } from "./KubeError.js"
import type { LabelSelector } from "./resources/MetaV1.js"

/**
 * What a label has to be.
 *
 * @since 0.1.0
 * @category models
 */
export type Requirement =
  | { readonly _tag: "In"; readonly values: ReadonlyArray<string> }
  | { readonly _tag: "NotIn"; readonly values: ReadonlyArray<string> }
  | { readonly _tag: "NotEquals"; readonly value: string }
  | { readonly _tag: "Exists" }
  | { readonly _tag: "NotExists" }

/**
 * A label selector: a value or a requirement for each label, all of which must hold, as a record or, where a label has
 * several, as pairs; or kubectl's text form, which is sent as it is.
 *
 * @since 0.1.0
 * @category models
 */
export type Labels =
  | string
  | { readonly [label: string]: string | Requirement }
  | ReadonlyArray<readonly [label: string, wanted: string | Requirement]>

/**
 * A field selector: a value or `notEquals` for each field path; or the text form. Which fields a kind supports is up to
 * the server.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = string | { readonly [path: string]: string | (Requirement & { readonly _tag: "NotEquals" }) }

const in_ = (values: ReadonlyArray<string>): Requirement => ({ _tag: "In", values })

export {
  /**
   * The label has one of these values.
   *
   * @example
   * ```ts
   * import { Pod, Selector } from "effect-kubernetes"
   *
   * const pods = Pod.list({ labels: { tier: Selector.in(["web", "api"]) } })
   * ```
   *
   * @since 0.1.0
   * @category constructors
   */
  in_ as in
}

/**
 * The label is absent or has none of these values.
 *
 * @example
 * ```ts
 * import { Pod, Selector } from "effect-kubernetes"
 *
 * const pods = Pod.list({ labels: { tier: Selector.notIn(["web", "api"]) } })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const notIn = (values: ReadonlyArray<string>): Requirement => ({ _tag: "NotIn", values })

/**
 * The label is absent or has another value; the field has another value.
 *
 * @example
 * ```ts
 * import { Pod, Selector } from "effect-kubernetes"
 *
 * const pods = Pod.list({ fields: { "status.phase": Selector.notEquals("Succeeded") } })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const notEquals = (value: string): Requirement & { readonly _tag: "NotEquals" } => ({ _tag: "NotEquals", value })

/**
 * The label is there, whatever its value.
 *
 * @example
 * ```ts
 * import { Pod, Selector } from "effect-kubernetes"
 *
 * const pods = Pod.list({ labels: { app: Selector.exists } })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const exists: Requirement = { _tag: "Exists" }

/**
 * The label is absent.
 *
 * @example
 * ```ts
 * import { Pod, Selector } from "effect-kubernetes"
 *
 * const pods = Pod.list({ labels: { canary: Selector.notExists } })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const notExists: Requirement = { _tag: "NotExists" }

/**
 * The labels of a `spec.selector`, as Deployments, Services and others have it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Deployment, Pod, Selector } from "effect-kubernetes"
 *
 * const podsOf = (name: string) =>
 *   Effect.flatMap(Deployment.get(name), (deployment) =>
 *     Pod.list({ labels: Selector.fromLabelSelector(deployment.spec.selector) })
 *   )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromLabelSelector = (selector: LabelSelector): Labels => [
  ...Object.entries(selector.matchLabels ?? {}),
  ...(selector.matchExpressions ?? []).map(({ key, operator, values = [] }): readonly [string, Requirement] => {
    switch (operator) {
      case "In":
        return [key, in_(values)]
      case "NotIn":
        return [key, notIn(values)]
      case "Exists":
        return [key, exists]
      case "DoesNotExist":
        return [key, notExists]
      default:
        // No text form says this; as a key it is refused, and shown.
        return [`${key} ${operator}`, exists]
    }
  })
]

const namePart = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/
const prefixPart = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/

const isLabelKey = (key: string): boolean => {
  const slash = key.indexOf("/")
  return slash === -1
    ? namePart.test(key)
    : slash <= 253 && prefixPart.test(key.slice(0, slash)) && namePart.test(key.slice(slash + 1))
}

const isLabelValue = (value: string): boolean => value === "" || namePart.test(value)

const isPairs = (labels: Exclude<Labels, string>): labels is Extract<Labels, ReadonlyArray<unknown>> =>
  Array.isArray(labels)

const invalid = (message: string) => Either.left(new InvalidRequest({ message }))

const requirement = (key: string, wanted: string | Requirement): string => {
  if (typeof wanted === "string") return `${key}=${wanted}`
  switch (wanted._tag) {
    case "In":
      return `${key} in (${wanted.values.join(",")})`
    case "NotIn":
      return `${key} notin (${wanted.values.join(",")})`
    case "NotEquals":
      return `${key}!=${wanted.value}`
    case "Exists":
      return key
    case "NotExists":
      return `!${key}`
  }
}

const tags: ReadonlySet<unknown> = new Set(["In", "NotIn", "NotEquals", "Exists", "NotExists"])

/** A term that is left out selects more, for a delete as well: types that are got around must not come to that. */
const isWanted = (wanted: unknown): boolean =>
  typeof wanted === "string" || (isObject(wanted) && tags.has(wanted["_tag"]))

const valuesOf = (wanted: string | Requirement): ReadonlyArray<string> => {
  if (typeof wanted === "string") return [wanted]
  switch (wanted._tag) {
    case "In":
    case "NotIn":
      return wanted.values
    case "NotEquals":
      return [wanted.value]
    default:
      return []
  }
}

/**
 * The text of a label selector. Fails with `InvalidRequest` on a key or value that no label can have, so that a value
 * cannot add a term of its own.
 *
 * @example
 * ```ts
 * import { Selector } from "effect-kubernetes"
 *
 * Selector.formatLabels({ app: "web", tier: Selector.in(["a", "b"]), old: Selector.notExists })
 * // Right("app=web,tier in (a,b),!old")
 * ```
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatLabels = (labels: Labels): Either.Either<string, InvalidRequest> => {
  if (typeof labels === "string") return Either.right(labels)
  const terms: Array<string> = []
  const pairs = isPairs(labels) ? labels : Object.entries(labels)
  for (const [key, wanted] of pairs) {
    if (!isLabelKey(key)) return invalid(`label selector: ${JSON.stringify(key)} is not a label key`)
    if (!isWanted(wanted)) {
      return invalid(`label selector: ${key}: expected a string or one of Selector's, got ${formatActual(wanted)}`)
    }
    const values = valuesOf(wanted)
    if (typeof wanted !== "string" && (wanted._tag === "In" || wanted._tag === "NotIn") && values.length === 0) {
      return invalid(`label selector: ${key}: give at least one value`)
    }
    for (const value of values) {
      if (!isLabelValue(value)) {
        return invalid(
          `label selector: ${key}: ${JSON.stringify(value)} is not a label value (at most 63 letters, digits, "-", "_" and ".", a letter or digit at both ends)`
        )
      }
    }
    terms.push(requirement(key, wanted))
  }
  return Either.right(terms.join(","))
}

const escapeField = (value: string): string => value.replace(/[\\,=]/g, (character) => `\\${character}`)

/**
 * The text of a field selector; `,`, `=` and `\` in values are escaped.
 *
 * @example
 * ```ts
 * import { Selector } from "effect-kubernetes"
 *
 * Selector.formatFields({ "status.phase": "Running", "spec.nodeName": Selector.notEquals("node-1") })
 * // "status.phase=Running,spec.nodeName!=node-1"
 * ```
 *
 * @since 0.1.0
 * @category formatting
 */
export const formatFields = (fields: Fields): string =>
  typeof fields === "string"
    ? fields
    : Object.entries(fields)
        .map(([path, wanted]) =>
          typeof wanted === "string" ? `${path}=${escapeField(wanted)}` : `${path}!=${escapeField(wanted.value)}`
        )
        .join(",")
