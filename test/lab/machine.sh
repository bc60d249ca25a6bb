# What a machine of the lab is before anything runs on it, in namespaces that `unshare` has just made: a host name, a /run of its
# own, a /sys that shows its own links. As process 1 it reaps, and ends with its standard input.
# usage: bash machine.sh NAME
set -eu
hostname "$1"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount -l /run/cgroup
rmdir /run/cgroup
ip link set lo up
echo on
read -r _ || true
