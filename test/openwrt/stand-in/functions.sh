# shellcheck shell=dash disable=SC1090,SC2034,SC2154
# Stand-in for OpenWrt's functions.sh: the calls that our scripts make, with the same results.

config_load() {
	local text

	[ -z "$IPKG_INSTROOT" ] || return 0
	CONFIG_SECTIONS=""
	text="$(uci -q export-shell "$1")" || return 1
	eval "$text"
}

# What export-shell prints is made of these.
standin_section() {
	CONFIG_SECTIONS="$CONFIG_SECTIONS $2"
	eval "CONFIG_${2}_TYPE=\$1"
}

standin_value() {
	eval "CONFIG_${1}_$2=\$3"
}

# <variable> <section> <option> [<default>]
config_get() {
	eval "$1=\${CONFIG_${2}_$3:-\$4}"
}

config_get_bool() {
	local found

	config_get found "$2" "$3" "$4"
	case "$found" in
		1 | on | true | yes | enabled) found=1 ;;
		0 | off | false | no | disabled) found=0 ;;
		*) found="$4" ;;
	esac
	eval "$1=\$found"
}

config_foreach() {
	local callback="$1" type="$2" section found

	shift 2
	for section in $CONFIG_SECTIONS; do
		config_get found "$section" TYPE
		[ "$found" != "$type" ] || "$callback" "$section" "$@"
	done
}

# The parts of the package manager's hooks that concern init scripts and defaults. $1 is the script,
# whose name begins with that of the package.
standin_files() {
	local package="${pkgname:-$(basename "${1%.*}")}"

	standin_info="$IPKG_INSTROOT/usr/lib/opkg/info/$package"
	standin_about="$IPKG_INSTROOT/lib/apk/packages/$package"
	standin_init="$(standin_list '^/etc/init.d/')"
	standin_defaults="$(standin_list '^/etc/uci-defaults/')"
}

# opkg has written down what it installed; a package for apk brings its list along.
standin_list() {
	if [ -f "$standin_about.list" ]; then
		grep -s "$1" "$standin_about.list"
	else
		grep -s "$1" "$standin_info.list"
	fi
}

# The user that a package asks for, as in "adit=30473:adit=30473".
add_group_and_user() {
	local wanted name id

	standin_files "$1"
	if [ -f "$standin_about.rusers" ]; then
		wanted="$(cat "$standin_about.rusers")"
	else
		wanted="$(sed -n 's/^Require-User: *//p' "$standin_info.control")"
	fi
	[ -n "$wanted" ] || return 0
	name="${wanted%%=*}"
	id="${wanted##*=}"
	! grep -q "^$name:" "$IPKG_INSTROOT/etc/passwd" || return 0
	echo "$name:x:$id:$id:$name:/var/run/$name:/bin/false" >>"$IPKG_INSTROOT/etc/passwd"
}

default_prerm() {
	local script status=0

	standin_files "$1"
	if [ -f "$standin_info.prerm-pkg" ]; then
		(. "$standin_info.prerm-pkg") || status=$?
	fi
	for script in $standin_init; do
		if [ -n "$IPKG_INSTROOT" ]; then
			/bin/sh "$IPKG_INSTROOT/etc/rc.common" "$IPKG_INSTROOT$script" disable
			continue
		fi
		[ "$PKG_UPGRADE" = 1 ] || "$script" disable
		"$script" stop
	done
	return "$status"
}

default_postinst() {
	local script status=0

	standin_files "$1"
	[ ! -f "$standin_info.list" ] || add_group_and_user "$1"
	if [ -z "$IPKG_INSTROOT" ]; then
		for script in $standin_defaults; do
			[ ! -f "$script" ] || (cd "${script%/*}" && . "$script") && rm -f "$script"
		done
	fi
	if [ -f "$standin_info.postinst-pkg" ]; then
		(. "$standin_info.postinst-pkg") || status=$?
	fi
	for script in $standin_init; do
		if [ -n "$IPKG_INSTROOT" ]; then
			/bin/sh "$IPKG_INSTROOT/etc/rc.common" "$IPKG_INSTROOT$script" enable
			continue
		fi
		[ "$PKG_UPGRADE" = 1 ] || "$script" enable
		"$script" start
	done
	return "$status"
}
