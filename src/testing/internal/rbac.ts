/** Who may do what: [RBAC](https://kubernetes.io/docs/reference/access-authn-authz/rbac/) as the cluster's roles say. */
import type { User } from "./http.js"
import { isJsonArray } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { get, list, metadataOf, type Objects } from "./store.js"
import { at } from "./strategies.js"

/** What somebody wants to do: to a resource, or to a path that is none. */
export interface Attributes {
  readonly verb: string
  readonly group: string
  /** With its subresource: `pods/log`. */
  readonly resource: string
  readonly namespace: string
  readonly name: string
  /** For what is no resource; empty else. */
  readonly path: string
}

const superusers = "system:masters"
const rbac = (resource: string): string => `${resource}.rbac.authorization.k8s.io`

const textsAt = (value: Json | undefined, key: string): ReadonlyArray<Json> => {
  const found = at(value, key)
  return isJsonArray(found) ? found : []
}

const isSubject = (subject: Json, user: User, namespace: string): boolean => {
  const name = at(subject, "name")
  switch (at(subject, "kind")) {
    case "User":
      return name === user.username
    case "Group":
      return user.groups.some((group) => group === name)
    case "ServiceAccount":
      return user.username === `system:serviceaccount:${String(at(subject, "namespace") ?? namespace)}:${String(name)}`
    default:
      return false
  }
}

const matchesPath = (pattern: Json, path: string): boolean =>
  pattern === "*" ||
  pattern === path ||
  (typeof pattern === "string" && pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)))

const ruleAllows = (rule: Json, wanted: Attributes): boolean => {
  const has = (key: string, ...values: ReadonlyArray<string>): boolean =>
    textsAt(rule, key).some((each) => each === "*" || (typeof each === "string" && values.includes(each)))
  if (!has("verbs", wanted.verb)) return false
  if (wanted.path !== "") return textsAt(rule, "nonResourceURLs").some((each) => matchesPath(each, wanted.path))
  const names = textsAt(rule, "resourceNames")
  const [, subresource] = wanted.resource.split("/")
  return (
    has("apiGroups", wanted.group) &&
    has("resources", wanted.resource, ...(subresource === undefined ? [] : [`*/${subresource}`])) &&
    (names.length === 0 || names.includes(wanted.name))
  )
}

const rulesOf = (objects: Objects, binding: JsonObject): ReadonlyArray<Json> => {
  const [kind, name] = [at(binding, "roleRef", "kind"), String(at(binding, "roleRef", "name"))]
  const key =
    kind === "ClusterRole"
      ? { resource: rbac("clusterroles"), namespace: "", name }
      : { resource: rbac("roles"), namespace: String(metadataOf(binding)["namespace"] ?? ""), name }
  return textsAt(get(objects, key), "rules")
}

/** The rules that hold for a user: everywhere, and in a namespace. */
export const rulesFor = (objects: Objects, user: User, namespace: string): ReadonlyArray<Json> =>
  [
    ...list(objects, rbac("clusterrolebindings"), ""),
    ...(namespace === "" ? [] : list(objects, rbac("rolebindings"), namespace))
  ]
    .filter(({ object }) => textsAt(object, "subjects").some((subject) => isSubject(subject, user, namespace)))
    .flatMap(({ object }) => rulesOf(objects, object))

export const allows = (objects: Objects, user: User, wanted: Attributes): boolean =>
  user.groups.includes(superusers) || rulesFor(objects, user, wanted.namespace).some((rule) => ruleAllows(rule, wanted))
