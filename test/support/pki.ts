/**
 * Certificates for tests: throwaway authorities, and certificates that they issue. Everything comes out as PEM.
 */
// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 needs it loaded first
import "reflect-metadata"
import * as x509 from "@peculiar/x509"
import * as Effect from "effect/Effect"
import { webcrypto } from "node:crypto"

/** From when until when a certificate is valid. The default is one year from now. */
export interface Validity {
  readonly notBefore?: Date
  readonly notAfter?: Date
}

export interface AuthorityOptions extends Validity {
  /** The default is `test-ca`. */
  readonly commonName?: string
  /** Who signs it; absent: itself. */
  readonly issuer?: Authority
}

/** What a certificate says about its holder; a Kubernetes API server reads a user and the groups of the user from it. */
export interface CertificateOptions extends Validity {
  readonly commonName: string
  readonly organizations?: ReadonlyArray<string>
  readonly dnsNames?: ReadonlyArray<string>
  readonly ipAddresses?: ReadonlyArray<string>
}

/** A public key (SPKI) and its private key (PKCS#8), as PEM. */
export interface KeyPair {
  readonly publicKey: string
  readonly privateKey: string
}

/** A certificate and its private key (PKCS#8), as PEM. */
export interface Certificate {
  readonly certificate: string
  readonly privateKey: string
}

/** A certificate that can sign others. */
export interface Authority extends Certificate {
  readonly subject: string
  readonly signingKey: webcrypto.CryptoKey
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }

const generateKeys = Effect.promise(() => webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]))

const privateKeyPem = (key: webcrypto.CryptoKey): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => webcrypto.subtle.exportKey("pkcs8", key)),
    (der) => x509.PemConverter.encode(der, "PRIVATE KEY")
  )

const publicKeyPem = (key: webcrypto.CryptoKey): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => webcrypto.subtle.exportKey("spki", key)),
    (der) => x509.PemConverter.encode(der, "PUBLIC KEY")
  )

const validity = ({ notAfter, notBefore }: Validity) => ({
  ...(notBefore !== undefined && { notBefore }),
  ...(notAfter !== undefined && { notAfter })
})

/** A new EC P-256 key pair that no certificate is about, for example to sign tokens with. */
export const makeKeyPair: Effect.Effect<KeyPair> = Effect.gen(function* () {
  const keys = yield* generateKeys
  return { publicKey: yield* publicKeyPem(keys.publicKey), privateKey: yield* privateKeyPem(keys.privateKey) }
})

/** A new certificate authority. */
export const makeAuthority = (options: AuthorityOptions = {}): Effect.Effect<Authority> =>
  Effect.gen(function* () {
    const keys = yield* generateKeys
    const subject = [{ CN: [options.commonName ?? "test-ca"] }]
    const certificate = yield* Effect.promise(() =>
      x509.X509CertificateGenerator.create({
        ...validity(options),
        subject,
        issuer: options.issuer?.subject ?? subject,
        publicKey: keys.publicKey,
        signingKey: options.issuer?.signingKey ?? keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(true, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true)
        ]
      })
    )
    return {
      certificate: certificate.toString("pem"),
      privateKey: yield* privateKeyPem(keys.privateKey),
      subject: certificate.subject,
      signingKey: keys.privateKey
    }
  })

/** A new certificate signed by `authority`, good for a server as well as for a client. */
export const issue = (authority: Authority, options: CertificateOptions): Effect.Effect<Certificate> =>
  Effect.gen(function* () {
    const keys = yield* generateKeys
    const names = [
      ...(options.dnsNames ?? []).map((value): x509.JsonGeneralName => ({ type: "dns", value })),
      ...(options.ipAddresses ?? []).map((value): x509.JsonGeneralName => ({ type: "ip", value }))
    ]
    const certificate = yield* Effect.promise(() =>
      x509.X509CertificateGenerator.create({
        ...validity(options),
        subject: [...(options.organizations ?? []).map((name) => ({ O: [name] })), { CN: [options.commonName] }],
        issuer: authority.subject,
        publicKey: keys.publicKey,
        signingKey: authority.signingKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
          ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [])
        ]
      })
    )
    return { certificate: certificate.toString("pem"), privateKey: yield* privateKeyPem(keys.privateKey) }
  })
