#!/bin/sh
# Makes a machine ready and then does what was asked: `sh tools/setup.sh demo|test|start|check|docs:rules [ARGUMENTS]`.
#
# It looks for programs, not packages: what is there, from whatever source, is used. What is missing comes from apt, and only
# if that removes nothing; programs that need no installation are otherwise unpacked into .cache/. No service is started.
# Node 24 comes with the npm packages where the machine's own is older. Run again, it finds everything and says nothing.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/.cache/bin
cd "$root"
mode=${1:-}
[ $# -eq 0 ] || shift
PATH=$cache:$PATH:/usr/sbin:/sbin
export PATH

say() { echo "setup: $*" >&2; }
die() {
  say "$*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# --- programs -------------------------------------------------------------------------------------------------------------

# program=package, for Debian and Ubuntu
run_needs='containerd=containerd runc=runc iptables=iptables iptables-restore=iptables ip=iproute2'
demo_needs="$run_needs busybox=busybox-static"
test_needs="$demo_needs nft=nftables bridge=iproute2 brctl=bridge-utils dig=bind9-dnsutils ping=iputils-ping curl=curl
  openssl=openssl pgrep=procps sysctl=procps ps=procps xz=xz-utils bzip2=bzip2"

# A container image of one file needs a busybox that depends on no library.
static_busybox() { have busybox && LC_ALL=C ldd "$(command -v busybox)" 2>&1 | grep -q 'not a dynamic'; }

present() {
  case $1 in
  busybox) static_busybox ;;
  zookeeper.jar) [ -e /usr/share/java/zookeeper.jar ] ;;
  *) have "$1" ;;
  esac
}

# The packages of the given needs whose programs are missing, each once.
missing_packages() {
  for need in $1; do
    present "${need%%=*}" || echo "${need#*=}"
  done | sort -u
}

# --- apt ------------------------------------------------------------------------------------------------------------------

apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 "$@"; }

refreshed=no
refresh_lists() {
  [ $refreshed = no ] || return 0
  refreshed=yes
  say 'fetching package lists (apt-get update)'
  apt update >&2 || say 'apt-get update did not succeed everywhere; going on with what there is'
}

# True when apt can install the packages without removing anything.
harmless() { plan=$(apt -s --no-install-recommends --no-remove install "$@" 2>&1) && ! echo "$plan" | grep -q '^Remv '; }

# Packages may start their services when installed, unless this file forbids it.
policy=/usr/sbin/policy-rc.d
policy_ours=no
forbid_services() {
  [ -e $policy ] && return 0
  policy_ours=yes
  trap allow_services EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
}
allow_services() {
  [ $policy_ours = no ] || rm -f $policy
  policy_ours=no
}

apt_install() {
  harmless "$@" || {
    refresh_lists
    harmless "$@" || return 1
  }
  say "installing $*"
  forbid_services
  apt install -y --no-install-recommends --no-remove "$@" >&2 || {
    refresh_lists
    apt install -y --no-install-recommends --no-remove "$@" >&2
  }
  allow_services
}

# Unpacks one program of a package into .cache/bin: for what apt would trade for something else, and for what its package
# would start at the next boot (the docker client brings a daemon, etcd and consul are ones).
unpack_program() {
  package=$1 program=$2
  say "unpacking $program of $package into .cache/bin"
  work=$(mktemp -d)
  (cd "$work" && { download "$package" || { refresh_lists && download "$package"; }; }) >&2 || {
    rm -rf "$work"
    return 1
  }
  keep_program "$work" "$program"
}
download() { apt -o APT::Sandbox::User=root download "$1"; }

