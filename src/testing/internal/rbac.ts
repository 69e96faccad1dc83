/** Who may do what: [RBAC](https://kubernetes.io/docs/reference/access-authn-authz/rbac/) as the cluster's roles say. */
import type { User } from "./http.js"
import { jsonEquals } from "./json.js"
import type { Json, JsonObject } from "./openapi.js"
import { get, list, metadataOf, withMetadata, type Objects } from "./store.js"
import { at, listAt } from "./strategies.js"

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
    listAt(rule, key).some((each) => each === "*" || (typeof each === "string" && values.includes(each)))
  if (!has("verbs", wanted.verb)) return false
  if (wanted.path !== "") return listAt(rule, "nonResourceURLs").some((each) => matchesPath(each, wanted.path))
  const names = listAt(rule, "resourceNames")
  const [, subresource] = wanted.resource.split("/")
  return (
    has("apiGroups", wanted.group) &&
    has("resources", wanted.resource, ...(subresource === undefined ? [] : [`*/${subresource}`])) &&
    (names.length === 0 || names.includes(wanted.name))
  )
}

const roleOf = (objects: Objects, binding: JsonObject): JsonObject | undefined => {
  const [kind, name] = [at(binding, "roleRef", "kind"), String(at(binding, "roleRef", "name"))]
  return get(
    objects,
    kind === "ClusterRole"
      ? { resource: rbac("clusterroles"), namespace: "", name }
      : { resource: rbac("roles"), namespace: String(metadataOf(binding)["namespace"] ?? ""), name }
  )
}

/** A rule, and where it comes from as the API server tells of it. */
interface Granted {
  readonly rule: Json
  readonly by: () => string
}

const subjectText = (subject: Json, namespace: string): string => {
  const [kind, name] = [String(at(subject, "kind")), String(at(subject, "name"))]
  const text = kind === "ServiceAccount" ? `${name}/${String(at(subject, "namespace") ?? namespace)}` : name
  return `${kind} ${JSON.stringify(text)}`
}

const grantedTo = (objects: Objects, user: User, namespace: string): ReadonlyArray<Granted> =>
  [
    ...list(objects, rbac("clusterrolebindings"), ""),
    ...(namespace === "" ? [] : list(objects, rbac("rolebindings"), namespace))
  ].flatMap(({ object, place }) => {
    const subject = listAt(object, "subjects").find((each) => isSubject(each, user, namespace))
    if (subject === undefined) return []
    const { name, namespace: own } = metadataOf(object)
    const by = () =>
      `${own === undefined ? "ClusterRoleBinding" : "RoleBinding"} ${JSON.stringify(own === undefined ? place : `${String(name)}/${String(own)}`)} of ${String(at(object, "roleRef", "kind"))} ${JSON.stringify(at(object, "roleRef", "name"))} to ${subjectText(subject, namespace)}`
    return listAt(roleOf(objects, object), "rules").map((rule): Granted => ({ rule, by }))
  })

/** The rules that hold for a user: everywhere, and in a namespace. */
export const rulesFor = (objects: Objects, user: User, namespace: string): ReadonlyArray<Json> =>
  grantedTo(objects, user, namespace).map(({ rule }) => rule)

/** Whether a user may, and why; nothing if not. */
export const reasonFor = (objects: Objects, user: User, wanted: Attributes): string | undefined => {
  if (user.groups.includes(superusers)) return ""
  const granted = grantedTo(objects, user, wanted.namespace).find(({ rule }) => ruleAllows(rule, wanted))
  return granted === undefined ? undefined : `RBAC: allowed by ${granted.by()}`
}

export const allows = (objects: Objects, user: User, wanted: Attributes): boolean =>
  user.groups.includes(superusers) || rulesFor(objects, user, wanted.namespace).some((rule) => ruleAllows(rule, wanted))

// ---- escalation

interface Rule {
  readonly verbs: ReadonlyArray<string>
  readonly apiGroups: ReadonlyArray<string>
  readonly resources: ReadonlyArray<string>
  readonly resourceNames: ReadonlyArray<string>
  readonly nonResourceURLs: ReadonlyArray<string>
}

const ruleOf = (rule: Json): Rule => {
  const texts = (key: string) => listAt(rule, key).map(String)
  return {
    verbs: texts("verbs"),
    apiGroups: texts("apiGroups"),
    resources: texts("resources"),
    resourceNames: texts("resourceNames"),
    nonResourceURLs: texts("nonResourceURLs")
  }
}

/** The rule in pieces that are about one thing each. */
const piecesOf = (rule: Rule): ReadonlyArray<Rule> => [
  ...rule.apiGroups.flatMap((group) =>
    rule.resources.flatMap((resource) =>
      rule.verbs.flatMap((verb) =>
        (rule.resourceNames.length === 0 ? [[]] : rule.resourceNames.map((name) => [name])).map(
          (resourceNames): Rule => ({
            verbs: [verb],
            apiGroups: [group],
            resources: [resource],
            resourceNames,
            nonResourceURLs: []
          })
        )
      )
    )
  ),
  ...rule.nonResourceURLs.flatMap((url) =>
    rule.verbs.map((verb): Rule => ({
      verbs: [verb],
      apiGroups: [],
      resources: [],
      resourceNames: [],
      nonResourceURLs: [url]
    }))
  )
]

