#!/bin/sh
# Prove that a fresh clone works on a bare machine: a minimal Debian with python3, make and git, and nothing else.
#
#   scripts/bare_machine.sh SUITE FOLDER TARGET...
#   scripts/bare_machine.sh bookworm /var/tmp/bare demo test
#
# As root, with debootstrap installed. The last commit is cloned into FOLDER/SUITE and each make target is run there and
# timed. The system is made once and kept; the clone is made anew each time. Proxy and certificate settings of this
# machine are handed on, its pip configuration is not. METASPINE_TEST_DATA is shown inside at the same path.
set -eu
if [ $# -lt 3 ]; then
    sed -n '2,10s/^# \{0,1\}//p' "$0"
    exit 2
fi
suite=$1 root=$2/$1
shift 2
source=$(cd "$(dirname "$0")/.." && pwd)
certificates=/etc/ssl/certs/ca-certificates.crt

if [ ! -e "$root/bare-machine-is-made" ]; then
    mkdir -p "$root"
    debootstrap --variant=minbase --include=python3,make,git,ca-certificates "$suite" "$root"
    : >"$root/bare-machine-is-made"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -e "$certificates" ] || cp "$certificates" "$root$certificates"

rm -rf "$root/work"
mkdir -p "$root/work"
git -C "$source" bundle create --quiet "$root/work/metaspine.bundle" HEAD

inside() {
    # shellcheck disable=SC2016
    SHOWN=${METASPINE_TEST_DATA:-} unshare --mount --fork --pid sh -eu -c '
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        if [ -n "$SHOWN" ]; then
            mkdir -p "$root$SHOWN"
            mount --rbind -o ro "$SHOWN" "$root$SHOWN"
        fi
        exec chroot "$root" "$@"
    ' sh "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        PIP_CERT="$certificates" ${METASPINE_TEST_DATA:+METASPINE_TEST_DATA="$METASPINE_TEST_DATA"} \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        ${no_proxy:+no_proxy="$no_proxy"} "$@"
}

inside git -c advice.detachedHead=false clone --quiet /work/metaspine.bundle /work/metaspine
for target in "$@"; do
    start=$(date +%s)
    inside make -C /work/metaspine "$target"
    echo "$suite: make $target took $(($(date +%s) - start)) s"
done
