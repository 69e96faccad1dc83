/** The cases that the TestCluster is known to answer otherwise, and why: by topic and name. */
export const differences: { readonly [topic: string]: { readonly [name: string]: string } } = {
  apply: {
    "an apply of odd forms": "YAML is that of version 1.2, and its problems are told in other words",
    "an apply in YAML": "YAML is that of version 1.2, and its problems are told in other words",
    "an apply of a status": "an apply to the status of what is not there creates nothing"
  },
  create: {
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
      "keys of a map that are there twice are not told, YAML with keys that are there twice is refused, and a patch warns of nothing"
  },
  patch: {
    "merge patches of odd forms":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "JSON patch: the whole":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "JSON patch: odd forms":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "strategic: odd forms": "a patch warns of nothing"
  },
  subresources: {
    "the status of services":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "the status of ingresses": "a patch warns of nothing",
    "the status of pods": "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "the status of jobs": "what a patch made of another form is quoted in another order, and a patch warns of nothing",
    "the status of cronjobs":
      "what a patch made of another form is quoted in another order, and a patch warns of nothing"
  },
  validation: {
    "persistentvolumes: rules": "an empty map counts as none",
    "horizontalpodautoscalers: defaults and rules": "an empty list counts as none"
  }
}
