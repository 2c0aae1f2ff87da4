# Static programs for routers: GCC of the distribution, musl and soft floating point of ours.
#: make mips      build/mips/aditd for mips_24kc (big-endian); also mipsel, aarch64, arm, x86-64
#: make cross     all five of them; make mips-router  the one that packages `adit` have, no gateway
#: make bench-mips  instructions of MIPS that a sealed byte and the way of a packet cost

CROSS := mips mipsel aarch64 arm x86-64
TOOLCHAIN := $(B)/toolchain

CROSS_TOOLS_mips := mips-linux-gnu-
CROSS_TOOLS_mipsel := mipsel-linux-gnu-
CROSS_TOOLS_aarch64 := aarch64-linux-gnu-
CROSS_TOOLS_arm := arm-linux-gnueabihf-
CROSS_TOOLS_x86-64 := x86_64-linux-gnu-

# MIPS32 has no addressing relative to the program counter, so code that can be loaded anywhere
# would cost flash and time in every call.
CROSS_ARCH_mips := -march=24kc -msoft-float -mno-abicalls -fno-pic -G0 -minterlink-mips16
CROSS_ARCH_mipsel := $(CROSS_ARCH_mips)
CROSS_ARCH_aarch64 := -fPIE
CROSS_ARCH_arm := -mcpu=cortex-a7 -mfpu=neon-vfpv4 -mfloat-abi=hard -fPIE
CROSS_ARCH_x86-64 := -fPIE
CROSS_LINK_mips := -static
CROSS_LINK_mipsel := -static
CROSS_LINK_aarch64 := -static-pie
# Its GCC names a loader for such a program as well.
CROSS_LINK_arm := -static-pie -Wl,--no-dynamic-linker
CROSS_LINK_x86-64 := -static-pie
CROSS_START_mips := crt1.o
CROSS_START_mipsel := crt1.o
CROSS_START_aarch64 := rcrt1.o
CROSS_START_arm := rcrt1.o
CROSS_START_x86-64 := rcrt1.o

# Small, but for what touches every packet. Compiling all files as one would save another 2 KB of
# flash and cost each build a minute.
#
# MIPS16 makes the engine's text a third shorter, in memory as well as on flash, and the interpreter
# takes no more instructions for it. What runs for every packet or every byte of a cipher keeps the
# long instructions.
CROSS_SIZE := -Os -ffunction-sections -fdata-sections $(C_PACKS_WELL)
CROSS_HARD := -fstack-protector-strong
CROSS_SPEED := -O2 -fschedule-insns2 -fcaller-saves
CROSS_FAST := $(addprefix c/mover/,datapath_path.o forward.o frame.o queue.o segment.o segment_join.o \
	session_io.o) c/vm/vm_heap.o quickjs/cutils.o c/tls/chacha20.o c/tls/poly1305.o \
	$(addprefix mbedtls/,aes.o gcm.o)
CROSS_LONG := c/inet.o c/loop.o c/sys/tun.o $(addprefix mbedtls/,bignum.o bignum_core.o \
	block_cipher.o chacha20.o chachapoly.o constant_time.o ecp.o poly1305.o sha256.o sha512.o)
CROSS_SHORT_mips := -mips16
CROSS_SHORT_mipsel := -mips16
CROSS_LONG_mips := -mno-mips16
CROSS_LONG_mipsel := -mno-mips16

# $(1) target: the compiler, which sees no header of this machine's system
cross_cc = $(CROSS_TOOLS_$(1))gcc $(CROSS_ARCH_$(1)) -nostdinc -isystem $(TOOLCHAIN)/$(1)/include \
	-isystem $$$$($(CROSS_TOOLS_$(1))gcc -print-file-name=include)

# $(1) folder, $(2) target: all objects of a program; the engine is the same for every choice of
# features
cross_objects = $(C_COMMON:%.c=$(B)/$(1)/%.o) $(QJS_SRC:%.c=$(B)/$(2)/quickjs/%.o) \
	$(call mbedtls_objects,$(1))

# $(1) target, $(2) what to link: the linker's command line
cross_link = $(CROSS_TOOLS_$(1))gcc $(CROSS_ARCH_$(1)) $(CROSS_LINK_$(1)) -nostdlib \
	-Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,--build-id=none \
	$(TOOLCHAIN)/$(1)/lib/$(CROSS_START_$(1)) $(TOOLCHAIN)/$(1)/lib/crti.o $(2) \
	-Wl,--start-group $(TOOLCHAIN)/$(1)/lib/libc.a $(TOOLCHAIN)/$(1)/lib/libgcc.a -Wl,--end-group \
	$(TOOLCHAIN)/$(1)/lib/crtn.o

