/**
 * The verbs: each takes the state and a call, and gives a new state and the answer, or the refusal. They are pure; the time
 * and what is random about a call come with it.
 */
export * from "./verbs/call.js"
export * from "./verbs/bodies.js"
export * from "./verbs/options.js"
export * from "./verbs/read.js"
export * from "./verbs/write.js"
export * from "./verbs/patch.js"
export * from "./verbs/delete.js"
