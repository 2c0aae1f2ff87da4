# shellcheck shell=dash
# Stand-in for OpenWrt's procd.sh: writes down the calls, one a line with tabs between the words,
# and hands them to the stand-in for procd.

standin_calls="/tmp/procd-calls.$$"

standin_call() {
	local call="$1"

	shift
	printf '%s' "$call" >>"$standin_calls"
	[ $# -eq 0 ] || printf '\t%s' "$@" >>"$standin_calls"
	printf '\n' >>"$standin_calls"
}

procd_open_service() {
	: >"$standin_calls"
	standin_call service "$@"
}

procd_open_instance() { standin_call instance "$@"; }
procd_close_instance() { return 0; }
procd_set_param() { standin_call param "$@"; }
procd_add_reload_trigger() { standin_call reload_trigger "$@"; }
procd_add_interface_trigger() { standin_call interface_trigger "$@"; }

procd_close_service() {
	service_triggers
	ubus standin-set "$standin_calls"
	rm -f "$standin_calls"
}

procd_running() {
	ubus standin-running "$1"
}

procd_kill() {
	ubus call service delete "{ \"name\": \"$1\" }"
}

# <service> <instance or *> <signal>
procd_send_signal() {
	ubus call service signal "{ \"name\": \"$1\", \"signal\": $(kill -l "$3") }"
}