# The engine without Atomics, which nothing here uses: on MIPS32 they need a library of locks.
ENGINE := $(B)/engine

$(ENGINE)/quickjs.c: $(QJS)/.patched mk/cross.mk
	@mkdir -p $(@D)
	$(Q)sed '/^#define CONFIG_ATOMICS$$/d' $(QJS)/quickjs.c >$@
	$(Q)! grep -q '^#define CONFIG_ATOMICS' $@ && ! cmp -s $@ $(QJS)/quickjs.c

# $(1) folder, $(2) target, $(3) features as the compiler is told them
define cross_rules
$(call objects,$(1),$(call cross_cc,$(2)),$(CROSS_SIZE) $(CROSS_HARD) $(CROSS_SHORT_$(2)) $(3) \
	$$(FAST),-I$(ENGINE) $(CROSS_SIZE) $(CROSS_SHORT_$(2)) $$(FAST),$(CROSS_TOOLS_$(2))ar)
$(B)/$(1)/quickjs/quickjs.o: $(ENGINE)/quickjs.c
$(call mbedtls_rules,$(1),$(call cross_cc,$(2)),$(CROSS_SIZE) $(CROSS_HARD) $(CROSS_SHORT_$(2)) $(3) \
	$$(FAST),$(CROSS_TOOLS_$(2))ar)
$(CROSS_LONG:%=$(B)/$(1)/%): FAST := $(CROSS_LONG_$(2))
$(CROSS_FAST:%=$(B)/$(1)/%): FAST := $(CROSS_LONG_$(2)) $(CROSS_SPEED)
$(call cross_objects,$(1),$(2)): mk/cross.mk $(TOOLCHAIN)/$(2)/.built

.PHONY: $(1)
$(1): $(B)/$(1)/aditd

$(B)/$(1)/aditd.debug: $(call cross_objects,$(1),$(2))
	$$(call say,LD,$$@)
	$$(Q)$(call cross_link,$(2),-Wl$(,)-Map=$$@.map -o $$@ $$(filter %.o,$$^))

$(B)/$(1)/aditd: $(B)/$(1)/aditd.debug
	$$(call say,STRIP,$$@)
	$$(Q)! $(CROSS_TOOLS_$(2))readelf --program-headers --wide $$< | grep INTERP || \
		{ echo "$$<: needs a loader, expected a static program" >&2; exit 1; }
	$$(Q)$(CROSS_TOOLS_$(2))strip --strip-all -R .comment -R .gnu.attributes -o $$@ $$<
endef

, := ,
$(foreach target,$(CROSS),$(eval $(call cross_rules,$(target),$(target),)) \
	$(eval $(call cross_rules,$(target)-router,$(target),$(ROUTER_ONLY))))

.PHONY: cross size-package prepare-cross
cross: $(CROSS)

# Where there is no cross compiler `make size` tells of the rest.
size-package: $(if $(shell command -v $(CROSS_TOOLS_mips)gcc),mips mips-router mipsel-router \
		variant bundle router-bundle)
	$(Q)scripts/size-package $(if $^,mips-router mipsel-router variant-mips variant-mipsel mips)

prepare-cross:
	$(Q)scripts/bootstrap cross

$(TOOLCHAIN)/%/.built: scripts/build-toolchain | prepare-cross
	$(Q)scripts/build-toolchain $*

# -------------------------------------------------------------------------------------------- tests

CROSS_EMULATED := mips mipsel
# Those need what the emulator or the target's libraries lack: scripts/run-tests/cross.mjs says what.
CROSS_TESTS_NOT := cages_test chaos_test control_test datapath_test ed25519_test hostile_test \
	kernel_test policy_test policy_memory_test seccomp_test supervise_test tls_interop_test \
	tls_test tls_verify_test trust_test vm_test watch_test
# A program for this machine's own processor needs no emulator.
CROSS_TESTS_NOT_x86-64 := control_test ed25519_test policy_memory_test tls_interop_test tls_test \
	tls_verify_test trust_test
