/** What the limits of a namespace have to be: its quotas, and the ranges of what its objects ask for. */
import { jsonEquals } from "../json.js"
import { labelKeyProblems } from "../names.js"
import type { Json, JsonObject } from "../openapi.js"
import { quantityText } from "../decodeQuantity.js"
import { containerResourceName, overcommits, quotaResourceName, resourceName, resourceQuantity } from "./resources.js"
import {
  duplicate,
  eachAt,
  entriesAt,
  forbid,
  goText,
  invalid,
  invalidText,
  listAt,
  missing,
  objectAt,
  problems,
  quantityAt,
  specOf,
  textAt,
  valueAt,
  type Causes,
  type PartRule,
  type Rule
} from "./rules.js"

const amounts = (out: Causes, path: string, list: JsonObject | undefined): void => {
  for (const [key, value] of entriesAt(list)) {
    quotaResourceName(out, `${path}[${key}]`, key)
    resourceQuantity(out, `${path}[${key}]`, key, value)
  }
}

const ofPods = ["pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"]

/** What can be counted of the objects in a scope. */
const scopes: { readonly [scope: string]: ReadonlyArray<string> } = {
  BestEffort: ["pods"],
  CrossNamespacePodAffinity: ofPods,
  NotBestEffort: ofPods,
  NotTerminating: ofPods,
  PriorityClass: ofPods,
  Terminating: ofPods,
  VolumeAttributesClass: ["persistentvolumeclaims", "requests.storage"]
}

const isQuotaResource = (resource: string): boolean => {
  const causes: Causes = []
  quotaResourceName(causes, "", resource)
  return causes.length === 0 && !resource.includes("/")
}

const conflicts = (given: ReadonlyArray<Json>): number =>
  [
    ["BestEffort", "NotBestEffort"],
    ["NotTerminating", "Terminating"]
  ].filter((pair) => pair.every((scope) => given.includes(scope))).length

/** How often a scope does not fit to what is limited. */
const misfits = (scope: string, spec: JsonObject): number => {
  const counted = Object.hasOwn(scopes, scope) ? scopes[scope] : undefined
  if (counted === undefined) return 0
  return entriesAt(spec, "hard").filter(([key]) => isQuotaResource(key) && !counted.includes(key)).length
}

const times = (count: number, act: () => void): void => {
  for (let done = 0; done < count; done++) act()
}

const scopeRules = (out: Causes, spec: JsonObject): void => {
  const given = listAt(spec, "scopes")
  const refuse = (why: string): void => invalid(out, "spec.scopes", [...given], why)
  for (const scope of given) {
    if (!Object.hasOwn(scopes, String(scope))) refuse("unsupported scope")
    times(misfits(String(scope), spec), () => refuse("unsupported scope applied to resource"))
  }
  times(conflicts(given), () => refuse("conflicting scopes"))
}

const scopeSelector = (out: Causes, spec: JsonObject): void => {
  const selector = objectAt(spec, "scopeSelector")
  const given = listAt(selector, "matchExpressions")
  const at = "spec.scopeSelector.matchExpressions"
  for (const requirement of given) {
    const [scope, operator] = [textAt(requirement, "scopeName"), textAt(requirement, "operator")]
    const values = listAt(requirement, "values")
    if (!Object.hasOwn(scopes, scope)) invalid(out, `${at}.scopeName`, scope, "unsupported scope")
    times(misfits(scope, spec), () => {
      const shown = given.map((each) => ({
        ScopeName: textAt(each, "scopeName"),
        Operator: textAt(each, "operator"),
        Values: valueAt(each, "values") ?? null
      }))
      invalidText(out, at, JSON.stringify({ MatchExpressions: shown }), "unsupported scope applied to resource")
    })
    const isOpen = scope === "PriorityClass" || scope === "VolumeAttributesClass" || !Object.hasOwn(scopes, scope)
    if (!isOpen && operator !== "Exists") {
      const which =
        "ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
      invalid(out, `${at}.operator`, operator, `must be 'Exists' when scope is any of ${which}`)
    }
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) {
        const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        missing(out, `${at}.values`, why)
      }
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0) {
        const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        invalid(out, `${at}.values`, [...values], why)
      }
    } else invalid(out, `${at}.operator`, operator, "not a valid selector operator")
  }
  const names = given.map((each) => textAt(each, "scopeName"))
  times(conflicts(names), () => invalid(out, at, valueAt(spec, "scopes") ?? null, "conflicting scopes"))
}

export const quota: Rule = (out, object, old) => {
  const spec = specOf(object)
  amounts(out, "spec.hard", objectAt(spec, "hard"))
  scopeRules(out, spec)
  scopeSelector(out, spec)
  if (old === undefined) return
  const sorted = (given: JsonObject): Array<string> => [...new Set(listAt(given, "scopes").map(String))].toSorted()
  if (!jsonEquals(sorted(spec), sorted(specOf(old)))) {
    invalidText(out, "spec.scopes", goText(valueAt(spec, "scopes") ?? null), "field is immutable")
  }
}

