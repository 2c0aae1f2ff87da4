# Packages for OpenWrt's opkg (24.10) and apk (25.12) from the static binaries and the feed's own
# Makefiles, with the index that makes each folder a feed.
#: make packages  .ipk and .apk files and their indices, in build/packages/<architecture>
#:                USIGN_KEY=FILE signs the index for opkg, APK_KEY=FILE the one for apk
#: make dist      the release archive, and the feed that builds from it by its hash, in build/dist;
#:                MAINTAINER='Name <address>', SITE_URL= and RELEASE_URL= fill in who and where

# A folder below this one, and what a file in it may have.
PACKAGES := $(B)/packages
PACKAGE_BYTES_MAX := 614400
PACKAGE_ARCHS := mips_24kc mipsel_24kc aarch64_cortex-a53 arm_cortex-a7_neon-vfpv4 x86_64
# Folder of the program with a gateway; the one without lies beside it.
PLACE_mips_24kc := mips
PLACE_mipsel_24kc := mipsel
PLACE_aarch64_cortex-a53 := aarch64
PLACE_arm_cortex-a7_neon-vfpv4 := arm
PLACE_x86_64 := x86-64
# $(1) architecture, $(2) variant: the program; tests put another in its place
aditd_of = $(or $(ADITD),$(B)/$(PLACE_$(1))$(if $(filter gateway,$(2)),,-router)/aditd)
ADITD ?=
MODULES := $(B)/adit.mjs $(B)/adit-cli.mjs $(B)/policy.mjs
ROUTER_MODULES := $(B)/router/adit.mjs $(B)/router/adit-cli.mjs
PACKAGE_EPOCH := $(or $(BUILD_TIME),0)
FEED_FILES := $(call find,openwrt-feed,*) $(call find,mk/openwrt-sdk,*)
FEED_PACKAGES := $(patsubst %/Makefile,%,$(wildcard openwrt-feed/*/Makefile))
PACKER := scripts/packages
# The publisher's keys, if there are any: one of usign's, one in PEM, elliptic (P-256) or RSA.
USIGN_KEY ?=
APK_KEY ?=

.PHONY: packages test-packages dist test-dist
packages: $(PACKAGE_ARCHS:%=$(PACKAGES)/%/Packages)

# The same packages with the native binary inside, twice, for tests that install and compare them, and
# the release after them to upgrade to.
test-packages: build
	$(Q)+for time in 1 2 next; do $(MAKE) packages PACKAGES=$(B)/test-packages/$$time \
		PACKAGE_BYTES_MAX=16777216 PACKAGE_ARCHS="mips_24kc x86_64" \
		$$([ $$time != next ] || echo PKG_RELEASE=2) ADITD=$(B)/aditd || exit; done

# $(1) folder of the feed, $(2) output, $(3) architecture, $(4) folder of what is compiled,
# $(5) variant
pack = $(MAKE) --silent -C $(1) pack TOPDIR=$(CURDIR)/mk/openwrt-sdk ARCH_PACKAGES=$(3) \
	OUTPUT=$(CURDIR)/$(2) PKG_BUILD_DIR=$(CURDIR)/$(4) PACKER=$(CURDIR)/$(PACKER) \
	BUILD_VARIANT=$(5) CONFIG_ADIT_CLI=y CONFIG_ADIT_POLICY=y \
	SOURCE_DATE_EPOCH=$(PACKAGE_EPOCH)

# What the feed's Makefile installs lies where its own build would have left it.
define package_rules
$(PACKAGES)/$(1)/Packages: $(call aditd_of,$(1),static) $(call aditd_of,$(1),gateway) $(MODULES) \
		$(ROUTER_MODULES) $(FEED_FILES) $(wildcard $(PACKER)/*) $(USIGN_KEY) $(APK_KEY)
	$$(call say,PACK,$$(@D))
	$$(Q)rm -rf $$(@D) && mkdir -p $$(@D)/.work/tree/build/openwrt $$(@D)/.work/tree/build/router
	$$(Q)cp $(MODULES) $$(@D)/.work/tree/build
	$$(Q)cp $(ROUTER_MODULES) $$(@D)/.work/tree/build/router
	$$(Q)cp $(call aditd_of,$(1),static) $$(@D)/.work/tree/build/openwrt/aditd
	$$(Q)+for feed in $(FEED_PACKAGES); do \
		$$(call pack,$$$$feed,$$(@D),$(1),$$(@D)/.work/tree,static) || exit; done
	$$(Q)cp $(call aditd_of,$(1),gateway) $$(@D)/.work/tree/build/openwrt/aditd
	$$(Q)+$$(call pack,openwrt-feed/adit,$$(@D),$(1),$$(@D)/.work/tree,gateway)
	$$(Q)rm -rf $$(@D)/.work
	$$(Q)cd $$(@D) && for file in *.ipk *.apk; do bytes=$$$$(wc -c <$$$$file); \
		[ $$$$bytes -le $(PACKAGE_BYTES_MAX) ] || { echo "packages: $$$$file has" \
		"$$$$bytes bytes, expected at most $(PACKAGE_BYTES_MAX)" >&2; exit 1; }; done
	$$(Q)node $(PACKER)/index-apk.mjs $$(@D) $(APK_KEY)
	$$(Q)$(PACKER)/index-ipk $$(@D) $(USIGN_KEY)
endef

$(foreach arch,$(PACKAGE_ARCHS),$(eval $(call package_rules,$(arch))))

# Sources as committed, the modules that they make, so that a builder needs no Node, and Monocypher's
# two files, whose own archive holds much besides. The feed stays out, since it names the archive's
# hash; its copy is what is sent to OpenWrt's package feed.
DIST := adit-$(VERSION)
DIST_DIR := $(B)/dist
MAINTAINER ?=
SITE_URL ?=
RELEASE_URL ?=
# $(1) how a line of the feed's Makefiles begins, $(2) what shall follow, if it is given
dist_field = $(if $(2),-e 's|^$(1).*|$(1)$(2)|')

dist: $(MODULES) $(ROUTER_MODULES) $(MONOCYPHER)/.fetched
	$(call say,DIST,$(DIST_DIR)/$(DIST).tar.xz)
	$(Q)rm -rf $(DIST_DIR) && mkdir -p $(DIST_DIR)/$(DIST)/build
	$(Q)git archive HEAD | tar -x -C $(DIST_DIR)/$(DIST)
	$(Q)rm -rf $(DIST_DIR)/$(DIST)/openwrt-feed
	$(Q)mkdir $(DIST_DIR)/$(DIST)/build/monocypher
	$(Q)cp $(MONOCYPHER)/monocypher.c $(MONOCYPHER)/monocypher.h \
		$(DIST_DIR)/$(DIST)/build/monocypher
	$(Q)cp $(MODULES) $(DIST_DIR)/$(DIST)/build
	$(Q)mkdir $(DIST_DIR)/$(DIST)/build/router
	$(Q)cp $(ROUTER_MODULES) $(DIST_DIR)/$(DIST)/build/router
	$(Q)cd $(DIST_DIR) && tar --format=gnu --numeric-owner --owner=0 --group=0 --sort=name \
		--mode='u+rwX,go=rX' --mtime=@$(PACKAGE_EPOCH) --create $(DIST) | xz -9e -T1 >$(DIST).tar.xz
	$(Q)rm -r $(DIST_DIR)/$(DIST)
	$(Q)cp -r openwrt-feed $(DIST_DIR)/feed
	$(Q)hash=$$(sha256sum <$(DIST_DIR)/$(DIST).tar.xz | cut -d' ' -f1) && echo "  PKG_HASH:=$$hash" && \
		sed -i -e "s/^PKG_HASH:=.*/PKG_HASH:=$$hash/" \
		$(call dist_field,PKG_MAINTAINER:=,$(MAINTAINER)) $(call dist_field,ADIT_URL:=,$(SITE_URL)) \
		$(call dist_field,PKG_SOURCE_URL:=,$(RELEASE_URL)) $(DIST_DIR)/feed/*/Makefile

# Twice, for a test that compares them.
test-dist:
	$(Q)+for time in 1 2; do $(MAKE) dist DIST_DIR=$(B)/test-packages/dist-$$time \
		MAINTAINER='A Maintainer <one@adit.example>' SITE_URL=https://site.example/adit \
		RELEASE_URL=https://site.example/releases || exit; done
