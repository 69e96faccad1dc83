/**
 * What requests for certificates have to be. The requests themselves are not read: that they are in PEM is all. What may become
 * of their status is in `signing.ts`.
 */
import { rules } from "../names.js"
import type { Json } from "../openapi.js"
import {
  duplicate,
  invalid,
  listAt,
  maybeOneOf,
  missing,
  numberAt,
  problems,
  specOf,
  textAt,
  tooLong,
  valueAt,
  type Causes,
  type Rule
} from "./rules.js"

const usages = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping"
]

/** The kinds of the blocks of a text in PEM, given in base64. */
const blocksOf = (data: string): ReadonlyArray<string> =>
  [
    ...Buffer.from(data, "base64")
      .toString()
      .matchAll(/-----BEGIN ([^\n-]+)-----\s[\s\S]*?-----END \1-----/g)
  ].map(([, kind = ""]) => kind)

const labelsOf = (out: Causes, path: string, segment: string, rule: (text: string) => ReadonlyArray<string>): void => {
  for (const label of segment.split(".")) {
    const found = rule(label).map((problem) => `validating label ${JSON.stringify(label)}: ${problem}`)
    if (found.length > 0) return problems(out, path, segment, found)
  }
}

/** The name of who signs: `example.com/signer-name`. */
const signerName = (out: Causes, path: string, text: string): void => {
  if (text === "") return missing(out, path)
  const [domain = "", own, ...more] = text.split("/")
  if (own === undefined || more.length > 0) {
    const why = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
    return invalid(out, path, text, why)
  }
  if (Buffer.byteLength(domain) > 253) tooLong(out, path, 253)
  labelsOf(out, path, domain, rules.label)
  if (!domain.includes(".")) {
    invalid(out, path, domain, "should be a domain with at least two segments separated by dots")
  }
  labelsOf(out, path, own, rules.subdomain)
  if (Buffer.byteLength(own) > 317) tooLong(out, path, 317)
}

export const signingRequest: Rule = (out, object) => {
  const spec = specOf(object)
  const request = valueAt(spec, "request")
  if (blocksOf(String(request ?? ""))[0] !== "CERTIFICATE REQUEST") {
    // Bytes are shown in base64.
    const shown: Json = request === undefined || request === "" ? null : request
    invalid(out, "spec.request", shown, "PEM block type must be CERTIFICATE REQUEST")
  }
  const given = listAt(spec, "usages")
  if (given.length === 0) missing(out, "spec.usages")
  given.forEach((usage, index) => maybeOneOf(out, `spec.usages[${index}]`, usage, usages))
  given.forEach((usage, index) => {
    if (given.indexOf(usage) < index) duplicate(out, `spec.usages[${index}]`, usage)
  })
  const signer = textAt(spec, "signerName")
  if (signer === "kubernetes.io/legacy-unknown") {
    invalid(out, "spec.signerName", signer, "the legacy signerName is not allowed via this API version")
  } else signerName(out, "spec.signerName", signer)
  const seconds = numberAt(spec, "expirationSeconds")
  if (seconds !== undefined && seconds < 600) {
    const why = "may not specify a duration less than 600 seconds (10 minutes)"
    invalid(out, "spec.expirationSeconds", seconds, why)
  }
}
