# shellcheck shell=dash disable=SC1091,SC2154 # The files of this folder are read together.
# Memory runs out while devices send. What is not adit is taken out of the kernel's choice, so that
# it must choose among adit's own processes.

PING_FILE=/tmp/ping

spare() { echo -1000 >"/proc/$1/oom_score_adj"; }

# Eats until the given process is gone, or for some seconds.
eat_until_gone() {
  awk -v file="/proc/$1/comm" -v max_s="$2" '
    function seconds(line) { getline line < "/proc/uptime"; close("/proc/uptime"); return line + 0 }
    BEGIN {
      end = seconds() + max_s
      while ((getline line < file) > 0 && seconds() < end) {
        close(file)
        for (i = 0; i < 2; i++) eaten[n++] = sprintf("%65536s", n)
      }
    }'
}

ping_count() { grep -c "bytes from" $PING_FILE; }

pings_arrive() {
  local before
  before=$(ping_count)
  wait_for 5 eval "[ \$(ping_count) -gt $before ]"
}

memory_is_eaten() {
  local mover=$ROUTER decider before pid rules
  decider=$(decider_of "$ROUTER")
  before=$(leaks)
  rules=$(our_rules)
  spare $$
  for pid in $(processes_of "$GATEWAY_us") $(processes_of "$GATEWAY_de") $(pidof httpd); do
    spare "$pid"
  done
  ns phone ping "$WEB4" >$PING_FILE 2>&1 &
  holds "the phone's ping is answered" pings_arrive
  ( eat_until_gone "$decider" 60 )
  holds "the kernel ended the decider" eval "! is_alive $decider || has_new_decider $decider"
  holds "forwarding goes on" pings_arrive
  same "$(our_rules)" "$rules" "no rule is lost"
  holds "the mover lives" is_alive "$mover"
  holds "another decider takes over" wait_for 30 has_new_decider "$decider"
  holds "nothing is left to do" wait_for 30 is_settled
  same "$(leaks)" "$before" "nothing left in clear"
  kill %% 2>/dev/null
  dmesg | sed -n 's/.*Out of memory: //p'
}
