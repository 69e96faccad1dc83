/** Who may do what, and what a program is told when it may not. */
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import {
  ConfigMap,
  isKubeError,
  KubeClient,
  Node,
  Role,
  RoleBinding,
  SelfSubjectReview,
  ServiceAccount,
  type Forbidden,
  type KubeError
} from "effect-kubernetes"
import * as e2e from "../support/e2e.js"

/** A service account of the namespace, and a client that acts as it. */
const account = (name: string) =>
  Effect.gen(function* () {
    yield* ServiceAccount.create({ metadata: { name } })
    const { status } = yield* ServiceAccount.createToken(name)
    const client = Context.get(yield* Layer.build(e2e.layerWithToken(status.token)), KubeClient)
    return Effect.provideService(KubeClient, client)
  })

layer(e2e.layer, e2e.live)("a service account without rights", (it) => {
  it.scoped("is told by Forbidden, in kubectl's words, what it may not do", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const asRobot = yield* account("robot")
        const user = `system:serviceaccount:${namespace}:robot`
        const error: Forbidden = yield* ConfigMap.get("settings").pipe(
          asRobot,
          Effect.as(undefined),
          Effect.catchTag("Forbidden", (forbidden) => Effect.succeed(forbidden)),
          Effect.filterOrDieMessage((found) => found !== undefined, "it may read it")
        )
        assert.isTrue(isKubeError(error))
        assert.strictEqual(
          error.message,
          `configmaps "settings" is forbidden: User "${user}" cannot get resource "configmaps" in API group "" in the namespace "${namespace}"`
        )
        const { code, kind, method, objectName, path, status, verb } = error
        assert.deepStrictEqual(
          { code, kind, method, objectName, namespace: error.namespace, path, verb },
          {
            code: 403,
            kind: "ConfigMap",
            method: "GET",
            objectName: "settings",
            namespace,
            path: `/api/v1/namespaces/${namespace}/configmaps/settings`,
            verb: "get"
          }
        )
        assert.strictEqual(status.reason, "Forbidden")
        assert.deepStrictEqual(status.details, { name: "settings", kind: "configmaps" })

        const list = yield* Effect.flip(asRobot(ConfigMap.list()))
        assert.strictEqual(
          list.message,
          `configmaps is forbidden: User "${user}" cannot list resource "configmaps" in API group "" in the namespace "${namespace}"`
        )
        const nodes = yield* Effect.flip(asRobot(Node.list()))
        assert.strictEqual(
          nodes.message,
          `nodes is forbidden: User "${user}" cannot list resource "nodes" in API group "" at the cluster scope`
        )
      })
    )
  )

  it.scoped("is not taken for a missing object by exists, getOption and modify", () =>
    e2e.inFreshNamespace(() =>
      Effect.gen(function* () {
        const asRobot = yield* account("robot")
        const calls: ReadonlyArray<Effect.Effect<unknown, KubeError, KubeClient>> = [
          ConfigMap.exists("settings"),
          ConfigMap.getOption("settings"),
          ConfigMap.modify("settings", (map) => map),
          ConfigMap.create({ metadata: { name: "settings" } }),
          ConfigMap.apply({ metadata: { name: "settings" } }),
          ConfigMap.delete("settings"),
          ConfigMap.deleteCollection()
        ]
        for (const call of calls) assert.strictEqual((yield* Effect.flip(asRobot(call)))._tag, "Forbidden")
      })
    )
  )

  it.scoped("may do what a role grants, and no more", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const asRobot = yield* account("robot")
        yield* Role.create({
          metadata: { name: "reader" },
          rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"], resourceNames: ["settings"] }]
        })
        yield* RoleBinding.create({
          metadata: { name: "robot" },
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "reader" },
          subjects: [{ kind: "ServiceAccount", name: "robot", namespace }]
        })
        yield* ConfigMap.create({ metadata: { name: "settings" }, data: { color: "blue" } })
        // The server learns of the binding a moment later.
        yield* e2e.eventually(
          asRobot(ConfigMap.exists("settings")).pipe(Effect.catchTag("Forbidden", () => Effect.succeed(false)))
        )
        assert.deepStrictEqual((yield* asRobot(ConfigMap.get("settings"))).data, { color: "blue" })
        const write = yield* Effect.flip(asRobot(ConfigMap.label("settings", { a: "1" })))
        assert.strictEqual(write._tag, "Forbidden")
        const other = yield* Effect.flip(asRobot(ConfigMap.get("other")))
        assert.strictEqual(other._tag, "Forbidden")
      })
    )
  )

  it.scoped("knows who it is", () =>
    e2e.inFreshNamespace((namespace) =>
      Effect.gen(function* () {
        const asRobot = yield* account("robot")
        const review = yield* asRobot(SelfSubjectReview.create({}))
        assert.strictEqual(review.status.userInfo?.username, `system:serviceaccount:${namespace}:robot`)
      })
    )
  )

  it.scoped("a token that the server does not know is Unauthorized, and stays out of the error", () =>
    Effect.gen(function* () {
      const secret = "not-a-token-of-anybody"
      const error = yield* ConfigMap.list({ namespace: "default" }).pipe(
        Effect.flip,
        Effect.provide(e2e.layerWithToken(secret))
      )
      assert(error._tag === "Unauthorized")
      assert.strictEqual(error.code, 401)
      assert.strictEqual(error.verb, "list")
      assert.strictEqual(error.kind, "ConfigMap")
      assert.strictEqual(error.namespace, "default")
      assert.isUndefined(error.objectName)
      assert.strictEqual(error.path, "/api/v1/namespaces/default/configmaps")
      assert.match(error.message, /does not accept these credentials/)
      assert.notInclude(JSON.stringify(error) + error.message + String(error.stack), secret)
    })
  )
})
