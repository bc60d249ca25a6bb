#!/bin/sh
# Makes the namespaces that `unshare` has just created fit for a network engine, then runs a command in them as a child and
# exits with its status. As process 1 it reaps what the command leaves behind, and names what still runs (line "left ...").
# usage: isolate.sh ROOT COMMAND...      ROOT: the repository, kept visible where /tmp is replaced
set -eu
root=$1
shift
resolv=$(readlink -f /etc/resolv.conf || true)
servers=$(cat /etc/resolv.conf 2>/dev/null || true)

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/.stage/cgroup /run/.stage/root /run/lock /run/netns
[ ! -d /sys/fs/cgroup ] || mount --rbind /sys/fs/cgroup /run/.stage/cgroup
mount --rbind "$root" /run/.stage/root
# A sysfs shows the links of the network namespace that it was mounted in; the machine's control groups come back into it.
mount -t sysfs sysfs /sys
[ ! -d /sys/fs/cgroup ] || mount --rbind /run/.stage/cgroup /sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmpfs /tmp
case $root in
/tmp/*) mkdir -p "$root" && mount --rbind /run/.stage/root "$root" ;;
esac
umount -l /run/.stage/cgroup /run/.stage/root 2>/dev/null || true
rm -rf --one-file-system /run/.stage
# Where the resolver's file lives under /run (systemd-resolved), it is put back.
case $resolv in
/run/*) mkdir -p "$(dirname "$resolv")" && printf '%s\n' "$servers" >"$resolv" ;;
esac
ip link set lo up
cd "$root"

status=0
"$@" || status=$?

# Processes other than this one; a zombie has no command line and is none.
left() {
  for entry in /proc/[0-9]*; do
    [ "$entry" != /proc/1 ] || continue
    line=$(tr '\0' ' ' <"$entry/cmdline" 2>/dev/null) || continue
    [ -z "$line" ] || echo "left $line"
  done
}
tries=0
while left >/run/left && [ -s /run/left ] && [ $tries -lt 20 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
if [ -s /run/left ]; then
  { cat /run/left >&3; } 2>/dev/null || cat /run/left >&2
  [ $status -ne 0 ] || status=1
fi
exit $status
