#!/bin/sh
# Called by the feed's continuous integration on the package's own target: name, version.

case "$1" in
	adit | adit-static | adit-gateway) ;;
	*) exit 0 ;;
esac

aditd --version | grep -F "aditd $2" || exit 1

# The shipped configuration waits for what only its owner knows, which the check names.
adit config check /etc/config/adit 2>&1 | grep -F "option 'locations'"
