# The package `adit`, which the feed's Makefile builds against the libraries of a router: by
# that Makefile's own call of make, with OpenWrt's flags for a 24Kc and a system like a router's.
#: make variant   build/variant-mips/aditd and the one for mipsel, linked to shared libraries

VARIANTS := mips mipsel
SYSTEM := $(B)/system

$(SYSTEM)/%/.built: scripts/build-system-mbedtls scripts/router-cc test/cross/openwrt_mbedtls.h \
		$(MBEDTLS)/.fetched
	$(Q)scripts/build-system-mbedtls $*

$(VARIANTS:%=$(SYSTEM)/%/.built): $(SYSTEM)/%/.built: $(TOOLCHAIN)/%-shared/.built

# OpenWrt's for mips_24kc and mipsel_24kc, with what PKG_BUILD_FLAGS in the feed's Makefile adds.
VARIANT_CFLAGS := -Os -pipe -mips16 -minterlink-mips16 -mno-branch-likely -fno-caller-saves \
	-fno-plt -fstack-protector -ffunction-sections -fdata-sections -flto=auto -fno-fat-lto-objects
VARIANT_LDFLAGS := -Wl,-z,now -Wl,-z,relro -Wl,--gc-sections -flto=auto -fuse-linker-plugin

# $(1) target, $(2) what to make, $(3) features beyond a router's
variant_make = $(MAKE) $(2) OPENWRT_PLACE=variant-$(1)$(3:%=-%) OPENWRT_FEATURES=$(3) OPENWRT_CC="scripts/router-cc $(1)" \
	OPENWRT_AR=$(1)-linux-gnu-gcc-ar OPENWRT_CFLAGS="$(VARIANT_CFLAGS)" \
	OPENWRT_LDFLAGS="$(VARIANT_LDFLAGS)" OPENWRT_MBEDTLS=system OPENWRT_ENGINE_CFLAGS= \
	SOURCE_DATE_EPOCH=$(BUILD_TIME)

# OpenWrt strips what a package installs.
# $(1) target
define variant_rules
.PHONY: variant-$(1)
variant-$(1): $(SYSTEM)/$(1)/.built $(QJS)/.patched $(MONOCYPHER)/.fetched
	$$(Q)+$$(call variant_make,$(1),openwrt)
	$$(Q)$(1)-linux-gnu-strip --strip-all -o $(B)/variant-$(1)/aditd.stripped \
		$(B)/variant-$(1)/aditd
endef

$(foreach target,$(VARIANTS),$(eval $(call variant_rules,$(target))))

.PHONY: variant
variant: $(VARIANTS:%=variant-%)

# -------------------------------------------------------------------------------------------- tests
# The suites of TLS against the system's library: those that need OpenSSL with this machine's build
# of it, the others with that of a big-endian router under emulation.

VARIANT_TESTS := session_test known_answers_test

ifdef OPENWRT_CC
.PHONY: openwrt-tests
openwrt-tests: $(VARIANT_TESTS:%=$(OPENWRT_AT)/test/%)

$(OPENWRT_AT)/test/%: test/c/%.c $(OPENWRT_AT)/libadit.a $(OPENWRT_TLS)
	$(call say,CC,$< [$(OPENWRT_PLACE)])
	@mkdir -p $(@D)
	$(Q)$(OPENWRT_CC) $(C_BASE) $(OPENWRT_FLAGS) $(TEST_INCLUDES) -c -o $@.o $<
	$(Q)$(OPENWRT_CC) $(OPENWRT_FLAGS) $(OPENWRT_LDFLAGS) -o $@ $@.o \
		-Wl,--start-group $(filter %.a %.o,$^) -Wl,--end-group $(OPENWRT_LIBS) -lm
endif

NATIVE := $(SYSTEM)/native/usr
SYSTEM_TLS := $(C_BACKEND_mbedtls:%.c=$(B)/san/system/%.o)

$(SYSTEM_TLS): $(B)/san/system/%.o: %.c Makefile mk/variant.mk $(SYSTEM)/native/.built \
		$(MONOCYPHER)/.fetched
	$(call say,CC,$< [san$(,) system])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_SAN) $(C_TLS) -isystem $(NATIVE)/include -isystem $(MONOCYPHER) \
		-c -o $@ $<

# Two of them have OpenSSL below the other end of a connection.
$(B)/san/system-test/%: test/c/%.c $(SYSTEM_TLS) $(B)/san/monocypher/monocypher.o \
		$(B)/san/libadit.a $(B)/san/test/tls_openssl_renamed.o
	$(call say,CC,$< [san$(,) system])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_SAN) $(TEST_INCLUDES) -MF $@.d -MT $@ -Wl,--gc-sections -o $@ $< \
		$(if $(filter $*,$(BOTH_TLS_TESTS)),$(B)/san/test/tls_openssl_renamed.o) \
		$(SYSTEM_TLS) $(B)/san/monocypher/monocypher.o $(B)/san/libadit.a \
		-L$(NATIVE)/lib -Wl,-rpath,'$$ORIGIN/../../system/native/usr/lib' \
		-lmbedtls -lmbedx509 -lmbedcrypto $(TEST_LIBS)

SYSTEM_TESTS := $(MBEDTLS_TESTS) $(BOTH_TLS_TESTS)

.PHONY: variant-tests
variant-tests: variant-mips $(SYSTEM_TESTS:%=$(B)/san/system-test/%) $(B)/policy.mjs router-bundle
	$(Q)+$(call variant_make,mips,openwrt openwrt-tests,gateway)

-include $(SYSTEM_TLS:%.o=%.d) $(SYSTEM_TESTS:%=$(B)/san/system-test/%.d)
