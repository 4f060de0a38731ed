#!/usr/bin/env bash
# Proves the README's first two commands on a bare Debian 12: python3, venv, Python's headers and a C++ compiler, no more.
#
#   .ci/bare_root.sh FOLDER        as root, with debootstrap installed; about 6 GB; run it before each release
#
# The root is made in FOLDER (used again if it is one already); HEAD of this checkout is cloned into it, the commands are
# taken out of README.md, run in a chroot, and timed. A private mount namespace holds all mounts: none is left behind.
#   BARE_MIRROR   where Debian's packages come from; default http://deb.debian.org/debian
#   BARE_BIND     paths of this machine to show inside, read-only, at the same place, separated by blanks: pip's
#                 configuration, certificates, folders of wheels
#   BARE_ENV      names of variables to pass on, separated by blanks: PIP_INDEX_URL, SSL_CERT_FILE, https_proxy, …
#   BARE_ONLY     1 runs the first command only
set -euo pipefail
cd "$(dirname "$0")/.."

root=${1:?say in which folder the root shall be made}
[ "$(id -u)" = 0 ] || { echo "debootstrap and chroot need root" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "install debootstrap first" >&2; exit 2; }

# The first two shell blocks of the README's section on installing.
commands=$(awk '/^## /{inside=/^## Install and run/} inside&&/^```/{open=!open; blocks+=open; next} inside&&open&&blocks<=2' README.md)
[ "$(wc -l <<<"$commands")" = 2 ] || { echo "README.md: two commands of one line were expected, not: $commands" >&2; exit 1; }
mapfile -t command <<<"$commands"

if [ ! -x "$root/usr/bin/g++" ]; then
    debootstrap --variant=minbase --include=python3,python3-venv,python3-dev,g++,ca-certificates \
        bookworm "$root" "${BARE_MIRROR:-http://deb.debian.org/debian}"
fi
rm -rf "$root/root/checkout"
git clone -q --no-hardlinks . "$root/root/checkout"
cp /etc/resolv.conf "$root/etc/resolv.conf"

cat >"$root/root/commands.sh" <<EOF
cd /root/checkout
SECONDS=0
${command[0]} || exit
echo "== first command: \$SECONDS s; \$(du -sh .venv | cut -f1) of virtual environment"
gaussian-head doctor
[ "${BARE_ONLY:-}" = 1 ] && exit
SECONDS=0
${command[1]}; status=\$?
echo "== second command: \$SECONDS s, exit status \$status"
exit \$status
EOF

passed=()
for name in ${BARE_ENV:-}; do
    [ -z "${!name+set}" ] || passed+=("$name=${!name}")
done
export root BARE_BIND
unshare --mount bash -euc '
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    for path in ${BARE_BIND:-}; do
        if [ -d "$path" ]; then mkdir -p "$root$path"; else mkdir -p "$(dirname "$root$path")"; touch "$root$path"; fi
        mount --bind -o ro "$path" "$root$path"
    done
    exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin "$@" bash /root/commands.sh
' bare "${passed[@]}"
