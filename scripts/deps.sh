#!/bin/sh
# Installs the Debian packages that a job needs and that are missing.
#
#   scripts/deps.sh GROUP...          install what is missing; silent when nothing is
#   scripts/deps.sh --list GROUP...   print the packages of the groups
#
# Without root it uses sudo; without sudo it says what to run.  Where there is no dpkg it does
# nothing: the compiler will name what it misses.
set -eu

packages_of() {
	case $1 in
	tools)	echo gcc make pkg-config python3 python3-jsonschema ;;
	libs)	echo libsqlite3-dev libevent-dev libmodbus-dev libcurl4-openssl-dev libjansson-dev \
		libmosquitto-dev libssl-dev libxlsxwriter-dev libsystemd-dev \
		zlib1g-dev libcrypt-dev libzip-dev libexpat1-dev check ;;
	build)	packages_of tools; packages_of libs ;;
	neighbours) echo mosquitto nginx-light libnginx-mod-stream openssl ser2net python3-serial \
		tshark ;;
	clang)	echo clang ;;
	lint)	echo clang clang-tidy clang-format cppcheck shellcheck ;;
	fuzz)	echo clang libclang-rt-14-dev ;;
	armhf)	echo gcc-arm-linux-gnueabihf mmdebstrap qemu-user-static ;;
	arm64)	echo gcc-aarch64-linux-gnu mmdebstrap qemu-user-static ;;
	*)	echo "deps: no group named $1" >&2; exit 2 ;;
	esac
}

list=no
if [ "${1-}" = --list ]; then
	list=yes
	shift
fi
wanted=
for group in "$@"; do
	found=$(packages_of "$group")
	wanted="$wanted $found"
done
# shellcheck disable=SC2086	# the lists are meant to be split
if [ $list = yes ]; then
	printf '%s\n' $wanted
	exit
fi
command -v dpkg-query >/dev/null || exit 0

# shellcheck disable=SC2086
installed=$(dpkg-query -W -f='${db:Status-Status}:${Package}\n' $wanted 2>/dev/null || true)
missing=
for package in $wanted; do
	case "
$installed
" in
	*"
installed:$package
"*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	echo "deps: missing:$missing" >&2
	echo "deps: run as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
install="$as_root apt-get install -y -qq --no-install-recommends$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists may be absent or old: fetch them only when the first attempt fails.
if ! $install >"$log" 2>&1; then
	$as_root apt-get update -qq >>"$log" 2>&1 || true
	if ! $install >>"$log" 2>&1; then
		tail -20 "$log" >&2
		echo "deps: failed: $install" >&2
		exit 1
	fi
fi
