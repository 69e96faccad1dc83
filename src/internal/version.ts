/** The version of this package; `scripts/version.ts` writes it. */
export const version = "0.0.0"
