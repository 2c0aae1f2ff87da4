# shellcheck shell=dash disable=SC1091,SC2154 # The files of this folder are read together.
# The same router with 32 MB, in which the gateways and the web server find room as well.
. /lab/report.sh
. /lab/network.sh
. /lab/adit.sh
. /lab/measure.sh

part "a router with 32 MB"
build_network
router_config >/etc/config/adit
start_gateways
start_router
holds "the router is ready" wait_for 120 router_is_ready
holds "both tunnels come up" wait_for 90 tunnels_up us de
figure small_available_kib "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)"
figure small_total_kib "$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)"
leaves phone us
leaves tv de
leaves guest us
leaves laptop direct
holds "adit protect takes the phone" adit protect 02:00:00:00:00:10 de
leaves phone de
kill_all "$GATEWAY_de"
blocked phone
figure small_router_pss_kib "$(total_of "$ROUTER" Pss)"
dmesg | grep -q "Out of memory" && failed "nobody runs out of memory" "$(dmesg | grep "Out of m")"
for name in router us de; do
  sed "s/^/log $name: /" "/tmp/$name.log"
done
