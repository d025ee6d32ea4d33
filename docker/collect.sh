#!/bin/sh
# Gathers, for each controller, the root file system of its image: collect.sh BUILD-FOLDER OUTPUT-FOLDER
#
# The programs, the shared libraries they need with the dynamic loader, CA certificates, the libraries that resolve names,
# a user database with nobody in it, and /tmp. No shell, no package manager.
set -eu
build=$1 out=$2

library() { # copies a file with its links' target to the same path
    mkdir -p "$3$(dirname "$2")"
    cp -L "$1" "$3$2"
}

program() { # copies a program, stripped, into a folder, and the libraries it is linked to
    mkdir -p "$2"
    cp "$1" "$2/"
    strip "$2/$(basename "$1")"
    # "libx.so.1 => /path (0x…)" and the loader's own line "/lib64/ld-linux… (0x…)"; a static program has none
    { ldd "$1" 2>/dev/null || true; } | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | sort -u | while read -r file; do
        library "$file" "$file" "$root"
    done
}

for name in source-controller image-controller helm-controller; do
    root=$out/$name
    mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/data"
    chmod 1777 "$root/tmp"
    chown 65534:65534 "$root/data"
    program "$build/$name/$name" "$root/usr/local/bin"
    if [ "$name" = helm-controller ]; then # the command itself is static; it runs these
        program "$build/$name/helm-reconciler" "$root/usr/local/libexec/runnel"
        program "$build/$name/helm-fetch" "$root/usr/local/libexec/runnel"
    fi
    for file in $(find /lib /usr/lib -name 'libnss_dns.so.2' -o -name 'libnss_files.so.2' | sort -u); do
        library "$file" "$file" "$root"
    done
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    echo 'nobody:x:65534:65534:nobody:/:/nonexistent' >"$root/etc/passwd"
    echo 'nogroup:x:65534:' >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
done
