#!/bin/sh
# Install what the tests use and this machine lacks, where that is allowed: as root, or with a sudo
# that asks for no password. Never fails and never starts a service; what is still missing is said
# here, and again at the end of the tests.
#
# usage: install_servers.sh [0]      0: install nothing

set -u

# command to look for, package that has it
WANTED='mariadbd:mariadb-server redis-server:redis-server chromium:chromium node:nodejs npm:npm'
POLICY=/usr/sbin/policy-rc.d

has() {
    command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]
}

missing() {
    set -- /usr/lib/postgresql/*/bin/initdb
    [ -x "$1" ] || has initdb || printf 'postgresql '
    for pair in $WANTED; do
        has "${pair%%:*}" || printf '%s ' "${pair##*:}"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

allowed() {
    [ "${1:-1}" != 0 ] && command -v apt-get >/dev/null 2>&1 && as_root true 2>/dev/null
}

# Quiet, but for the last words of what fails.
apt_get() {
    said=$(as_root env DEBIAN_FRONTEND=noninteractive timeout 600 \
        apt-get -qq -y -o DPkg::Lock::Timeout=120 "$@" 2>&1) && return
    printf '%s\n' "$said" | tail -n 5
    return 1
}

# A policy of 101 tells Debian's packages not to start their services. One that is there is kept.
forbid_services() {
    [ -e "$POLICY" ] && return
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
    trap 'as_root rm -f "$POLICY"' EXIT
    trap 'exit 1' HUP INT TERM
}

install() {
    echo "Installing for the tests: $*"
    forbid_services
    apt_get update
    # together is quickest; one by one, a package that cannot be had does not keep the others away
    apt_get install --no-install-recommends "$@" && return
    for package in "$@"; do
        apt_get install --no-install-recommends "$package" || echo "could not install $package"
    done
}

wanted=$(missing)
if [ -n "$wanted" ] && allowed "${1:-}"; then
    # shellcheck disable=SC2086 # the names are words
    install $wanted
    wanted=$(missing)
fi
if [ -n "$wanted" ]; then
    echo "!!! NOT INSTALLED, tests that need them are skipped: $wanted"
    echo "!!! To run them: apt-get install $wanted"
fi
exit 0
