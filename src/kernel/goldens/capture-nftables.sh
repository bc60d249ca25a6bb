#!/bin/sh
# Captures what nft sends for the commands below, as lines of "command <tab> hex of the batch". Needs root, strace and nft;
# works in a private namespace of its own. How nftables.txt was made (nftables 1.0.6):
#   src/kernel/goldens/capture-nftables.sh > src/kernel/goldens/nftables.txt
set -eu
if [ "${CAPTURE_INSIDE:-}" = "" ]; then
  CAPTURE_INSIDE=1 exec unshare --net "$0" "$@"
fi
trace=$(mktemp)
trap 'rm -f "$trace"' EXIT

# The batch is the last message that is sent by sendmsg.
capture() {
  strace -o "$trace" -e trace=sendmsg -e write=all nft "$1" > /dev/null
  printf 'nft %s\t%s\n' "$1" "$(awk '
    /^sendmsg/ { hex = "" }
    /^ \| [0-9a-f]+ / { line = substr($0, 11, 50); gsub(/ /, "", line); hex = hex line }
    END { print hex }' "$trace")"
}

capture 'add table ip t'
capture 'add chain ip t user'
capture 'add chain ip t forward { type filter hook forward priority 0; policy drop; }'
capture 'add chain ip t guard { type filter hook prerouting priority -300; }'
capture 'add chain ip t postrouting { type nat hook postrouting priority 100; }'
capture 'add chain ip t prerouting { type nat hook prerouting priority -100; }'
capture 'add set ip t bridges { type ifname; }'
capture 'add set ip t masqueraded { type ipv4_addr; flags interval; }'
capture 'add set ip t open-ranges { type ipv4_addr . inet_proto . inet_service; flags interval; }'
capture 'add map ip t inbound { type ifname : verdict; }'
capture 'add map ip t sources { type ipv4_addr : ipv4_addr; flags interval; }'
capture 'add map ip t ports { type inet_proto . inet_service : ipv4_addr . inet_service; }'
capture 'add element ip t bridges { "docker0" }'
capture 'add element ip t masqueraded { 10.1.0.0/24, 10.2.0.0/16 }'
capture 'add element ip t open-ranges { 10.1.0.2 . tcp . 8000-8100 }'
capture 'add element ip t inbound { "docker0" : drop }'
capture 'add element ip t sources { 10.3.0.0/16 : 192.0.2.7 }'
capture 'add element ip t ports { tcp . 8080 : 10.1.0.2 . 80, udp . 53 : 10.1.0.3 . 5353 }'
capture 'add rule ip t forward jump user comment "the user'"'"'s rules"'
capture 'add rule ip t forward oifname @bridges ct state established,related accept'
capture 'add rule ip t forward oifname vmap @inbound'
capture 'add rule ip t guard iifname != "lo" ip daddr 127.0.0.0/8 counter drop'
capture 'add rule ip t prerouting fib daddr type local dnat ip to meta l4proto . th dport map @ports'
capture 'add rule ip t prerouting ip daddr 127.0.0.11 tcp dport 53 dnat to 127.0.0.11:40002'
capture 'add rule ip t postrouting ip saddr @masqueraded ct status dnat masquerade'
capture 'add rule ip t postrouting snat to ip saddr map @sources'
capture 'add rule ip t postrouting udp sport 40001 snat to :53'
capture 'delete element ip t ports { udp . 53 }'
capture 'delete element ip t masqueraded { 10.2.0.0/16 }'
capture 'flush chain ip t forward'
capture 'delete set ip t open-ranges'
capture 'delete chain ip t forward'
capture 'delete table ip t'
