/** What the API server warns of where the recorded answers cannot say it: no key is written down in them. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Namespace } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"
import { generateKeyPairSync } from "node:crypto"
import { sent } from "../../conformance/harness.js"
import * as pki from "../../support/pki.js"

const base64 = (text: string): string => Buffer.from(text).toString("base64")

const warningsFor = (certificate: string, key: string) =>
  Effect.map(
    sent(
      [
        "POST",
        "/api/v1/namespaces/team/secrets?dryRun=All",
        {
          metadata: { name: "pair" },
          type: "kubernetes.io/tls",
          data: { "tls.crt": base64(certificate), "tls.key": base64(key) }
        }
      ],
      (text) => text
    ),
    ({ headers, status }) => {
      assert.strictEqual(status, 201)
      return headers["warning"]
    }
  )

const ed25519 = () =>
  generateKeyPairSync("ed25519", {
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" }
  }).privateKey

describe("the warnings of a TLS secret", () => {
  it.effect("a pair is taken without a word, and a key of another certificate is not", () =>
    Effect.gen(function* () {
      yield* Namespace.create({ metadata: { name: "team" } })
      const [own, other] = yield* Effect.all([pki.makeAuthority(), pki.makeAuthority()])
      assert.isUndefined(yield* warningsFor(own.certificate, own.privateKey))
      // The first certificate is the one that counts, and what stands around it does not.
      assert.isUndefined(yield* warningsFor(`text\n${own.certificate}${other.certificate}`, own.privateKey))
      assert.deepStrictEqual(yield* warningsFor(own.certificate, other.privateKey), [
        '299 - "tls: private key does not match public key"'
      ])
      assert.deepStrictEqual(yield* warningsFor(own.certificate, ed25519()), [
        '299 - "tls: private key type does not match public key type"'
      ])
    }).pipe(Effect.provide(TestCluster.layer()))
  )
})
