#!/usr/bin/env bash
# Rewrites go.mod and go.sum for a Kubernetes release, for example: ./update.sh 1.35.4
#
# k8s.io/kubernetes takes the modules it is published with (k8s.io/api, k8s.io/client-go, …) from folders of its own
# repository, which other modules cannot see. Each one is replaced by its published version: v0.35.4 belongs to v1.35.4.
set -euo pipefail

release=${1:?usage: update.sh RELEASE, for example: update.sh 1.35.4}
cd "$(dirname "${BASH_SOURCE[0]}")"

rm -f go.mod go.sum
go mod init effect-kubernetes.test/kube
go mod download "k8s.io/kubernetes@v$release"
upstream=$(go env GOMODCACHE)/cache/download/k8s.io/kubernetes/@v/v$release.mod

go mod edit -go="$(awk '$1 == "go" { print $2 }' "$upstream")" -require="k8s.io/kubernetes@v$release"
for module in $(awk '$2 == "=>" && $3 ~ /^\.\/staging\// { print $1 }' "$upstream"); do
  go mod edit -replace="$module=$module@v0.${release#1.}"
done
go mod tidy
