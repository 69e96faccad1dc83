/** Whose a token is, as the cluster reviews it. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { Pod, ServiceAccount, TokenReview } from "effect-kubernetes"
import { TestCluster } from "effect-kubernetes/testing/TestCluster"

const statusOf = (token: string, audiences?: ReadonlyArray<string>) =>
  Effect.map(
    TokenReview.create({ spec: { token, ...(audiences === undefined ? {} : { audiences }) } }),
    ({ status }) => status
  )

const errorOf = (token: string, audiences?: ReadonlyArray<string>) =>
  Effect.map(statusOf(token, audiences), ({ authenticated, error }) => {
    assert.isNotTrue(authenticated)
    return error
  })

const pod = {
  metadata: { name: "p" },
  spec: { serviceAccountName: "robot", containers: [{ name: "c", image: "i" }] }
}

describe("TokenReview", () => {
  it.effect("tells the service account of a token, until the token ends", () =>
    Effect.gen(function* () {
      yield* ServiceAccount.create({ metadata: { name: "robot" } })
      const { status } = yield* ServiceAccount.createToken("robot", { expirationSeconds: 1200 })
      const known = yield* statusOf(status.token)
      assert.isTrue(known.authenticated)
      assert.strictEqual(known.user?.username, "system:serviceaccount:default:robot")
      assert.deepStrictEqual(known.user?.groups, [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated"
      ])
      assert.strictEqual(
        yield* errorOf(status.token, ["elsewhere"]),
        '[invalid bearer token, token audiences ["https://kubernetes.default.svc"] is invalid for the target audiences ["elsewhere"]]'
      )
      // The API server grants a minute to clocks that are wrong.
      yield* TestClock.adjust("1260 seconds")
      assert.isTrue((yield* statusOf(status.token)).authenticated)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* errorOf(status.token), "[invalid bearer token, service account token has expired]")
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("takes no token that was changed", () =>
    Effect.gen(function* () {
      yield* ServiceAccount.create({ metadata: { name: "robot" } })
      const { status } = yield* ServiceAccount.createToken("robot")
      const [header = "", payload = "", signature = ""] = status.token.split(".")
      const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as { sub: string }
      const other = JSON.stringify({ ...claims, sub: "system:serviceaccount:kube-system:admin" })
      const changed = [header, Buffer.from(other).toString("base64url"), signature].join(".")
      assert.strictEqual(yield* errorOf(changed), "invalid bearer token")
      assert.strictEqual(yield* errorOf([header, payload, ""].join(".")), "invalid bearer token")
      assert.strictEqual(yield* errorOf("x"), "invalid bearer token")
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.effect("ends a token with the pod that it is bound to, also if another takes its name", () =>
    Effect.gen(function* () {
      yield* ServiceAccount.create({ metadata: { name: "robot" } })
      const { metadata } = yield* Pod.create(pod)
      const boundObjectRef = { apiVersion: "v1", kind: "Pod", name: "p" }
      const { status } = yield* ServiceAccount.createToken("robot", { boundObjectRef })
      const { user } = yield* statusOf(status.token)
      assert.deepStrictEqual(user?.extra?.["authentication.kubernetes.io/pod-uid"], [metadata.uid])
      yield* Pod.delete("p", { gracePeriodSeconds: 0 })
      assert.strictEqual(
        yield* errorOf(status.token),
        "[invalid bearer token, service account token has been invalidated]"
      )
      const another = yield* Pod.create(pod)
      assert.strictEqual(
        yield* errorOf(status.token),
        `[invalid bearer token, pod UID (${another.metadata.uid}) does not match service account pod ref claim (${metadata.uid})]`
      )
      yield* ServiceAccount.delete("robot")
      assert.strictEqual(yield* errorOf(status.token), '[invalid bearer token, serviceaccounts "robot" not found]')
    }).pipe(Effect.provide(TestCluster.layer()))
  )

  it.scopedLive("knows the users of a served cluster as long as it is served", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* TestCluster.serve({ tokens: { "secret-1": { username: "jane", groups: ["developers"] } } })
          const { authenticated, user } = yield* statusOf("secret-1")
          assert.isTrue(authenticated)
          assert.strictEqual(user?.username, "jane")
          assert.deepStrictEqual(user?.groups, ["developers", "system:authenticated"])
        })
      )
      assert.strictEqual(yield* errorOf("secret-1"), "invalid bearer token")
    }).pipe(Effect.provide(TestCluster.layer()))
  )
})
