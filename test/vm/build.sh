#!/bin/bash
# build.sh DIRECTORY: makes what a virtual machine with a real systemd boots from, once: kernel, initramfs and disk
# of Debian 12 (systemd 252 as PID 1, cgroup v2). Needs root, a Debian mirror, and the packages
#   qemu-system-x86 mmdebstrap busybox-static e2fsprogs
# The machine unpacks the tar archive on its second disk into /run/payload and runs run.sh there as root; what that
# prints goes to the second serial line.
set -euo pipefail
mkdir -p "$1"
cd "$1"

echo 'kernel'
# Downloaded, never installed here. The cloud kernel has ext4 built in, and virtio as modules.
mkdir -p kernel
(
  cd kernel
  package=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
  apt-get download -q "$package"
  dpkg -x "$package"_*.deb .
  cp boot/vmlinuz-* ../vmlinuz
)

echo 'Debian 12, by mmdebstrap'
mmdebstrap --quiet --variant=minbase \
  --include=systemd,systemd-sysv,dbus,udev,procps,iproute2,busybox-static,libstdc++6,libpam-systemd,kmod \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm root

echo fleet >root/etc/hostname
: >root/etc/machine-id
echo '/dev/vda / ext4 rw,noatime 0 0' >root/etc/fstab
mkdir -p root/etc/systemd/journald.conf.d
cat >root/etc/systemd/journald.conf.d/test.conf <<'UNIT'
[Journal]
Storage=persistent
RateLimitIntervalSec=0
UNIT
cat >root/etc/systemd/system/payload.service <<'UNIT'
[Unit]
Description=the test on the second disk
After=multi-user.target
ConditionPathExists=/dev/vdb

[Service]
Type=exec
# So that an unprepared host can be tried: limits of this unit must not hide others.
TasksMax=infinity
LimitNOFILE=1024:1048576
Environment=HOME=/root
ExecStartPre=/bin/sh -c 'mkdir -p /run/payload && tar -xf /dev/vdb -C /run/payload'
ExecStart=/bin/sh /run/payload/run.sh
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
ExecStopPost=-/bin/sh -c 'test -e /run/rebooting || systemctl --no-block poweroff'

[Install]
WantedBy=multi-user.target
UNIT
mkdir -p root/etc/systemd/system/multi-user.target.wants
ln -sf ../payload.service root/etc/systemd/system/multi-user.target.wants/payload.service
for unit in getty@tty1.service serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer \
  dpkg-db-backup.timer fstrim.timer e2scrub_all.timer; do
  ln -sf /dev/null "root/etc/systemd/system/$unit"
done

modules='virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk'
mkdir -p initramfs/{bin,dev,root,modules}
cp root/bin/busybox initramfs/bin/
for module in $modules; do
  cp "$(find kernel/lib/modules -name "$module.ko")" initramfs/modules/
done
cat >initramfs/init <<INIT
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in $modules; do /bin/busybox insmod /modules/\$module.ko; done
tries=0
while [ ! -b /dev/vda ] && [ \$tries -lt 200 ]; do /bin/busybox usleep 20000; tries=\$((tries + 1)); done
/bin/busybox mount -t ext4 -o noatime /dev/vda /root || /bin/busybox poweroff -f
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /sbin/init
INIT
chmod +x initramfs/init
(cd initramfs && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >initramfs.gz

echo 'disk'
rm -f disk.new
truncate -s 3G disk.new
mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1 -d root disk.new
rm -rf kernel root initramfs
# Last, so that what was cut off is built again.
mv disk.new disk.ext4
