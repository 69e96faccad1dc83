/** The cases that the TestCluster is known to answer otherwise, and why: by topic and name. */
export const differences: { readonly [topic: string]: { readonly [name: string]: string } } = {
  apply: {
    "an apply of a status": "an apply to the status of what is not there creates nothing"
  },
  patch: {
    "field validation Strict of patches":
      "what a patch made is quoted with the fields of structs in another order, and with the last alone of keys that are there twice"
  },
  subresources: {
    "the status of services": "what a patch made of another form is quoted in another order",
    "the status of pods": "what a patch made of another form is quoted in another order",
    "the status of jobs": "what a patch made of another form is quoted in another order",
    "the status of cronjobs": "what a patch made of another form is quoted in another order"
  },
  validation: {
    "persistentvolumes: rules": "an empty map counts as none",
    "horizontalpodautoscalers: defaults and rules": "an empty list counts as none"
  }
}
