#!/bin/sh
# Makes a file system for a machine out of that of the host and a layer in the
# folder $1, and lets systemd run on it. In mount, PID, UTS, IPC and cgroup
# namespaces of its own, please.
set -eu
layer="$1"
root="$layer/root"

mount --make-rprivate /
mount -t tmpfs tmpfs "$layer"
mkdir "$layer/changes" "$layer/work" "$root"
mount -t overlay overlay "$root" \
  -o "lowerdir=/,upperdir=$layer/changes,workdir=$layer/work"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
# The TUN node with the rights that distributions give it.
mount -t tmpfs -o mode=755 tmpfs "$root/dev/net"
mknod -m 0666 "$root/dev/net/tun" c 10 200

# Control groups as the host has them: version 2, or 1 beside 2.
groups="$root/sys/fs/cgroup"
if grep -q ' /sys/fs/cgroup cgroup2 ' /proc/mounts; then
  mount -t cgroup2 cgroup2 "$groups"
else
  mount -t tmpfs tmpfs "$groups"
  mkdir "$groups/systemd" "$groups/unified"
  mount -t cgroup -o none,name=systemd cgroup "$groups/systemd"
  mount -t cgroup2 cgroup2 "$groups/unified"
  for controller in devices memory pids; do
    mkdir "$groups/$controller"
    mount -t cgroup -o "$controller" cgroup "$groups/$controller"
  done
fi

# What a box of the lab has instead of the host's.
mount --bind /etc/resolv.conf "$root/etc/resolv.conf"

# Credentials of services are mounted elsewhere and have to come through.
mount --make-rshared "$root"

echo Booting
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  chroot "$root" /lib/systemd/systemd --system --unit=basic.target \
  --log-target=null