const hasAll = (have: ReadonlyArray<string>, want: ReadonlyArray<string>): boolean =>
  have.includes("*") || want.every((each) => have.includes(each))

const covers = (own: Rule, piece: Rule): boolean =>
  hasAll(own.verbs, piece.verbs) &&
  (piece.nonResourceURLs.length > 0
    ? piece.nonResourceURLs.every((url) => own.nonResourceURLs.some((each) => matchesPath(each, url)))
    : hasAll(own.apiGroups, piece.apiGroups) &&
      piece.resources.every((resource) => {
        const [, subresource] = resource.split("/")
        return (
          hasAll(own.resources, [resource]) || (subresource !== undefined && own.resources.includes(`*/${subresource}`))
        )
      }) &&
      (own.resourceNames.length === 0 ||
        (piece.resourceNames.length > 0 && piece.resourceNames.every((name) => own.resourceNames.includes(name)))))

const quotedList = (texts: ReadonlyArray<string>): string => `[${texts.map((text) => JSON.stringify(text)).join(" ")}]`

const ruleText = ({ apiGroups, nonResourceURLs, resourceNames, resources, verbs }: Rule): string =>
  `{${[
    ...(nonResourceURLs.length === 0 ? [] : [`NonResourceURLs:${quotedList(nonResourceURLs)}`]),
    ...(apiGroups.length === 0 ? [] : [`APIGroups:${quotedList(apiGroups)}`]),
    ...(resources.length === 0 ? [] : [`Resources:${quotedList(resources)}`]),
    ...(resourceNames.length === 0 ? [] : [`ResourceNames:${quotedList(resourceNames)}`]),
    `Verbs:${quotedList(verbs)}`
  ].join(", ")}}`

/** The pieces with their verbs together, as they are listed. */
const compacted = (pieces: ReadonlyArray<Rule>): ReadonlyArray<Rule> => {
  const found = new Map<string, Rule>()
  for (const piece of pieces) {
    const { verbs, ...rest } = piece
    const key = JSON.stringify(rest)
    const known = found.get(key)
    // Paths are listed one by one.
    if (known === undefined || piece.nonResourceURLs.length > 0) {
      found.set(known === undefined ? key : JSON.stringify(piece), piece)
    } else found.set(key, { ...known, verbs: [...known.verbs, ...verbs] })
  }
  return [...found.values()]
}

/** Which of the rules a user does not have, as the API server lists them. */
const missingFrom = (
  objects: Objects,
  user: User,
  namespace: string,
  wanted: ReadonlyArray<Json>
): ReadonlyArray<string> => {
  const own = rulesFor(objects, user, namespace).map(ruleOf)
  const missing = wanted
    .flatMap((rule) => piecesOf(ruleOf(rule)))
    .filter((piece) => !own.some((each) => covers(each, piece)))
  return compacted(missing)
    .map(ruleText)
    .toSorted((a, b) => (a < b ? -1 : 1))
}

/** Without what the garbage collector changes of any object. */
const withoutUpkeep = (object: JsonObject): JsonObject => {
  const {
    finalizers: _finalizers,
    managedFields: _managedFields,
    ownerReferences: _ownerReferences,
    resourceVersion: _resourceVersion,
    ...metadata
  } = metadataOf(object)
  return { ...object, metadata }
}

/** Why a user may not write a role or a binding: nobody gives what they do not have. */
export const escalation = (
  objects: Objects,
  user: User,
  { kind, name, namespace }: { readonly kind: string; readonly name: string; readonly namespace: string },
  object: JsonObject,
  old: JsonObject | undefined
):
  | { readonly status: "forbidden"; readonly message: string }
  | { readonly status: "not found"; readonly role: string }
  | undefined => {
  if (user.groups.includes(superusers)) return undefined
  if (old !== undefined && jsonEquals(withoutUpkeep(object), withoutUpkeep(old))) return undefined
  const group = "rbac.authorization.k8s.io"
  const may = (verb: string, resource: string, of: string) =>
    allows(objects, user, { verb, group, resource, namespace, name: of, path: "" })
  const refused = (rules: ReadonlyArray<Json>) => {
    const missing = missingFrom(objects, user, namespace, rules)
    return missing.length === 0
      ? undefined
      : {
          status: "forbidden" as const,
          message: `user ${JSON.stringify(user.username)} (groups=${quotedList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${missing.join("\n")}`
        }
  }
  if (kind === "Role" || kind === "ClusterRole") {
    const rules = listAt(object, "rules")
    return may("escalate", kind === "Role" ? "roles" : "clusterroles", name) ? undefined : refused(rules)
  }
  if (kind === "RoleBinding" || kind === "ClusterRoleBinding") {
    const of = String(at(object, "roleRef", "name"))
    const plural = at(object, "roleRef", "kind") === "ClusterRole" ? "clusterroles" : "roles"
    if (may("bind", plural, of)) return undefined
    const role = roleOf(objects, withMetadata(object, { namespace }))
    return role === undefined ? { status: "not found", role: of } : refused(listAt(role, "rules"))
  }
  return undefined
}
