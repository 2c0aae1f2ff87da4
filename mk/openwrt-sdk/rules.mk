# What feed Makefiles expect of OpenWrt's rules.mk, for packing what is compiled already. Called by
# mk/packages.mk with PKG_BUILD_DIR, ARCH_PACKAGES, OUTPUT and SOURCE_DATE_EPOCH.

INCLUDE_DIR := $(TOPDIR)/include
SHELL := /bin/bash
.SHELLFLAGS := -ec
MAKEFLAGS += --no-builtin-rules

empty :=
space := $(empty) $(empty)
comma := ,

# The mode of parent folders is the umask's.
INSTALL_DIR := umask 022; install -d -m0755
INSTALL_BIN := install -m0755
INSTALL_DATA := install -m0644
INSTALL_CONF := install -m0600
CP := cp -fpR
LN := ln -sf
