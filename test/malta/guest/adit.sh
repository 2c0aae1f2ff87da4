# shellcheck shell=dash
# aditd in the guest: configurations as files of the flash, starting, asking, measuring.

ROUTER_LOG=/tmp/router.log

gateway_config() {
  cat <<END
{"role": "gateway", "tun_ifname": "adit0", "wan_ifname": "eth1", "nat": true,
 "listen": [{"type": "tls", "address": "[::]:443", "cert": "/etc/lab/$1.crt",
   "key": "/etc/lab/$1.key"}],
 "pool4": "10.$2.0.0/16", "pool6": "fd00:$2::/64",
 "clients": [{"name": "home", "token_sha256": "$(cat "/etc/lab/$1.token.sha256")"}],
 "api": {"socket": "/tmp/$1/adit.sock"}}
END
}

aditd_gateway() {
  exec nsenter --net="/run/netns/$1" /usr/lib/adit-gateway/aditd -c "/tmp/$1/config" \
    --run-dir "/tmp/$1" --state-dir "/tmp/$1/state"
}

# start_gateway NAME: its first pool is 10.64.0.0/16, or 10.65.0.0/16.
start_gateway() {
  local pool=64
  [ "$1" = us ] || pool=65
  mkdir -p "/tmp/$1/state"
  gateway_config "$1" $pool >"/tmp/$1/config"
  aditd_gateway "$1" >>"/tmp/$1.log" 2>&1 &
  eval "GATEWAY_$1=$!"
}

gateway_is_ready() { grep -q "ready as gateway" "/tmp/$1.log"; }

# One after the other: two at once on one processor only hinder each other.
start_gateways() {
  local name
  for name in us de; do
    start_gateway "$name"
    holds "gateway $name is ready" wait_for 60 gateway_is_ready "$name"
  done
}

location() {
  echo "{\"name\": \"$1\", \"type\": \"tls\", \"dial\": \"now\",
    \"token_file\": \"/etc/lab/$1.token\", \"peers\": [{\"endpoint\": \"203.0.113.$2:443\",
    \"pin\": \"sha256/$(cat "/etc/lab/$1.pin")\"}]}"
}

# Fifty devices: the phone, the TV, the guests' interface and 47 more by MAC address.
router_config() {
  local n=10
  cat <<END
{"role": "router", "tun_ifname": "wrt0", "wan_ifname": "eth1",
 "lan_ifnames": ["br-lan", "br-guest"],
 "locations": [$(location us 10), $(location de 20)],
 "policy": {"unanswered": "builtin"},
 "protected_mac_addrs": [{"mac_addr": "02:00:00:00:00:10", "vl": "us"}
END
  while [ $n -lt 57 ]; do
    echo ",{\"mac_addr\": \"02:00:00:00:01:$n\", \"vl\": \"$([ $((n % 2)) = 0 ] && echo us ||
      echo de)\"}"
    n=$((n + 1))
  done
  cat <<END
 ], "protected_ip_addrs": [{"ip_addr": "192.168.1.20", "vl": "de"},
   {"ip_addr": "2001:db8:1a:1::20", "vl": "de"}],
 "protected_ifaces": [{"iface": "br-guest", "vl": "us"}]}
END
}

aditd_router() {
  exec nsenter --net=/run/netns/router /usr/sbin/aditd -c /etc/config/adit \
    --run-dir /var/run/adit --state-dir /etc/adit
}

start_router() {
  : >"$ROUTER_LOG"
  aditd_router >>"$ROUTER_LOG" 2>&1 &
  ROUTER=$!
}

router_is_ready() { grep -q "ready as router" "$ROUTER_LOG"; }

adit() { ns router /usr/bin/adit "$@"; }

# tunnels_up LOCATION...
tunnels_up() {
  local status name
  status=$(adit --json status) || return 1
  for name; do
    echo "$status" | grep -q "\"name\": *\"$name\"[^}]*\"state\": *\"up\"" || return 1
  done
}

is_settled() { adit --json status | grep -q '"settled": *true'; }

# How many rules of ours the router's kernel has.
our_rules() { ip -n router rule | grep -c "proto 173"; }

# Processes of a daemon: the mover and whatever it started.
processes_of() {
  local children child
  echo "$1"
  read -r children <"/proc/$1/task/$1/children" || true
  for child in $children; do processes_of "$child"; done
}

decider_of() {
  local pid
  for pid in $(processes_of "$1"); do
    case "$(cat "/proc/$pid/comm" 2>/dev/null)" in *decider*) echo "$pid" ;; esac
  done
}

is_alive() { [ -d "/proc/$1" ] && ! grep -q "^State:.*Z" "/proc/$1/status" 2>/dev/null; }

has_new_decider() {
  local now
  now=$(decider_of "$ROUTER")
  [ -n "$now" ] && [ "$now" != "$1" ]
}

kill_all() {
  local pid pids
  pids=$(processes_of "$1")
  # shellcheck disable=SC2086 # A list of numbers.
  kill -9 $pids 2>/dev/null
  for pid in $pids; do wait_for 5 eval "! is_alive $pid"; done
}
