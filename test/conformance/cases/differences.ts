/** The cases that the TestCluster is known to answer otherwise, and why: by topic and name. */
export const differences: { readonly [topic: string]: { readonly [name: string]: string } } = {
  apply: {
    "an apply of odd forms": "YAML is that of version 1.2, and its problems are told in other words",
    "an apply in YAML": "YAML is that of version 1.2, and its problems are told in other words",
    "an apply of a status": "rules are missing, or it is told in other words"
  },
  create: {
    "create with a prefix that is none": "rules are missing, or it is told in other words",
    "bodies that are no JSON": "what is wrong with a text that is no JSON is told in other words",
    "another kind or version in the body": "rules are missing, or it is told in other words",
    "bodies in YAML that are none": "YAML is that of version 1.2, and its problems are told in other words",
    "YAML and the types of its scalars": "YAML is that of version 1.2, and its problems are told in other words",
    "field validation Strict":
      "keys of a map that are there twice are not told, and YAML with keys that are there twice is refused",
    "field validation Warn":
      "keys of a map that are there twice are not told, YAML with keys that are there twice is refused, and a patch warns of nothing",
    "field validation Ignore": "YAML with keys that are there twice is refused",
    "field validation by default":
      "keys of a map that are there twice are not told, YAML with keys that are there twice is refused, and a patch warns of nothing",
    "data that is too large": "rules are missing, or it is told in other words"
  },
  namespaces: {
    namespaces: "the finalizers of a spec are not validated",
    "what of a namespace may be changed": "the finalizers of a spec are not validated"
  },
  patch: {
    "merge patches of odd forms":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "JSON patch: the whole":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "JSON patch: odd forms":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "strategic: odd forms": "a patch warns of nothing",
    "strategic: a union without keys to retain":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing"
  },
  subresources: {
    "the status of services": "validation of a status is missing, and a patch warns of nothing",
    "the status of ingresses": "a patch warns of nothing",
    "the status of pods": "validation of a status is missing, and a patch warns of nothing",
    "the status of jobs": "validation of a status is missing, and a patch warns of nothing",
    "the status of cronjobs": "validation of a status is missing, and a patch warns of nothing",
    "what of a pod may be changed": "rules and words of the subresource are missing",
    "ephemeral containers": "rules and words of the subresource are missing",
    resize: "rules and words of the subresource are missing",
    "signing requests": "rules and words of the subresource are missing"
  },
  update: {
    "replacing the version that was read": "rules are missing, or it is told in other words",
    "a job's immutable fields and its generation": "rules are missing, or it is told in other words",
    events: "rules are missing, or it is told in other words"
  },
  validation: {
    "pods: containers": "rules of the validation are missing or say it in other words",
    "pods: environment": "rules of the validation are missing or say it in other words",
    "pods: volumes": "rules of the validation are missing or say it in other words",
    "pods: the rest of the spec": "rules of the validation are missing or say it in other words",
    "pods: security": "rules of the validation are missing or say it in other words",
    "services: the rest of the spec": "rules of the validation are missing or say it in other words",
    "statefulsets: defaults and rules": "rules of the validation are missing or say it in other words",
    "daemonsets: defaults and rules": "rules of the validation are missing or say it in other words",
    "jobs: rules": "rules of the validation are missing or say it in other words",
    "configmaps: keys": "rules of the validation are missing or say it in other words",
    "ingresses: rules": "rules of the validation are missing or say it in other words",
    "persistentvolumeclaims: rules": "rules of the validation are missing or say it in other words",
    "persistentvolumes: rules": "rules of the validation are missing or say it in other words",
    "horizontalpodautoscalers: defaults and rules": "rules of the validation are missing or say it in other words",
    "horizontalpodautoscalers: the first version": "rules of the validation are missing or say it in other words",
    "leases: rules": "rules of the validation are missing or say it in other words",
    "endpointslices: rules": "rules of the validation are missing or say it in other words",
    "priorityclasses: rules": "rules of the validation are missing or say it in other words",
    "storageclasses: rules": "rules of the validation are missing or say it in other words",
    "resourcequotas: rules": "rules of the validation are missing or say it in other words",
    "limitranges: defaults and rules": "rules of the validation are missing or say it in other words",
    "nodes: rules": "rules of the validation are missing or say it in other words",
    "runtimeclasses: rules": "rules of the validation are missing or say it in other words",
    "csidrivers: defaults and rules": "rules of the validation are missing or say it in other words",
    "validatingwebhookconfigurations: defaults and rules":
      "rules of the validation are missing or say it in other words"
  },
  warnings: {
    "pods: labels of nodes that there cannot be":
      "values of labels are refused in preferences too, where they are only warned of",
    "the template of a daemonset": "nobody manages the annotation with the generation of the template"
  }
}
