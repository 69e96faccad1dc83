/** The parts of objects that have paths of their own, and the kinds that only answer. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Option, type Scope } from "effect"
import {
  Binding,
  CertificateSigningRequest,
  ComponentStatus,
  ConfigMap,
  Deployment,
  type KubeClient,
  type KubeError,
  type Resource,
  LocalSubjectAccessReview,
  Namespace,
  Patch,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  ReplicationController,
  SelfSubjectAccessReview,
  SelfSubjectReview,
  SelfSubjectRulesReview,
  ServiceAccount,
  StatefulSet,
  SubjectAccessReview,
  TokenReview,
  type Stored
} from "effect-kubernetes"
import * as e2e from "../support/e2e.js"

const ready = (pod: Stored<Pod>): Pod => ({
  ...pod,
  status: { ...pod.status, phase: "Running", conditions: [{ type: "Ready", status: "True" }] }
})

layer(e2e.layer, e2e.live)("subresources on a real API server", (it) => {
  const test = <A, E>(name: string, body: (namespace: string) => Effect.Effect<A, E, KubeClient | Scope.Scope>) =>
    it.scoped(name, () => e2e.inFreshNamespace(body))

  describe("status", () => {
    test("of a built-in kind: get, patch, apply, modify and replace change the status and nothing else", () =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const pod = yield* Pod.create(e2e.pendingPod("web"))
        assert.deepStrictEqual(yield* Pod.status.get("web"), pod)

        const patched = yield* Pod.status.patch("web", Patch.merge({ status: { message: "patched" } }))
        assert.strictEqual(patched.status.message, "patched")
        const ignored = yield* Pod.patch("web", Patch.merge({ status: { message: "by the main path" } }))
        assert.strictEqual(ignored.status.message, "patched")

        const conditions = [{ type: "example.com/Checked", status: "True" }]
        const applied = yield* Pod.status.apply(
          { metadata: { name: "web" }, status: { conditions } },
          { fieldManager: "checker" }
        )
        assert.isTrue(applied.status.conditions?.some(({ type }) => type === "example.com/Checked"))
        assert.strictEqual(applied.status.message, "patched")
        const entry = applied.metadata.managedFields?.find(({ manager }) => manager === "checker")
        assert.strictEqual(entry?.subresource, "status")

        const modified = yield* Pod.status.modify("web", ready)
        assert.strictEqual(modified.status.phase, "Running")
        const replaced = yield* Pod.status.replace({
          ...modified,
          metadata: { ...modified.metadata, labels: { no: "no" } },
          status: { ...modified.status, message: "replaced" }
        })
        assert.strictEqual(replaced.status.message, "replaced")
        assert.strictEqual((yield* Effect.flip(Pod.status.replace(pod)))._tag, "Conflict")
        const dry = yield* Pod.status.patch("web", Patch.json([{ op: "remove", path: "/status/message" }]), {
          dryRun: true
        })
        assert.isUndefined(dry.status.message)
        assert.strictEqual((yield* Pod.get("web")).status.message, "replaced")
        assert.strictEqual((yield* Effect.flip(Pod.status.get("none")))._tag, "NotFound")
      }))

    test("of a custom kind", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        const due = new Date("2030-01-02T03:04:05Z")
        const created = yield* Widget.create({ metadata: { name: "a" }, spec: { due }, status: { phase: "Made" } })
        // Only the status path writes it.
        assert.isUndefined(created.status)
        const replaced = yield* Widget.status.replace({ ...created, status: { phase: "Replaced" } })
        assert.deepStrictEqual(replaced.status, { phase: "Replaced" })
        assert.deepStrictEqual(replaced.spec, { due })
        const modified = yield* Widget.status.modify("a", (widget) => ({
          ...widget,
          spec: { due: new Date(0) },
          status: { ...widget.status, replicas: 2 }
        }))
        assert.deepStrictEqual(modified.status, { phase: "Replaced", replicas: 2 })
        assert.deepStrictEqual(modified.spec, { due })
        const patched = yield* Widget.status.patch("a", Patch.merge({ status: { phase: null } }))
        assert.deepStrictEqual(patched.status, { replicas: 2 })
        assert.deepStrictEqual(yield* Widget.status.get("a"), patched)
      }))

    test("of a custom kind, applied: the other required fields may stay out", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        const due = new Date("2030-01-02T03:04:05Z")
        yield* Widget.create({ metadata: { name: "a" }, spec: { due } })
        const applied = yield* Widget.status.apply(
          { metadata: { name: "a" }, status: { phase: "Applied" } },
          { fieldManager: "phases" }
        )
        assert.deepStrictEqual(applied.status, { phase: "Applied" })
        assert.deepStrictEqual(applied.spec, { due })
      }))
  })

  describe("scale", () => {
    const labels = { app: "web" }
    const template = { metadata: { labels }, spec: e2e.pendingPod("").spec }
    const spec = { replicas: 0, selector: { matchLabels: labels }, template }
    const web = { name: "web" }

    const kinds: ReadonlyArray<
      readonly [string, Resource.WithScale<"Namespaced">, Effect.Effect<unknown, KubeError, KubeClient>]
    > = [
      ["Deployment", Deployment, Deployment.create({ metadata: web, spec })],
      ["ReplicaSet", ReplicaSet, ReplicaSet.create({ metadata: web, spec })],
      ["StatefulSet", StatefulSet, StatefulSet.create({ metadata: web, spec: { ...spec, serviceName: "web" } })],
      [
        "ReplicationController",
        ReplicationController,
        ReplicationController.create({ metadata: web, spec: { replicas: 0, selector: labels, template } })
      ]
    ]
    for (const [kind, resource, create] of kinds) {
      test(`of a ${kind}: one word to set it, and get, replace and patch`, (namespace) =>
        Effect.gen(function* () {
          yield* create
          const scaled = yield* resource.scale("web", 2)
          assert.strictEqual(scaled.kind, "Scale")
          assert.strictEqual(scaled.apiVersion, "autoscaling/v1")
          assert.strictEqual(scaled.spec.replicas, 2)
          assert.strictEqual(scaled.metadata.namespace, namespace)
          const read = yield* resource.scale.get("web")
          assert.strictEqual(read.spec.replicas, 2)
          assert.strictEqual(read.status.selector, "app=web")
          const replaced = yield* resource.scale.replace({
            metadata: { name: "web", namespace },
            spec: { replicas: 3 }
          })
          assert.strictEqual(replaced.spec.replicas, 3)
          const patched = yield* resource.scale.patch("web", Patch.merge({ spec: { replicas: 0 } }))
          // Zero is not nothing: the server leaves it out of its answer all the same.
          assert.strictEqual(patched.spec.replicas ?? 0, 0)
          yield* resource.scale("web", 7, { dryRun: true })
          assert.strictEqual((yield* resource.scale.get("web")).spec.replicas ?? 0, 0)
          assert.strictEqual((yield* Effect.flip(resource.scale("none", 1)))._tag, "NotFound")
        }))
    }

    test("of a custom kind", () =>
      Effect.gen(function* () {
        const Widget = yield* e2e.freshWidget
        yield* Widget.create({ metadata: { name: "a" }, spec: { due: new Date(), replicas: 1 } })
        assert.strictEqual((yield* Widget.scale("a", 4)).spec.replicas, 4)
        assert.strictEqual((yield* Widget.get("a")).spec.replicas, 4)
        const scale = yield* Widget.scale.get("a")
        const replaced = yield* Widget.scale.replace({ ...scale, spec: { replicas: 5 } })
        assert.strictEqual(replaced.spec.replicas, 5)
        assert.strictEqual((yield* Effect.flip(Widget.scale.replace(scale)))._tag, "Conflict")
      }))
  })

  describe("of a pod", () => {
    test("evict deletes it; a dry run does not", () =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const pod = yield* Pod.create(e2e.pendingPod("web"))
        const dry = yield* Pod.evict("web", { dryRun: true })
        assert.strictEqual(dry.status, "Success")
        assert.isTrue(yield* Pod.exists("web"))
        const evicted = yield* Pod.evict(pod, { gracePeriodSeconds: 0 })
        assert.strictEqual(evicted.kind, "Status")
        assert.strictEqual(evicted.status, "Success")
        assert.isFalse(yield* Pod.exists("web"))
        assert.strictEqual((yield* Effect.flip(Pod.evict("web")))._tag, "NotFound")
      }))

    test("evict fails with TooManyRequests while a disruption budget forbids it", () =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const labels = { app: "web" }
        yield* Pod.create(e2e.pendingPod("web", labels))
        yield* Pod.status.modify("web", ready)
        yield* PodDisruptionBudget.create({
          metadata: { name: "web" },
          spec: { minAvailable: 1, selector: { matchLabels: labels } }
        })
        yield* e2e.until(PodDisruptionBudget, "web", ({ status }) => status.currentHealthy === 1)
        const error = yield* Effect.flip(Pod.evict("web"))
        assert(error._tag === "TooManyRequests")
        assert.strictEqual(error.code, 429)
        assert.include(error.message, "Cannot evict pod as it would violate the pod's disruption budget")
        assert.strictEqual(error.status.details?.causes?.[0]?.reason, "DisruptionBudget")
        assert.isTrue(yield* Pod.exists("web"))
      }))

    test("bind assigns it to a node, once", () =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        yield* Pod.create(e2e.pendingPod("web"))
        const node = { kind: "Node", apiVersion: "v1", name: "no-such-node" }
        const bound = yield* Pod.bind("web", node)
        assert.strictEqual(bound.status, "Success")
        assert.strictEqual((yield* Pod.get("web")).spec.nodeName, "no-such-node")
        assert.strictEqual((yield* Effect.flip(Pod.bind("web", node)))._tag, "Conflict")
        yield* Pod.delete("web", { gracePeriodSeconds: 0 })
      }))

    test("ephemeralContainers adds a container to look inside", () =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        yield* Pod.create(e2e.pendingPod("web"))
        const debug = { name: "debug", image: "example.com/debug:1", targetContainerName: "main" }
        const patched = yield* Pod.ephemeralContainers.patch(
          "web",
          Patch.strategic({ spec: { ephemeralContainers: [debug] } })
        )
        assert.deepStrictEqual(
          patched.spec.ephemeralContainers?.map(({ name }) => name),
          ["debug"]
        )
        const modified = yield* Pod.ephemeralContainers.modify("web", (pod) => ({
          ...pod,
          spec: {
            ...pod.spec,
            ephemeralContainers: [...(pod.spec.ephemeralContainers ?? []), { ...debug, name: "second" }]
          }
        }))
        assert.strictEqual(modified.spec.ephemeralContainers?.length, 2)
        assert.strictEqual((yield* Pod.ephemeralContainers.get("web")).spec.ephemeralContainers?.length, 2)
      }))

    test("resize changes the resources of its containers", () =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        const resources = { requests: { cpu: "100m" }, limits: { cpu: "200m" } }
        const pod = e2e.pendingPod("web")
        yield* Pod.create({
          ...pod,
          spec: { ...pod.spec, containers: pod.spec.containers.map((container) => ({ ...container, resources })) }
        })
        assert.deepStrictEqual((yield* Pod.resize.get("web")).spec.containers[0]?.resources, resources)
        const resized = yield* Pod.resize.patch(
          "web",
          Patch.strategic({ spec: { containers: [{ name: "main", resources: { requests: { cpu: "150m" } } }] } })
        )
        assert.strictEqual(resized.spec.containers[0]?.resources?.requests?.["cpu"], "150m")
        assert.strictEqual(resized.spec.containers[0]?.resources?.limits?.["cpu"], "200m")
      }))
  })

  describe("of other kinds", () => {
    test("a service account's token opens a second client", (namespace) =>
      Effect.gen(function* () {
        yield* ServiceAccount.create({ metadata: { name: "robot" } })
        const request = yield* ServiceAccount.createToken("robot", { expirationSeconds: 1200 })
        assert.strictEqual(request.kind, "TokenRequest")
        assert.strictEqual(request.spec.expirationSeconds, 1200)
        const username = `system:serviceaccount:${namespace}:robot`
        const me = yield* SelfSubjectReview.create({}).pipe(Effect.provide(e2e.layerWithToken(request.status.token)))
        assert.strictEqual(me.status.userInfo?.username, username)
        const review = yield* TokenReview.create({ spec: { token: request.status.token } })
        assert.isTrue(review.status.authenticated)
        assert.strictEqual(review.status.user?.username, username)

        const elsewhere = yield* ServiceAccount.createToken("robot", { audiences: ["somewhere-else"] })
        const error = yield* Effect.flip(
          SelfSubjectReview.create({}).pipe(Effect.provide(e2e.layerWithToken(elsewhere.status.token)))
        )
        assert.strictEqual(error._tag, "Unauthorized")
      }))

    it.scoped("a certificate signing request is approved", () =>
      Effect.gen(function* () {
        const name = yield* e2e.randomName("csr")
        const request = yield* e2e.signingRequest
        yield* Effect.acquireRelease(
          CertificateSigningRequest.create({
            metadata: { name },
            spec: { request, signerName: "example.com/nobody", usages: ["client auth"] }
          }),
          () => Effect.ignoreLogged(CertificateSigningRequest.delete(name))
        )
        const approved = yield* CertificateSigningRequest.approval.modify(name, (csr) => ({
          ...csr,
          status: { ...csr.status, conditions: [{ type: "Approved", status: "True", reason: "Test", message: "yes" }] }
        }))
        assert.strictEqual(approved.status.conditions?.[0]?.type, "Approved")
        const read = yield* CertificateSigningRequest.approval.get(name)
        assert.deepStrictEqual(read.status.conditions, approved.status.conditions)
        assert.strictEqual(read.spec.request, request)
      })
    )

    it.scoped("a namespace that is held by a finalizer ends with finalize", () =>
      Effect.gen(function* () {
        const name = yield* e2e.randomName("test")
        const hold = "example.com/hold"
        yield* Namespace.create({ metadata: { name }, spec: { finalizers: [hold] } })
        yield* Namespace.delete(name)
        const held = yield* e2e.until(Namespace, name, ({ spec }) => spec.finalizers?.join() === hold)
        assert.strictEqual(held.status.phase, "Terminating")
        yield* Namespace.finalize({ metadata: { name }, spec: { finalizers: [] } })
        yield* e2e.untilGone(Namespace.getOption(name))
      })
    )
  })

  describe("kinds that only answer", () => {
    it.scoped("SelfSubjectReview says who I am", () =>
      Effect.gen(function* () {
        const review = yield* SelfSubjectReview.create({})
        assert.include(review.status.userInfo?.groups ?? [], "system:authenticated")
      })
    )

    test("access reviews say who may do what", (namespace) =>
      Effect.gen(function* () {
        const resourceAttributes = { namespace, verb: "list", resource: "pods" }
        const me = yield* SelfSubjectAccessReview.create({ spec: { resourceAttributes } })
        assert.isTrue(me.status.allowed)
        const jane = { resourceAttributes, user: "jane" }
        const other = yield* SubjectAccessReview.create({ spec: jane })
        assert.isFalse(other.status.allowed)
        const local = yield* LocalSubjectAccessReview.create({ spec: jane })
        assert.isFalse(local.status.allowed)
        // The server sends back `"scopes":null` for it.
        const scoped: { readonly [key: string]: ReadonlyArray<string> } = JSON.parse('{"scopes":null,"groups":["a"]}')
        const extra = yield* SubjectAccessReview.create({ spec: { ...jane, extra: scoped } })
        assert.deepStrictEqual(extra.spec.extra, { scopes: [], groups: ["a"] })
        const rules = yield* SelfSubjectRulesReview.create({ spec: { namespace } })
        assert.isTrue(rules.status.resourceRules.some(({ verbs }) => verbs.includes("*")))
      }))

    it.scoped("TokenReview tells a token of nobody", () =>
      Effect.gen(function* () {
        const review = yield* TokenReview.create({ spec: { token: "nobody's" } })
        assert.notStrictEqual(review.status.authenticated, true)
        assert.isString(review.status.error)
      })
    )

    test("Binding does what bind does", (namespace) =>
      Effect.gen(function* () {
        yield* e2e.podsAllowed
        yield* Pod.create(e2e.pendingPod("web"))
        yield* Binding.create({ metadata: { name: "web" }, target: { kind: "Node", name: "no-such-node" } })
        assert.strictEqual((yield* Pod.get("web", { namespace })).spec.nodeName, "no-such-node")
        yield* Pod.delete("web", { gracePeriodSeconds: 0 })
      }))

    it.scoped("ComponentStatus is listed, with the server's warning that it is going away", () =>
      Effect.gen(function* () {
        let count = 0
        const logged = yield* e2e.loggedWarnings(
          ComponentStatus.list().pipe(
            Effect.tap(({ items }) => Effect.sync(() => (count = items.length))),
            Effect.provide(e2e.layer)
          )
        )
        assert.isAbove(count, 0)
        assert.deepStrictEqual(logged, ["the API server warns: v1 ComponentStatus is deprecated in v1.19+"])
        assert.deepStrictEqual(yield* ComponentStatus.getOption("none"), Option.none())
      })
    )

    it.scoped("have only the verbs that the server has", () =>
      Effect.sync(() => {
        assert.notProperty(SelfSubjectReview, "get")
        assert.notProperty(TokenReview, "list")
        assert.notProperty(ComponentStatus, "create")
        assert.notProperty(ConfigMap, "status")
        assert.notProperty(Pod, "scale")
      })
    )
  })
})
