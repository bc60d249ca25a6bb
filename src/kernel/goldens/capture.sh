#!/bin/sh
# Captures what iproute2 sends for the commands below, as lines of "command <tab> hex of the netlink message". Needs root,
# strace and iproute2; works in private namespaces of its own. How requests.txt and replies.txt were made (iproute2 6.1.0):
#   src/kernel/goldens/capture.sh requests > src/kernel/goldens/requests.txt
#   src/kernel/goldens/capture.sh replies > src/kernel/goldens/replies.txt
set -eu
if [ "${CAPTURE_INSIDE:-}" = "" ]; then
  CAPTURE_INSIDE=1 exec unshare --net --mount --propagation private "$0" "$@"
fi
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
ip link set lo up
ip netns add n1
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT

# The hex dump that strace prints of the last buffer of a system call.
last_dump() {
  awk '
    /bytes in buffer|^[a-z]+\(/ { hex = "" }
    /^ \| [0-9a-f]+ / { line = substr($0, 11, 50); gsub(/ /, "", line); hex = hex line }
    /^ \| [0-9a-f]+ / { last = hex }
    END { print last }' "$trace"
}

request() {
  strace -o "$trace" -e trace=sendmsg -e write=all "$@" > /dev/null
  printf '%s\t%s\n' "$*" "$(last_dump)"
}

# Every datagram that the kernel answered with, but for the acknowledgements that end it.
reply() {
  strace -o "$trace" -e trace=recvmsg -e read=all "$@" > /dev/null
  awk -v command="$*" '
    function flush() { if (length(hex) > 72) printf "%s\t%s\n", command, hex; hex = "" }
    /bytes in buffer|^recvmsg/ { flush() }
    /^ \| [0-9a-f]+ / { line = substr($0, 11, 50); gsub(/ /, "", line); hex = hex line }
    END { flush() }' "$trace" | awk '!seen[$0]++'
}

case "$1" in
requests)
  request ip link add br0 type bridge
  request ip link add v0 address 02:42:ac:12:00:02 mtu 1400 type veth peer name eth0 netns n1 address 02:42:ac:12:00:03 mtu 1400
  request ip link set v0 master br0
  request ip link set v0 up
  request ip link set br0 alias causeway:x
  request ip link add vx0 type vxlan id 42 local 127.0.0.1 learning proxy dstport 4789
  request ip link add mv0 link br0 type macvlan mode bridge
  request ip link set br0 up
  request ip addr replace 172.18.0.1/16 brd + dev br0
  request ip addr replace 172.18.0.2/31 dev br0
  request ip addr replace fd00::1/64 dev br0 nodad
  request ip route replace default via 172.18.0.9 dev br0
  request ip route replace 10.9.0.0/16 dev br0
  request ip route replace fd01::/64 via fd00::9 dev br0
  request ip neigh replace 172.18.0.7 lladdr 02:42:ac:12:00:07 dev br0 nud permanent
  request bridge fdb replace 02:42:ac:12:00:07 dev vx0 dst 127.0.0.9 self permanent
  request bridge link set dev v0 hairpin on
  request ip route del 10.9.0.0/16 dev br0
  request ip addr del 172.18.0.1/16 dev br0
  request ip neigh del 172.18.0.7 dev br0
  request bridge fdb del 02:42:ac:12:00:07 dev vx0 dst 127.0.0.9 self
  request ip link del v0
  # What this kernel may not have is asked for all the same.
  request ip link add dm0 type dummy || true
  request ip link add name br0.10 link br0 type vlan id 10 || true
  request ip link add iv0 link br0 type ipvlan mode l3s vepa || true
  ;;
replies)
  ip link add br0 address 02:42:00:00:00:01 type bridge
  ip link add v0 address 02:42:ac:12:00:02 mtu 1400 type veth peer name eth0 netns n1
  ip link set v0 master br0 up
  ip link set v0 alias causeway:x
  bridge link set dev v0 hairpin on
  ip link add vx0 type vxlan id 42 local 127.0.0.1 learning proxy dstport 4789
  ip link add mv0 link br0 type macvlan mode bridge
  ip link set br0 up
  ip addr add 172.18.0.1/16 brd + dev br0
  ip addr add fd00::1/64 dev br0 nodad
  ip route add default via 172.18.0.9 dev br0
  ip route add 10.8.0.0/16 nexthop via 172.18.0.7 dev br0 nexthop via 172.18.0.8 dev br0
  ip neigh add 172.18.0.7 lladdr 02:42:ac:12:00:07 dev br0 nud permanent
  bridge fdb add 02:42:ac:12:00:07 dev vx0 dst 127.0.0.9 self permanent
  reply ip -d link show dev v0
  reply ip -d link show dev vx0
  reply ip -d link show dev mv0
  reply ip -4 addr show
  reply ip -6 addr show
  reply ip -4 route show
  reply ip neigh show nud permanent
  reply bridge fdb show
  reply ip link show dev nope || true
  ;;
*)
  echo "usage: $0 requests|replies" >&2
  exit 2
  ;;
esac
