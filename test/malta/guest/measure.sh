# shellcheck shell=dash disable=SC2154,SC3045 # Read together with others, by busybox.
# What the budgets are about: memory, wake-ups, writes to the flash, start time, throughput.

IDLE_S=60
SHELL_RUNS=100

# memory_of NAME PID: KiB of all processes of a daemon, from the kernel's own sums.
memory_of() {
  local name=$1 pid label
  for pid in $(processes_of "$2"); do
    label=$(cat "/proc/$pid/comm")
    awk -v label="${name}_$label" '/^(Rss|Pss|Private_Dirty|Private_Clean|Shared_Clean):/ {
        print "malta: figure " label "_" tolower(substr($1, 1, length($1) - 1)) "_kib " $2 }' \
      "/proc/$pid/smaps_rollup"
  done
}

total_of() {
  local pid
  for pid in $(processes_of "$1"); do cat "/proc/$pid/smaps_rollup"; done |
    awk -v what="$2:" '$1 == what { sum += $2 } END { print sum }'
}

switches_of() { awk '/ctxt_switches/ { sum += $2 } END { print sum + 0 }' "/proc/$1/status"; }

flash_sectors() {
  sync
  awk '{ print $7 }' /sys/block/vdb/stat
}

# Two tunnels are up and nothing is asked: how often does anybody wake, and what is written?
measure_idle() {
  local pid before=/tmp/idle.before sectors per_s total=0 label
  sectors=$(flash_sectors)
  for pid in $(processes_of "$ROUTER") $(processes_of "$GATEWAY_us"); do
    echo "$pid $(switches_of "$pid")"
  done >"$before"
  sleep $IDLE_S
  while read -r pid count; do
    count=$(($(switches_of "$pid") - count))
    label=$(cat "/proc/$pid/comm")
    case " $(processes_of "$ROUTER" | tr '\n' ' ') " in
      *" $pid "*) label=router_$label total=$((total + count)) ;;
      *) label=gateway_$label ;;
    esac
    figure "idle_${label}_wakeups_per_s" "$(per_second "$count")"
  done <"$before"
  per_s=$(per_second $total)
  figure idle_router_wakeups_per_s "$per_s"
  figure idle_flash_bytes $((($(flash_sectors) - sectors) * 512))
}

per_second() { awk -v count="$1" -v s=$IDLE_S 'BEGIN { printf "%.2f\n", count / s }'; }

# The unit in which the start is told: ticks for SHELL_RUNS runs.
run_shells() {
  local n=0 start
  start=$(ticks)
  while [ $n -lt $SHELL_RUNS ]; do
    busybox sh -c true
    n=$((n + 1))
  done
  SHELL_TICKS=$(($(ticks) - start))
}

# The router's log comes through a pipe, so that the line is seen when it is written.
measure_start() {
  local start line pipe=/tmp/router.pipe
  run_shells
  rm -f $pipe
  mkfifo $pipe
  : >"$ROUTER_LOG"
  start=$(ticks)
  aditd_router >$pipe 2>&1 &
  ROUTER=$!
  exec 5<$pipe
  while read -t 60 -r line <&5; do
    echo "$line" | tee -a "$ROUTER_LOG"
    case "$line" in *"ready as router"*) break ;; esac
  done
  START_TICKS=$(($(ticks) - start))
  cat <&5 >>"$ROUTER_LOG" &
  exec 5<&-
  figure start_ms $((START_TICKS * 10))
  start_parts
  figure shell_ms "$(awk -v t=$SHELL_TICKS -v n=$SHELL_RUNS \
    'BEGIN { printf "%.2f\n", t * 10 / n }')"
  figure start_in_shells "$(awk -v a=$START_TICKS -v b="$SHELL_TICKS" -v n=$SHELL_RUNS \
    'BEGIN { printf "%.0f\n", a * n / b }')"
}

# What the mover says of the parts; what is left of start_ms is the mover's own start.
start_parts() {
  awk '/ready [0-9]* ms after the start of the decider/ {
      n = split("decider module config tables changes nft", name, " ")
      gsub(/[^0-9 ]/, "")
      split($0, ms, " ")
      for (i = 1; i <= n; i++) print "malta: figure start_" name[i] "_ms " ms[i]
    }' "$ROUTER_LOG"
}

# throughput DEVICE: KiB/s of one download.
throughput() {
  local start bytes
  start=$(ticks)
  bytes=$(ns "$1" timeout 60 wget -q -O - "http://$WEB4/blob" | wc -c)
  awk -v bytes="$bytes" -v t=$(($(ticks) - start)) \
    'BEGIN { printf "%.0f\n", bytes / 1024 / (t > 0 ? t / 100 : 1) }'
}
