# shellcheck shell=dash
# Lines for the host's runner: "malta: ok TEXT", "malta: FAILED TEXT: detail", "malta: figure NAME
# VALUE", "malta: part NAME". Everything else on the console is only shown when something failed.

passed() { echo "malta: ok $1"; }
failed() { echo "malta: FAILED $1: $2"; }
figure() { echo "malta: figure $1 $2"; }
part() { echo "malta: part $1"; }

# same GOT WANTED TEXT
same() {
  if [ "$1" = "$2" ]; then passed "$3"; else failed "$3" "got '$1', expected '$2'"; fi
}

# holds TEXT COMMAND...
holds() {
  local text=$1
  shift
  if "$@"; then passed "$text"; else failed "$text" "$*"; fi
}

# Hundredths of a second since the boot, without a process.
ticks() {
  local up rest
  read -r up rest </proc/uptime
  echo $((${up%.*} * 100 + 1${up#*.} - 100))
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
  local end=$(($(ticks) + $1 * 100))
  shift
  while ! "$@"; do
    [ "$(ticks)" -lt "$end" ] || return 1
    usleep 500000
  done
}
