#!/bin/sh
# Makes a cross sysroot: the libraries' -dev packages of another architecture, extracted, not
# installed.  Needs no foreign packages on this machine and does not depend on their versions.
#
#   scripts/sysroot.sh armhf|arm64 DIRECTORY
#
# Packages come from this machine's own apt sources, from the release itself without its updates:
# their index for a foreign architecture may be out of step, and headers do not need them.
set -eu
arch=$1 root=$2
here=$(dirname "$0")
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# Entries of this release in either format of apt, as one-line entries.
{
	cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk -v RS= -v FS='\n' -v suite="$codename" '
		{
			delete value
			for (i = 1; i <= NF; i++)
				if (match($i, /^[A-Za-z-]+:/))
					value[substr($i, 1, RLENGTH - 1)] = substr($i, RLENGTH + 1)
		}
		(value["Suites"] " ") ~ "[ /]" suite " " && value["Types"] ~ /deb( |$)/ && value["Enabled"] !~ /no/ {
			key = value["Signed-By"]
			sub(/^ */, "", key)
			print "deb", (key ~ /^\// ? "[signed-by=" key "]" : ""), value["URIs"], suite, value["Components"]
		}'
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		grep -E "^deb .* $codename( |\$)" || true
} >"$work/sources.list"
if [ ! -s "$work/sources.list" ]; then
	echo "sysroot: no $codename in the apt sources of this machine" >&2
	exit 1
fi
# How this machine reaches them (a proxy, a clock that is off).
apt-config dump | grep -E '^Acquire::(https?|ftp|Check-|Retries)' >"$work/apt.conf" || true

packages=$("$here/deps.sh" --list libs | paste -sd,),libc6-dev,linux-libc-dev

rm -rf "$root"
mkdir -p "$(dirname "$root")"
mmdebstrap --quiet --variant=extract --architectures="$arch" --include="$packages" \
	--aptopt="$work/apt.conf" "$codename" "$root" "$work/sources.list"

# The linker follows symbolic links on this machine, not inside the root: make them relative.
find "$root" -type l -lname '/*' | while read -r link; do
	ln -srfn "$root$(readlink "$link")" "$link"
done

# Keep what compiler and emulator need.  The emulator looks up every path inside the root first: a
# /dev or /tmp there would stand in for the real one.
find "$root" -mindepth 1 -maxdepth 1 ! -name 'lib*' ! -name usr -exec rm -rf {} +
find "$root/usr" -mindepth 1 -maxdepth 1 ! -name 'lib*' ! -name include ! -name share -exec rm -rf {} +
find "$root/usr/share" -mindepth 1 -maxdepth 1 ! -name pkgconfig -exec rm -rf {} +
