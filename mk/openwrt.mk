# What the feed's Makefile runs inside OpenWrt's build: C alone, with OpenWrt's compiler and flags, from
# sources that lie unpacked in build/. The TypeScript bundles came with the archive of `make dist`.
#
#   make openwrt OPENWRT_CC=… OPENWRT_AR=… OPENWRT_CFLAGS=… OPENWRT_LDFLAGS=…
#       OPENWRT_MBEDTLS=own|system OPENWRT_ENGINE_CFLAGS=…

ifdef OPENWRT_CC
export ADIT_NO_BOOTSTRAP := 1
OPENWRT_AR ?= ar
OPENWRT_MBEDTLS ?= own
# Warnings of compilers to come are no errors there.
OPENWRT_FLAGS := -ffunction-sections -fdata-sections $(OPENWRT_CFLAGS) -Wno-error

$(eval $(call objects,openwrt,$(OPENWRT_CC),$(OPENWRT_FLAGS),\
	-I$(ENGINE) $(OPENWRT_FLAGS) $(OPENWRT_ENGINE_CFLAGS),$(OPENWRT_AR)))
$(eval $(call mbedtls_rules,openwrt,$(OPENWRT_CC),$(OPENWRT_FLAGS),$(OPENWRT_AR)))
$(B)/openwrt/quickjs/quickjs.o: $(ENGINE)/quickjs.c

ifeq ($(OPENWRT_MBEDTLS),system)
C_MBEDTLS := -isystem $(MONOCYPHER)
OPENWRT_TLS := $(C_BACKEND_mbedtls:%.c=$(B)/openwrt/%.o) $(B)/openwrt/monocypher/monocypher.o
OPENWRT_LIBS := -lmbedtls -lmbedx509 -lmbedcrypto
else
OPENWRT_TLS := $(call mbedtls_objects,openwrt)
OPENWRT_LIBS :=
endif

.PHONY: openwrt
openwrt: $(B)/openwrt/aditd

$(B)/openwrt/aditd: $(C_COMMON:%.c=$(B)/openwrt/%.o) $(QJS_SRC:%.c=$(B)/openwrt/quickjs/%.o) \
		$(OPENWRT_TLS)
	$(call say,LD,$@)
	$(Q)$(OPENWRT_CC) $(OPENWRT_FLAGS) $(OPENWRT_LDFLAGS) -Wl,--gc-sections -o $@ $^ \
		$(OPENWRT_LIBS) -lm
endif
