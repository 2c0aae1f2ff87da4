# What the feed's Makefile runs inside OpenWrt's build: C alone, with OpenWrt's compiler and flags, from
# sources that lie unpacked in build/. The TypeScript bundles came with the archive of `make dist`.
#
#   make openwrt OPENWRT_CC=… OPENWRT_AR=… OPENWRT_CFLAGS=… OPENWRT_LDFLAGS=…
#       OPENWRT_MBEDTLS=own|system OPENWRT_ENGINE_CFLAGS=… [OPENWRT_PLACE=a folder in build/]
#       [OPENWRT_FEATURES=gateway]

ifdef OPENWRT_CC
export ADIT_NO_BOOTSTRAP := 1
OPENWRT_AR ?= ar
OPENWRT_MBEDTLS ?= own
OPENWRT_PLACE ?= openwrt
OPENWRT_AT := $(B)/$(OPENWRT_PLACE)
# Warnings of compilers to come are no errors there.
OPENWRT_FLAGS := -DADIT_HAS_GATEWAY=$(if $(filter gateway,$(OPENWRT_FEATURES)),1,0) \
	-ffunction-sections -fdata-sections $(C_PACKS_WELL) $(OPENWRT_CFLAGS) -Wno-error

# What touches every packet has long instructions. One mode for the whole program is what compiling
# it as one makes of two, so these files stay outside.
OPENWRT_LONG := $(if $(findstring -mips16,$(OPENWRT_CFLAGS)),-mno-mips16 \
	$(if $(findstring -flto,$(OPENWRT_CFLAGS)),-fno-lto))
# What touches every byte of a packet is no place to save.
OPENWRT_FAST := c/tls/chacha20.o c/tls/poly1305.o mbedtls/aes.o mbedtls/gcm.o
$(CROSS_LONG:%=$(OPENWRT_AT)/%) $(CROSS_FAST:%=$(OPENWRT_AT)/%): FAST := $(OPENWRT_LONG)
$(OPENWRT_FAST:%=$(OPENWRT_AT)/%): FAST := $(OPENWRT_LONG) $(CROSS_SPEED)

$(eval $(call objects,$(OPENWRT_PLACE),$(OPENWRT_CC),$(OPENWRT_FLAGS) $$(FAST),\
	-I$(ENGINE) $(OPENWRT_FLAGS) $(OPENWRT_ENGINE_CFLAGS) $$(FAST),$(OPENWRT_AR)))
$(eval $(call mbedtls_rules,$(OPENWRT_PLACE),$(OPENWRT_CC),$(OPENWRT_FLAGS) $$(FAST),$(OPENWRT_AR)))
$(OPENWRT_AT)/quickjs/quickjs.o: $(ENGINE)/quickjs.c

ifeq ($(OPENWRT_MBEDTLS),system)
C_MBEDTLS := -isystem $(MONOCYPHER)
OPENWRT_TLS := $(C_BACKEND_mbedtls:%.c=$(OPENWRT_AT)/%.o) \
	$(OPENWRT_AT)/monocypher/monocypher.o
OPENWRT_LIBS := -lmbedtls -lmbedx509 -lmbedcrypto
else
OPENWRT_TLS := $(call mbedtls_objects,$(OPENWRT_PLACE))
OPENWRT_LIBS :=
endif
# Compiled as one, if at all, also means in one piece, which packs better.
OPENWRT_ONE := $(if $(findstring -flto,$(OPENWRT_LDFLAGS)),-flto-partition=one)

.PHONY: openwrt
openwrt: $(OPENWRT_AT)/aditd

$(OPENWRT_AT)/aditd: $(C_COMMON:%.c=$(OPENWRT_AT)/%.o) \
		$(QJS_SRC:%.c=$(OPENWRT_AT)/quickjs/%.o) $(OPENWRT_TLS)
	$(call say,LD,$@)
	$(Q)$(OPENWRT_CC) $(OPENWRT_FLAGS) $(OPENWRT_LDFLAGS) $(OPENWRT_ONE) -Wl,--gc-sections -o $@ $^ \
		$(OPENWRT_LIBS) -lm
endif
