# shellcheck shell=dash disable=SC1091,SC2154 # The files of this folder are read together.
# The lab's scenario on a router with 64 MB, and what its budgets are about.
. /lab/report.sh
. /lab/network.sh
. /lab/adit.sh
. /lab/measure.sh

the_control() {
  local before
  part "without adit"
  before=$(leaks)
  leaves phone direct
  leaves tv direct
  holds "what leaves in clear is counted" [ "$(leaks)" -gt "${before:-0}" ]
  figure throughput_direct_kib_s "$(throughput laptop)"
}

the_start() {
  part "the start"
  router_config >/etc/config/adit
  start_gateways
  measure_start
  holds "both tunnels come up" wait_for 60 tunnels_up us de
  holds "nothing is left to do" wait_for 20 is_settled
}

the_policy() {
  part "the exit address is the policy"
  leaves phone us
  leaves tv de
  leaves guest us
  leaves laptop direct
}

the_measurements() {
  part "figures"
  memory_of router "$ROUTER"
  figure router_pss_kib "$(total_of "$ROUTER" Pss)"
  figure router_rss_kib "$(total_of "$ROUTER" Rss)"
  figure gateway_pss_kib "$(total_of "$GATEWAY_us" Pss)"
  figure throughput_tunnel_kib_s "$(throughput phone)"
  measure_idle
}

the_moves() {
  part "moved at run time"
  holds "adit protect takes the phone" adit protect 02:00:00:00:00:10 de
  holds "adit protect takes the TV" adit protect 192.168.1.20 us
  holds "adit protect takes its IPv6 address" adit protect 2001:db8:1a:1::20 us
  leaves phone de
  leaves tv us
  holds "and the phone back" adit protect 02:00:00:00:00:10 us
  leaves phone us
}

the_dead_gateway() {
  local before
  part "a gateway is killed"
  kill_all "$GATEWAY_us"
  before=$(leaks)
  blocked phone
  blocked guest
  same "$(leaks)" "$before" "nothing of them left in clear"
  start_gateway us
  holds "the tunnel comes back" wait_for 60 tunnels_up us
  leaves phone us
}

the_killed_daemon() {
  local before
  part "aditd is killed with signal 9 and started again"
  kill_all "$ROUTER"
  before=$(leaks)
  blocked phone
  blocked tv
  blocked guest
  same "$(leaks)" "$before" "nothing of them left in clear"
  leaves laptop direct
  start_router
  holds "the tunnels come back" wait_for 60 tunnels_up us de
  leaves phone us
  leaves tv us
}

the_firewall() {
  local before
  part "the firewall is flushed"
  before=$(leaks)
  ns router nft flush ruleset
  blocked_or_tunnelled phone us
  same "$(leaks)" "$before" "nothing left in clear"
  holds "the table is repaired" wait_for 10 table_is_back
  holds "nothing is left to do" wait_for 20 is_settled
  system_firewall
  leaves phone us
  leaves guest us
  leaves laptop direct
}

table_is_back() { ns router nft list table inet adit >/dev/null 2>&1; }

blocked_or_tunnelled() {
  local got
  got=$(exit_of "$1" 4 2)
  case "$got" in
    "" | "$(address_of "$2" "$1" 4)") passed "$1 is tunnelled or blocked" ;;
    *) failed "$1 is tunnelled or blocked" "it leaves through $got" ;;
  esac
}

script_that_says() {
  echo "import { definePolicy, via } from \"adit:policy\";"
  echo "export default definePolicy({ route() { return via(\"$1\"); } });"
}

the_script() {
  part "a policy script is swapped"
  script_that_says de >/tmp/de.mjs
  holds "adit policy swap takes it" adit policy swap --no-wait /tmp/de.mjs
  leaves phone de
  holds "adit policy confirm" adit policy confirm
  memory_of script "$ROUTER"
  figure script_pss_kib "$(total_of "$ROUTER" Pss)"
  echo 'export default { route() { for (;;) {} } };' >/tmp/bad.mjs
  if adit policy swap --no-wait /tmp/bad.mjs; then
    failed "a script that loops is refused" "it was taken"
  else
    passed "a script that loops is refused"
  fi
  leaves phone de
  leaves tv de
}

the_memory() {
  part "memory runs out"
  . /lab/memory.sh
  memory_is_eaten
}

the_end() {
  part "the end"
  kill "$ROUTER"
  wait_for 10 eval "! is_alive $ROUTER"
  same "$(our_rules)" 0 "an orderly stop leaves no rule behind"
  leaves phone direct
}

build_network
the_control
the_start
the_policy
the_measurements
the_moves
the_dead_gateway
the_killed_daemon
the_firewall
the_script
the_memory
the_end
for name in router us de; do
  sed "s/^/log $name: /" "/tmp/$name.log"
done
