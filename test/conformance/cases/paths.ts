/** What is served at all: paths, methods, discovery, health. */
import type { Case } from "../harness.js"
import { apps, core, jane, map, maps, merge, one, pods, secret, secrets } from "./common.js"

const aggregated = { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" }

export const cases: ReadonlyArray<Case> = [
  one(
    "paths that nobody serves",
    ["GET", `${core}/nope`],
    ["GET", `${core}/nope/x`],
    ["GET", "/apis/nope/v1/foo"],
    ["GET", "/nope"],
    ["GET", "/api/v2"],
    ["GET", `${maps}/a/status`],
    ["GET", `${maps}/a/b/c`]
  ),
  one(
    "more paths that nobody serves",
    ["GET", "/apis/apps/v2"],
    ["GET", "/apis/apps/v1/nope"],
    ["GET", "/apis/apps/v1/namespaces/$NS/nope/x"],
    ["POST", "/apis/apps/v1/namespaces/$NS/nope", {}],
    ["GET", "/apis/apps/v1beta1/namespaces/$NS/deployments"],
    ["GET", "/api/v1/namespaces/$NS/deployments"],
    ["GET", "/apis/extensions/v1beta1/ingresses"],
    ["GET", "/api/v1/namespaces/$NS/nodes"],
    ["GET", "/api/v1/configmaps/a"],
    ["DELETE", "/nope"],
    ["GET", "/api/v1/namespaces/$NS"],
    ["GET", "/api/v1/namespaces/$NS/"],
    ["GET", "/api/v1//namespaces"],
    ["GET", `${secrets}/`],
    ["GET", "/openapi/v3/nope"],
    ["GET", "/openapi/nope"]
  ),
  one(
    "methods that are not allowed",
    ["POST", `${maps}/a`, map("a")],
    ["PUT", maps, map("a")],
    ["PATCH", maps, map("a"), merge],
    ["POST", "/api/v1/configmaps", map("a")],
    ["DELETE", "/api/v1/configmaps"],
    ["DELETE", "/api/v1/namespaces"]
  ),
  one(
    "more methods that are not allowed",
    ["POST", `${apps}/deployments/a/scale`, {}],
    ["DELETE", `${apps}/deployments/a/scale`],
    ["DELETE", `${apps}/deployments/a/status`],
    ["GET", `${pods}/a/binding`],
    ["GET", `${pods}/a/eviction`],
    ["PUT", `${pods}/a/eviction`, {}],
    ["DELETE", `${core}/bindings`],
    ["GET", `${core}/bindings`],
    ["GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"],
    ["PUT", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews/x", {}],
    ["OPTIONS", maps],
    ["HEAD", `${maps}/none`]
  ),
  one("discovery", ["GET", "/apis/apps"], ["GET", "/apis/autoscaling"], ["GET", "/apis/nope"], ["GET", "/healthz"]),
  ...[
    "/api",
    "/api/v1",
    "/apis/apps/v1",
    "/apis/batch/v1",
    "/apis/autoscaling/v1",
    "/apis/autoscaling/v2",
    "/apis/policy/v1",
    "/apis/rbac.authorization.k8s.io/v1",
    "/apis/networking.k8s.io/v1",
    "/apis/authentication.k8s.io/v1",
    "/apis/authorization.k8s.io/v1",
    "/apis/certificates.k8s.io/v1",
    "/apis/coordination.k8s.io/v1",
    "/apis/discovery.k8s.io/v1",
    "/apis/events.k8s.io/v1",
    "/apis/scheduling.k8s.io/v1",
    "/apis/storage.k8s.io/v1",
    "/apis/node.k8s.io/v1",
    "/apis/apiextensions.k8s.io/v1",
    "/apis/apiregistration.k8s.io/v1",
    "/apis/flowcontrol.apiserver.k8s.io/v1",
    "/apis/admissionregistration.k8s.io/v1",
    "/apis/resource.k8s.io/v1"
  ].map((path) => one(`discovery of ${path}`, ["GET", path])),
  one("aggregated discovery of the core", ["GET", "/api", undefined, aggregated]),
  one(
    "forms of discovery that are not offered",
    ["GET", "/api", undefined, { accept: "application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList" }],
    ["GET", "/apis/apps", undefined, { accept: "text/html" }],
    ["GET", "/apis/apps/v1", undefined, { accept: "application/yaml" }]
  ),
  one(
    "health",
    ["GET", "/livez"],
    ["GET", "/readyz"],
    ["GET", "/healthz/ping"],
    ["GET", "/livez/ping"],
    ["GET", "/readyz/nope"],
    ["POST", "/healthz", {}]
  ),
  one(
    "who may see health and discovery",
    ["GET", "/healthz", undefined, jane],
    ["GET", "/version/", undefined, jane],
    ["GET", "/apis/apps", undefined, jane]
  ),
  one(
    "names in paths",
    ["GET", `${maps}/a%20b`],
    ["GET", `${maps}/a%2Fb`],
    ["GET", `${maps}/${"x".repeat(300)}`],
    ["GET", "/api/v1/namespaces/A_B/configmaps"],
    ["POST", "/api/v1/namespaces/A_B/secrets", secret("a")],
    ["GET", `${secrets}/..`]
  )
]
