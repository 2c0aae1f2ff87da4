# shellcheck shell=dash
# The emulated router's init after the root is mounted: kernel modules, then the script that the
# kernel's command line names with adit.run. Sourced by busybox's shell as process 1.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs -o size=50% tmp /tmp
mkdir -p /tmp/run/adit /tmp/run/netns
[ ! -e /proc/modules ] || while read -r module; do
  insmod "/lib/modules/$module" || echo "malta: FAILED the kernel took no $module"
done </lib/modules/order
run=$(sed -n 's/.*adit\.run=\([a-z]*\).*/\1/p' /proc/cmdline)
sh "/lab/$run.sh" || echo "malta: FAILED the script $run ended early"
echo "malta: end"
sync
poweroff -f
