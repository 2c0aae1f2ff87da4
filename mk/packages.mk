# Packages for OpenWrt's opkg, from the static binaries and the feed's own Makefiles. The .apk of
# 25.12 comes from the same Makefiles through OpenWrt's SDK: docs/openwrt.md.
#: make packages  .ipk files and their index, in build/packages/<architecture>
#: make dist      the release archive that the feed's Makefile builds from, in build/dist

# A folder below this one, and what a file in it may have.
PACKAGES := $(B)/packages
IPK_BYTES_MAX := 614400
IPK_ARCHS := mips_24kc mipsel_24kc
ADITD_mips_24kc := $(B)/mips/aditd
ADITD_mipsel_24kc := $(B)/mipsel/aditd
MODULES := $(B)/adit.mjs $(B)/adit-cli.mjs $(B)/policy.mjs
PACKAGE_EPOCH := $(or $(BUILD_TIME),0)
FEED_FILES := $(call find,openwrt-feed,*) $(call find,mk/openwrt-sdk,*)
PACKER := scripts/make-ipk scripts/make-package-index

.PHONY: packages test-packages dist
packages: $(IPK_ARCHS:%=$(PACKAGES)/%/Packages)

# The same packages with the native binary inside, twice, for tests that install and compare them.
test-packages: build
	$(Q)+for time in 1 2; do $(MAKE) packages PACKAGES=$(B)/test-packages/$$time \
		IPK_BYTES_MAX=16777216 \
		$(foreach arch,$(IPK_ARCHS),ADITD_$(arch)=$(B)/aditd) || exit; done

# $(1) folder of the feed, $(2) output, $(3) architecture, $(4) folder of what is compiled
pack = $(MAKE) --silent -C $(1) pack TOPDIR=$(CURDIR)/mk/openwrt-sdk ARCH_PACKAGES=$(3) \
	OUTPUT=$(CURDIR)/$(2) PKG_BUILD_DIR=$(CURDIR)/$(4) PACK=$(CURDIR)/scripts/make-ipk \
	BUILD_VARIANT=static CONFIG_ADIT_CLI=y CONFIG_ADIT_POLICY=y \
	SOURCE_DATE_EPOCH=$(PACKAGE_EPOCH)

# What the feed's Makefile installs lies where its own build would have left it.
define ipk_rules
$(PACKAGES)/$(1)/Packages: $(ADITD_$(1)) $(MODULES) $(FEED_FILES) $(PACKER)
	$$(call say,IPK,$$(@D))
	$$(Q)rm -rf $$(@D) && mkdir -p $$(@D)/.work/tree/build/openwrt
	$$(Q)cp $(ADITD_$(1)) $$(@D)/.work/tree/build/openwrt/aditd
	$$(Q)cp $(MODULES) $$(@D)/.work/tree/build
	$$(Q)+$$(call pack,openwrt-feed/adit,$$(@D),$(1),$$(@D)/.work/tree)
	$$(Q)+$$(if $$(wildcard openwrt-feed/luci-app-adit/Makefile),$$(call \
		pack,openwrt-feed/luci-app-adit,$$(@D),$(1),$$(@D)/.work/tree))
	$$(Q)rm -rf $$(@D)/.work
	$$(Q)cd $$(@D) && for file in *.ipk; do bytes=$$$$(wc -c <$$$$file); \
		[ $$$$bytes -le $(IPK_BYTES_MAX) ] || { echo "packages: $$$$file has $$$$bytes bytes," \
		"expected at most $(IPK_BYTES_MAX)" >&2; exit 1; }; done
	$$(Q)scripts/make-package-index $$(@D)
endef

$(foreach arch,$(IPK_ARCHS),$(eval $(call ipk_rules,$(arch))))

# Sources as committed, the bundles, so that a builder needs no Node, and Monocypher's two files, whose
# own archive holds much besides. The feed stays out, since it names the archive's hash.
DIST := adit-$(VERSION)

dist: $(MODULES) $(MONOCYPHER)/.fetched
	$(call say,DIST,$(B)/dist/$(DIST).tar.xz)
	$(Q)rm -rf $(B)/dist && mkdir -p $(B)/dist/$(DIST)/build
	$(Q)git archive HEAD | tar -x -C $(B)/dist/$(DIST)
	$(Q)rm -rf $(B)/dist/$(DIST)/openwrt-feed
	$(Q)mkdir $(B)/dist/$(DIST)/build/monocypher
	$(Q)cp $(MONOCYPHER)/monocypher.c $(MONOCYPHER)/monocypher.h \
		$(B)/dist/$(DIST)/build/monocypher
	$(Q)cp $(MODULES) $(B)/dist/$(DIST)/build
	$(Q)cd $(B)/dist && tar --format=gnu --numeric-owner --owner=0 --group=0 --sort=name \
		--mode='u+rwX,go=rX' --mtime=@$(PACKAGE_EPOCH) --create $(DIST) | xz -9e -T1 >$(DIST).tar.xz
	$(Q)rm -r $(B)/dist/$(DIST)
	$(Q)echo "  PKG_HASH:=$$(sha256sum <$(B)/dist/$(DIST).tar.xz | cut -d' ' -f1)"
