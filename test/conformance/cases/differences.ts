/** The cases that the TestCluster is known to answer otherwise, and why: by topic and name. */
export const differences: { readonly [topic: string]: { readonly [name: string]: string } } = {
  access: {
    "what is refused, by verb": "not yet looked at",
    "privileges that one does not have": "not yet looked at",
    "roles that are not valid": "not yet looked at",
    "reviews of odd forms": "not yet looked at"
  },
  apply: {
    "what an apply has to say": "not yet looked at",
    "an apply of odd forms": "not yet looked at",
    "an apply in YAML": "not yet looked at",
    "an apply of a status": "not yet looked at"
  },
  create: {
    "create with a prefix that is none": "not yet looked at",
    "bodies that are no JSON": "not yet looked at",
    "another kind or version in the body": "not yet looked at",
    "bodies in YAML that are none": "not yet looked at",
    "YAML and the types of its scalars": "not yet looked at",
    "a namespace in the body of a kind without": "not yet looked at",
    "options of a write": "not yet looked at",
    "field validation Strict": "not yet looked at",
    "field validation Warn": "not yet looked at",
    "field validation Ignore": "not yet looked at",
    "field validation by default": "not yet looked at",
    "a body that is too large": "not yet looked at",
    "data that is too large": "not yet looked at"
  },
  delete: {
    "what a delete of each kind answers": "not yet looked at"
  },
  forms: {
    "versions of the forms": "not yet looked at",
    "what is accepted first": "not yet looked at",
    "a table of configmaps": "not yet looked at",
    "a table of secrets": "not yet looked at",
    "a table of services": "not yet looked at",
    "a table of pods": "not yet looked at",
    "a table of deployments": "not yet looked at",
    "a table of controllerrevisions": "not yet looked at",
    "a table of persistentvolumeclaims": "not yet looked at",
    "a table of limitranges": "not yet looked at",
    "a table of events": "not yet looked at",
    "a table of roles": "not yet looked at",
    "a table of leases": "not yet looked at",
    "a table of ingresses": "not yet looked at",
    "a table of networkpolicies": "not yet looked at",
    "a table of cronjobs": "not yet looked at",
    "a table of poddisruptionbudgets": "not yet looked at",
    "a table of horizontalpodautoscalers": "not yet looked at",
    "a table of priorityclasses": "not yet looked at",
    "a table of storageclasses": "not yet looked at",
    "what a table has of its objects": "not yet looked at"
  },
  namespaces: {
    namespaces: "not yet looked at",
    "what of a namespace may be changed": "not yet looked at"
  },
  patch: {
    "merge patches of odd forms": "not yet looked at",
    "JSON patch: the whole": "not yet looked at",
    "JSON patch: odd forms": "not yet looked at",
    "JSON patch: too many operations": "not yet looked at",
    "strategic: an element without its key": "not yet looked at",
    "strategic: odd forms": "not yet looked at",
    "strategic: a union without keys to retain": "not yet looked at"
  },
  paths: {
    "more paths that nobody serves": "not yet looked at",
    "more methods that are not allowed": "not yet looked at",
    "discovery of /api/v1": "not yet looked at",
    "forms of discovery that are not offered": "not yet looked at",
    health: "not yet looked at",
    "who may see health and discovery": "not yet looked at",
    "names in paths": "not yet looked at"
  },
  subresources: {
    "the status of services": "not yet looked at",
    "the status of ingresses": "not yet looked at",
    "the status of pods": "not yet looked at",
    "the status of jobs": "not yet looked at",
    "the status of cronjobs": "not yet looked at",
    "the scale of a controller without pods": "not yet looked at",
    "scales of odd forms": "not yet looked at",
    "an apply of a scale": "not yet looked at",
    binding: "not yet looked at",
    eviction: "not yet looked at",
    "what of a pod may be changed": "not yet looked at",
    "ephemeral containers": "not yet looked at",
    resize: "not yet looked at",
    "tokens that are refused": "not yet looked at",
    "signing requests": "not yet looked at",
    "the finalize of a namespace": "not yet looked at"
  },
  update: {
    "replacing the version that was read": "not yet looked at",
    "a PUT that creates": "not yet looked at",
    "a job's immutable fields and its generation": "not yet looked at",
    "a headless service's ports": "not yet looked at",
    events: "not yet looked at"
  },
  validation: {
    "pods: containers": "not yet looked at",
    "pods: ports": "not yet looked at",
    "pods: environment": "not yet looked at",
    "pods: resources": "not yet looked at",
    "pods: volumes": "not yet looked at",
    "pods: the rest of the spec": "not yet looked at",
    "pods: security": "not yet looked at",
    "services: defaults": "not yet looked at",
    "services: the rest of the spec": "not yet looked at",
    "statefulsets: defaults and rules": "not yet looked at",
    "daemonsets: defaults and rules": "not yet looked at",
    "jobs: rules": "not yet looked at",
    "configmaps: keys": "not yet looked at",
    "secrets: types": "not yet looked at",
    "ingresses: rules": "not yet looked at",
    "persistentvolumeclaims: rules": "not yet looked at",
    "persistentvolumes: rules": "not yet looked at",
    "roles: rules": "not yet looked at",
    "horizontalpodautoscalers: defaults and rules": "not yet looked at",
    "horizontalpodautoscalers: the first version": "not yet looked at",
    "leases: rules": "not yet looked at",
    "endpointslices: rules": "not yet looked at",
    "endpoints: rules": "not yet looked at",
    "priorityclasses: rules": "not yet looked at",
    "storageclasses: rules": "not yet looked at",
    "resourcequotas: rules": "not yet looked at",
    "limitranges: defaults and rules": "not yet looked at",
    "nodes: rules": "not yet looked at",
    "runtimeclasses: rules": "not yet looked at",
    "csidrivers: defaults and rules": "not yet looked at",
    "validatingwebhookconfigurations: defaults and rules": "not yet looked at"
  },
  watch: {
    "watch from a version that is not there": "not yet looked at",
    "watches that are refused": "not yet looked at",
    "a table that is watched": "not yet looked at"
  }
}
