/** Why a patch could not be applied: what the `Status` of the answer says. */
import type { JsonObject } from "./openapi.js"

export interface PatchFailure {
  readonly code: number
  /** Empty where the API server gives none, as it does for errors that it did not foresee. */
  readonly reason: "" | "BadRequest" | "Conflict" | "Invalid" | "RequestEntityTooLarge"
  readonly message: string
  readonly details?: JsonObject
}

export const badRequest = (message: string): PatchFailure => ({ code: 400, reason: "BadRequest", message })

/** The API server tells nobody which operation failed, or why. */
export const rejected: PatchFailure = {
  code: 422,
  reason: "Invalid",
  message: "the server rejected our request due to an error in our request",
  details: {}
}

/** An error that the API server has no reason for. */
export const unforeseen = (message: string): PatchFailure => ({ code: 500, reason: "", message })

/** A patched document that is no object of the kind. */
export const invalidPatch = (value: string, problem: string): PatchFailure => {
  const message = `Invalid value: ${JSON.stringify(value)}: ${problem}`
  return {
    code: 422,
    reason: "Invalid",
    message: ` "" is invalid: patch: ${message}`,
    details: { causes: [{ reason: "FieldValueInvalid", message, field: "patch" }] }
  }
}
