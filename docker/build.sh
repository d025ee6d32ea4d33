#!/usr/bin/env bash
# Builds the three images with buildah, podman or docker, whichever is there: docker/build.sh [TAG]
#
#   PREFIX   folder of the images' names (runnel); the images are PREFIX/source-controller:TAG and so on
#   BASE     image to build in (debian:bookworm-slim); where it cannot be pulled, a tree made by debootstrap takes its place
#   ENGINE   buildah, podman or docker
set -euo pipefail
cd "$(dirname "$0")/.."
TAG=${1:-$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)}
PREFIX=${PREFIX:-runnel}
BASE=${BASE:-debian:bookworm-slim}
LOCAL_BASE=localhost/debian-minbase:bookworm
ENGINE=${ENGINE:-$(for e in buildah podman docker; do command -v $e >/dev/null && echo $e && break; done)}
[ -n "$ENGINE" ] || { echo "none of buildah, podman and docker is there" >&2; exit 1; }

isolation=()
[ "$ENGINE" != buildah ] || isolation=(--isolation "${BUILDAH_ISOLATION:-chroot}")

# debian:bookworm-slim, or what debootstrap makes of the same packages where no registry is within reach.
base() {
    if "$ENGINE" pull -q "docker.io/library/$BASE" >/dev/null 2>&1; then
        echo "docker.io/library/$BASE"
        return
    fi
    if ! "$ENGINE" inspect ${isolation:+--type image} $LOCAL_BASE >/dev/null 2>&1; then
        command -v debootstrap >/dev/null || { echo "no registry within reach, and no debootstrap" >&2; exit 1; }
        local root
        root=$(mktemp -d)
        echo "no registry within reach: making the base with debootstrap" >&2
        debootstrap --variant=minbase bookworm "$root/tree" >"$root/log" 2>&1 || { tail "$root/log" >&2; exit 1; }
        tar -C "$root/tree" --exclude=./dev -cf "$root/base.tar" .
        case $ENGINE in
            buildah)
                local c
                c=$(buildah from scratch)
                buildah add -q "$c" "$root/base.tar" / >/dev/null
                buildah commit -q "$c" $LOCAL_BASE >/dev/null
                buildah rm "$c" >/dev/null ;;
            *) "$ENGINE" import "$root/base.tar" $LOCAL_BASE >/dev/null ;;
        esac
        rm -rf "$root"
    fi
    echo $LOCAL_BASE
}

from=$(base)
for name in source-controller image-controller helm-controller; do
    echo "== $PREFIX/$name:$TAG"
    case $ENGINE in
        buildah) buildah bud --layers "${isolation[@]}" --build-arg "BASE=$from" -f docker/Dockerfile --target "$name" -t "$PREFIX/$name:$TAG" . ;;
        *) "$ENGINE" build --build-arg "BASE=$from" -f docker/Dockerfile --target "$name" -t "$PREFIX/$name:$TAG" . ;;
    esac
done