export const quotaStatus: PartRule = (out, object) => {
  for (const key of ["hard", "used"]) amounts(out, `status.${key}`, objectAt(object, "status", key))
}

const limitTypes = ["Pod", "Container", "PersistentVolumeClaim"]
const limitKeys = ["max", "min", "default", "defaultRequest"] as const

interface Amount {
  readonly text: string
  readonly nanos: bigint
}

const amountAt = (limit: JsonObject, key: string, resource: string): Amount | undefined => {
  const value = valueAt(limit, key, resource)
  const quantity = quantityAt(value)
  return quantity === undefined ? undefined : { text: quantityText(quantity), nanos: quantity.nanos }
}

/** That the one amount is not above the other. */
const notAbove = (
  out: Causes,
  path: string,
  less: Amount | undefined,
  more: Amount | undefined,
  shown: Amount | undefined,
  names: readonly [less: string, more: string]
): void => {
  if (less === undefined || more === undefined || less.nanos <= more.nanos) return
  invalid(out, path, shown?.text ?? "", `${names[0]} ${less.text} is greater than ${names[1]} ${more.text}`)
}

const one = 1_000_000_000n

const ratio = (out: Causes, path: string, given: Amount, least: Amount | undefined, most: Amount | undefined): void => {
  if (given.nanos < one) invalid(out, path, given.text, `ratio ${given.text} is less than 1`)
  if (least === undefined || most === undefined) return
  const limit = Number(most.nanos) / Number(least.nanos)
  if (Number(given.nanos) / Number(one) > limit) {
    invalid(out, path, given.text, `ratio ${given.text} is greater than max/min = ${limit.toFixed(6)}`)
  }
}

export const limitRange: Rule = (out, object) => {
  const types = new Set<string>()
  for (const [limit, at] of eachAt(specOf(object), "spec", "limits")) {
    const type = textAt(limit, "type")
    const found = labelKeyProblems(type)
    problems(out, `${at}.type`, type, found)
    if (found.length === 0 && !type.includes("/") && !limitTypes.includes(type)) {
      invalid(out, `${at}.type`, type, "must be a standard limit type or fully qualified")
    }
    if (types.has(type)) duplicate(out, `${at}.type`, type)
    types.add(type)
    const isPod = type === "Pod"
    const nameRule = isPod || type === "Container" ? containerResourceName : resourceName
    const resources = new Set<string>()
    const named = (key: string): void => {
      for (const [resource] of entriesAt(limit, key)) {
        nameRule(out, `${at}.${key}[${resource}]`, resource)
        resources.add(resource)
      }
    }
    for (const key of limitKeys) {
      if (isPod && key.startsWith("default")) {
        if (entriesAt(limit, key).length > 0) forbid(out, `${at}.${key}`, "may not be specified when `type` is 'Pod'")
      } else named(key)
    }
    if (
      type === "PersistentVolumeClaim" &&
      !["min", "max"].some((key) => valueAt(limit, key, "storage") !== undefined)
    ) {
      const why = "either minimum or maximum storage value is required, but neither was provided"
      missing(out, `${at}.limits`, why)
    }
    named("maxLimitRequestRatio")
    for (const resource of resources) {
      const [most, least] = [amountAt(limit, "max", resource), amountAt(limit, "min", resource)]
      const [own, asked] = isPod
        ? [undefined, undefined]
        : [amountAt(limit, "default", resource), amountAt(limit, "defaultRequest", resource)]
      const place = (key: string): string => `${at}.${key}[${resource}]`
      const [minimum, maximum, request] = ["min value", "max value", "default request value"]
      notAbove(out, place("min"), least, most, least, [minimum, maximum])
      notAbove(out, place("defaultRequest"), least, asked, asked, [minimum, request])
      notAbove(out, place("defaultRequest"), asked, most, asked, [request, maximum])
      notAbove(out, place("defaultRequest"), asked, own, asked, [request, "default limit value"])
      notAbove(out, place("default"), least, own, least, [minimum, "default value"])
      notAbove(out, place("default"), own, most, most, ["default value", maximum])
      const given = amountAt(limit, "maxLimitRequestRatio", resource)
      if (given !== undefined) ratio(out, place("maxLimitRequestRatio"), given, least, most)
      if (!overcommits(resource) && own !== undefined && asked !== undefined && own.nanos !== asked.nanos) {
        const why = `default value ${own.text} must equal to defaultRequest value ${asked.text} in ${resource}`
        invalid(out, place("defaultRequest"), asked.text, why)
      }
    }
  }
}
