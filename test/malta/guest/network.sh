# shellcheck shell=dash
# The lab's network in the guest kernel: devices, the router, two gateways and the internet, which
# is also the uplink's next hop, the web server, and the place where leaks are counted.
#
#   phone  .10 (MAC)       br-lan 192.168.1.0/24                   203.0.113.0/24
#   tv     .20 (address)  ─────────┐                            ┌── us .10
#   laptop .30 (no rule)       router ── eth1 198.51.100.0/24 ──┤── de .20
#   guest  .40 (interface) ────────┘ .2                    w0 .1└── web .80
#                          br-guest 192.168.2.0/24
#
# Every address has an IPv6 twin with the same last number.

WEB4=203.0.113.80
WEB6=2001:db8:cafe::80
LEAVES_S=20

# The shell prefers its own ip, which knows no namespaces.
ip() { /usr/sbin/ip "$@"; }

# ns NAME COMMAND...: in a namespace, without the mounts that ip would make.
ns() {
  local name=$1
  shift
  nsenter --net="/run/netns/$name" "$@"
}

sysctl_of() {
  local name=$1
  shift
  ns "$name" sysctl -q -w "$@"
}

new_namespace() {
  ip netns add "$1"
  sysctl_of "$1" net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
    net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
  ip -n "$1" link set lo up
}

# configure NAMESPACE: reads lines of ip.
configure() { ip -n "$1" -batch -; }

# host NAMESPACE NUMBER: a host at the internet's bridge.
plug_gateway() {
  ip link add "to-$1" netns internet type veth peer name eth1 netns "$1"
  configure internet <<END
link set to-$1 master br0 up
END
  configure "$1" <<END
addr add 203.0.113.$2/24 dev eth1
addr add 2001:db8:cafe::$2/64 dev eth1 nodad
link set eth1 up
route add default via 203.0.113.80
route add ::/0 via 2001:db8:cafe::80
END
}

build_internet() {
  configure internet <<END
link add br0 type bridge
link set br0 up
addr add $WEB4/24 dev br0
addr add $WEB6/64 dev br0 nodad
END
  plug_gateway us 10
  plug_gateway de 20
  sysctl_of internet net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# lan DEVICE BRIDGE NET4 NET6 NUMBER
plug_device() {
  ip link add "$1" netns router type veth peer name eth0 netns "$1"
  configure router <<END
link set $1 master $2 up
END
  configure "$1" <<END
link set eth0 address 02:00:00:00:00:$5 up
addr add $3.$5/24 dev eth0
addr add $4::$5/64 dev eth0 nodad
route add default via $3.1
route add ::/0 via $4::1
END
}

build_router() {
  configure router <<END
link add br-lan type bridge
link add br-guest type bridge
link set br-lan up
link set br-guest up
addr add 192.168.1.1/24 dev br-lan
addr add 2001:db8:1a:1::1/64 dev br-lan nodad
addr add 192.168.2.1/24 dev br-guest
addr add 2001:db8:1a:2::1/64 dev br-guest nodad
END
  sysctl_of router net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  plug_device phone br-lan 192.168.1 2001:db8:1a:1 10
  plug_device tv br-lan 192.168.1 2001:db8:1a:1 20
  plug_device laptop br-lan 192.168.1 2001:db8:1a:1 30
  plug_device guest br-guest 192.168.2 2001:db8:1a:2 40
}

connect_uplink() {
  ip link add eth1 netns router type veth peer name w0 netns internet
  configure internet <<END
link set w0 up
addr add 198.51.100.1/24 dev w0
addr add 2001:db8:51::1/64 dev w0 nodad
route add 2001:db8:1a::/48 via 2001:db8:51::2
END
  configure router <<END
addr add 198.51.100.2/24 dev eth1
addr add 2001:db8:51::2/64 dev eth1 nodad
link set eth1 up
route add default via 198.51.100.1
route add ::/0 via 2001:db8:51::1
END
}

# The firewall that a router has without adit.
system_firewall() {
  ns router nft -f - <<END
table inet fw4
delete table inet fw4
table inet fw4 {
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "eth1" ct state new drop
  }
  chain srcnat {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth1" meta nfproto ipv4 masquerade
  }
}
END
}

# Counts what reaches the web server by the router's uplink in clear.
count_leaks() {
  ns internet nft -f - <<END
table inet leaks {
  counter clear { }
  chain seen {
    type filter hook prerouting priority filter; policy accept;
    iifname "w0" ip daddr $WEB4 counter name clear
    iifname "w0" ip6 daddr $WEB6 counter name clear
  }
}
END
}

leaks() {
  ns internet nft list counter inet leaks clear | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# Neighbours that are only in the router's table: 47 more devices, IPv4 and IPv6.
add_neighbours() {
  local n
  n=100
  while [ $n -lt 147 ]; do
    echo "neigh replace 192.168.1.$n lladdr 02:00:00:00:01:$((n - 90)) dev br-lan nud stale"
    echo "neigh replace 2001:db8:1a:1::$n lladdr 02:00:00:00:01:$((n - 90)) dev br-lan nud stale"
    n=$((n + 1))
  done | configure router
}

build_network() {
  local name
  for name in phone tv laptop guest router us de internet; do
    new_namespace "$name" || exit 1
  done
  build_internet
  build_router
  connect_uplink
  system_firewall
  count_leaks
  add_neighbours
  ns internet httpd -p "[::]:80" -h /lab/www
}

# exit_of DEVICE FAMILY SECONDS: the address that the web server saw, nothing if no answer came.
exit_of() {
  local url=http://$WEB4/cgi-bin/who
  [ "$2" = 4 ] || url="http://[$WEB6]/cgi-bin/who"
  ns "$1" timeout "$3" wget -q -O - "$url" 2>/dev/null
}

# The address through which a location, or none ("direct"), leaves.
address_of() {
  case "$1-$3" in
    us-4) echo 203.0.113.10 ;;
    us-6) echo 2001:db8:cafe::10 ;;
    de-4) echo 203.0.113.20 ;;
    de-6) echo 2001:db8:cafe::20 ;;
    direct-4) echo 198.51.100.2 ;;
    direct-6) ip -n "$2" -6 -o addr show dev eth0 scope global |
      sed -n 's/.*inet6 \([^/]*\).*/\1/p' ;;
  esac
}

# leaves DEVICE LOCATION: both families, within some seconds.
leaves() {
  local family want got end
  for family in 4 6; do
    want=$(address_of "$2" "$1" $family)
    got=$(exit_of "$1" $family 3)
    end=$(($(ticks) + LEAVES_S * 100))
    while [ "$got" != "$want" ] && [ "$(ticks)" -lt $end ]; do
      usleep 200000
      got=$(exit_of "$1" $family 3)
    done
    same "$got" "$want" "$1 leaves through $2, IPv$family"
  done
}

# blocked DEVICE TEXT
blocked() {
  local family
  for family in 4 6; do
    same "$(exit_of "$1" $family 2)" "" "$1 is blocked, IPv$family"
  done
}