# $(1) target
cross_tests = $(patsubst %,$(B)/$(1)/test/%,\
	$(filter-out $(or $(CROSS_TESTS_NOT_$(1)),$(CROSS_TESTS_NOT)),$(C_TESTS)))

# $(1) target
define cross_test_rules
$(B)/$(1)/engine: test/cross/engine.c $(B)/$(1)/libadit.a mk/cross.mk
	$$(call say,CC,$$< [$(1)])
	$$(Q)$(call cross_cc,$(1)) $(C_BASE) $(CROSS_SIZE) -isystem $(QJS) -MF $$@.d -MT $$@ -c \
		-o $$@.o $$<
	$$(Q)$(call cross_link,$(1),-o $$@ $$@.o $(B)/$(1)/libadit.a)

$(B)/$(1)/test/%: test/c/%.c $(B)/$(1)/libadit.a $(B)/$(1)/libtls-mbedtls.a mk/cross.mk
	$$(call say,CC,$$< [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(call cross_cc,$(1)) $(C_BASE) $(CROSS_SIZE) $$(TEST_INCLUDES) -MF $$@.d -MT $$@ -c \
		-o $$@.o $$<
	$$(Q)$(call cross_link,$(1),-o $$@ $$@.o $(call archives,$(1),mbedtls))

-include $(B)/$(1)/engine.d $(patsubst %,%.d,$(call cross_tests,$(1)))
endef

$(foreach target,$(CROSS),$(eval $(call cross_test_rules,$(target))))

# The suites in C run in the byte order that this machine does not have.
#: make test TIERS=cross CROSS_SUITES="mips mipsel aarch64 arm x86-64"  all targets; without it mips
CROSS_SUITES ?= mips
CROSS_TESTED := $(sort $(CROSS_EMULATED) $(CROSS_SUITES))
export CROSS_SUITES

.PHONY: cross-tests
cross-tests: bundle router-bundle $(CROSS_TESTED:%=$(B)/%/engine) $(B)/obj/engine \
	$(CROSS_TESTED:%=$(B)/%/aditd) $(CROSS_EMULATED:%=$(B)/%-router/aditd) \
	$(foreach target,$(CROSS_SUITES),$(call cross_tests,$(target))) $(B)/policy.mjs

$(B)/obj/engine: test/cross/engine.c $(B)/obj/libadit.a Makefile
	$(call say,CC,$< [obj])
	$(Q)$(CC) $(C_BASE) $(C_HARD) $(LD_HARD) -isystem $(QJS) -MF $@.d -MT $@ -o $@ $< \
		$(B)/obj/libadit.a -lm

-include $(B)/obj/engine.d

# -------------------------------------------------------------------------------------- instructions

# $(1) target, $(2) program: it is linked as the daemon is, from the same objects
define counted_rules
$(B)/$(1)/$(2): test/cross/$(2).c $(B)/$(1)/libadit.a $(B)/$(1)/libtls-mbedtls.a mk/cross.mk
	$$(call say,CC,$$< [$(1)])
	$$(Q)$(call cross_cc,$(1)) $(C_BASE) $(C_MBEDTLS) $(CROSS_SIZE) -Itest/c -MF $$@.d -MT $$@ \
		-c -o $$@.o $$<
	$$(Q)$(call cross_link,$(1),-Wl$(,)-Map=$$@.map -o $$@ $$@.o $(call archives,$(1),mbedtls))

-include $(B)/$(1)/$(2).d
endef

$(foreach target,$(CROSS_EMULATED),$(foreach program,aead path,\
	$(eval $(call counted_rules,$(target),$(program)))))

$(B)/cross/count.so: test/cross/count.c mk/cross.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) -O2 -shared -fPIC -MF $@.d -MT $@ -o $@ $<

.PHONY: bench-mips
bench-mips: $(CROSS_EMULATED:%=$(B)/%/aead) $(CROSS_EMULATED:%=$(B)/%/path) $(B)/cross/count.so
	$(Q)node test/cross/aead.mjs
	$(Q)node test/cross/path.mjs $(CROSS_EMULATED)

-include $(B)/cross/count.so.d

# ---------------------------------------------------------------------------------------- same bytes
#: make reproducible  builds the program for mips_24kc twice in two places and compares the bytes

.PHONY: reproducible
reproducible: $(TOOLCHAIN)/mips/.built $(QJS_FETCHED)/.fetched $(MBEDTLS)/.fetched $(MONOCYPHER)/.fetched
	$(Q)scripts/check-reproducible mips