# Takes the program out of the one package in the directory, which goes.
keep_program() {
  work=$1 program=$2
  dpkg-deb -x "$work"/*.deb "$work/files"
  mkdir -p "$cache"
  found=$(find "$work/files" -type f -path "*bin/$program" -perm -100 | head -n 1)
  [ -z "$found" ] || cp "$found" "$cache/$program"
  rm -rf "$work"
  [ -x "$cache/$program" ]
}

# The same from another Debian release of the mirror that this machine uses, with package lists of its own. As ever, apt
# checks the release's signature and the package's hash.
unpack_from_release() {
  release=$1 package=$2 program=$3
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  mirror=$(apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(CODENAME) $(SITE)' | sed -n 's/^Debian main [a-z]* //p' | head -n 1)
  [ -n "$mirror" ] && [ -e $keyring ] || return 1
  say "unpacking $program of $package, Debian $release, into .cache/bin"
  work=$(mktemp -d)
  mkdir -p "$work/lists/partial"
  echo "deb [signed-by=$keyring] $mirror $release main" >"$work/sources.list"
  set -- -o Dir::State::Lists="$work/lists" -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Acquire::Languages=none -o APT::Sandbox::User=root
  (cd "$work" && apt "$@" update && apt "$@" download "$package") >&2 || {
    rm -rf "$work"
    return 1
  }
  keep_program "$work" "$program"
}

install_missing() {
  packages=$(missing_packages "$1")
  [ -n "$packages" ] || return 0
  set -- $packages
  how="apt-get install --no-install-recommends $*"
  have apt-get || die "missing: $*. There is no apt here; install what your system calls them, then try again."
  is_root || die "missing: $*. As root: $how"
  # Lists are empty on a fresh image; simulating an installation without them fails.
  [ -n "$(find /var/lib/apt/lists -name '*Packages*' 2>/dev/null | head -n 1)" ] || refresh_lists
  for package in "$@"; do
    case $package in
    busybox-static) apt_install $package || unpack_program $package busybox ;;
    *) apt_install "$package" ;;
    esac || die "cannot get $package without removing another package. Look at: apt-get -s install $package"
  done
}

# The docker client judges many tests. Where it cannot be had, those are skipped, and say so.
want_docker() {
  ! have docker || return 0
  if have apt-get && is_root; then
    unpack_program docker-cli docker || unpack_program docker.io docker || true
  fi
  have docker || say 'no docker client here: the tests that need it are skipped'
}

# The stores that hosts share: tests of networks over many hosts run against the real servers. Debian 12 has no consul.
want_stores() {
  if have apt-get && is_root; then
    have etcd || unpack_program etcd-server etcd || true
    have consul || unpack_program consul consul || unpack_from_release bullseye consul consul || true
    packages=$(missing_packages 'java=default-jre-headless zookeeper.jar=libzookeeper-java')
    [ -z "$packages" ] || apt_install $packages || true
  fi
  absent=$(for store in etcd consul java zookeeper.jar; do present $store || echo $store; done)
  [ -z "$absent" ] || say "not here:" $absent "- the tests of the stores that need it are skipped"
}

# Plugins are measured by the real dockerd, 20.10 of Debian. Its package would put a daemon on the machine: only the program
# and the libraries that it is linked with come.
want_dockerd() {
  ! have dockerd || return 0
  if have apt-get && is_root; then
    apt_install libdevmapper1.02.1 || true
    unpack_program docker.io dockerd || true
    dockerd --version >/dev/null 2>&1 || rm -f "$cache/dockerd"
  fi
  have dockerd || say 'no dockerd here: the tests that need it are skipped'
}

# --- npm and Node ---------------------------------------------------------------------------------------------------------

node_is_new() { [ -x "$1" ] && "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' 2>/dev/null; }

install_npm_packages() {
  stamp=node_modules/.package-lock.json
  if [ ! -e $stamp ] || [ package-lock.json -nt $stamp ]; then
    have npm || die 'npm is missing: install Node.js with npm 10 or newer'
    say 'installing npm packages (npm ci, about half a minute)'
    # npm takes this checkout's own node away while it works: it must run on the machine's.
    PATH=$(echo "$PATH" | tr ':' '\n' | grep -v node_modules/.bin | paste -sd: -) npm ci --no-audit --no-fund --loglevel=error >&2
    touch $stamp
  fi
  if ! node_is_new node_modules/.bin/node && [ -f node_modules/node/installArchSpecificPackage.js ]; then
    say 'fetching Node 24 (the npm package node)'
    (cd node_modules/node && node installArchSpecificPackage.js >&2) || true
  fi
}

find_node() {
  for node in "$root/node_modules/.bin/node" "$(command -v node || true)"; do
    node_is_new "$node" && return 0
  done
  die 'Node 24 is missing and could not be fetched. Install Node.js 24 or newer, then try again.'
}

# --- what was asked -------------------------------------------------------------------------------------------------------

case $mode in
demo) install_missing "$demo_needs" ;;
test)
  install_missing "$test_needs"
  want_docker
  want_dockerd
  want_stores
  ;;
docs:rules) install_missing "$demo_needs nft=nftables" ;;
start) install_missing "$run_needs" ;;
check) ;;
*) die 'usage: sh tools/setup.sh demo|test|start|check|docs:rules [ARGUMENTS]' ;;
esac
install_npm_packages
find_node
PATH=$root/node_modules/.bin:$PATH
export PATH

# Trying a feature takes root; without it the program that was asked for says so itself.
case $mode in
demo | test | start) ! is_root || "$node" tools/check-kernel.ts || exit 1 ;;
esac

case $mode in
demo) exec "$node" tools/demo.ts "$@" ;;
test) exec "$node" tools/run-tests.ts "$@" ;;
start) exec "$node" bin/causewayd.js "$@" ;;
check) exec "$node" tools/check.ts "$@" ;;
docs:rules) exec "$node" tools/rules-docs.ts "$@" ;;
esac
