# adit: `make demo` shows it, `make test` tests it, `make help` lists the rest.
# Build lines are short unless V=1; jobs run in parallel, one for each processor.

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --jobs=$(shell nproc 2>/dev/null || echo 2)
endif

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_RUNS ?= 20000
FUZZ_RUNS_LONG ?= 1000000
# Lives of `make sim`, those of them also in QuickJS, and lives of `make sim-long`.
SEEDS ?= 2000
QUICKJS_SEEDS ?= 100
LIVES ?= 10
TIERS ?=
# Warnings are errors to developers and CI; another compiler than theirs may find more to warn of.
WERROR ?= $(if $(CI),1)
# The TLS library below the mover: openssl or mbedtls.
TLS ?= openssl
# What a router without a clock judges certificates by: no build may depend on its own hour.
BUILD_TIME := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null))
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",$$/\1/p' package.json)

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

B := build
# The engine's source as fetched, and with our patches, which is what gets compiled.
QJS_FETCHED := $(B)/quickjs
QJS := $(B)/quickjs-patched
QJS_VERSION := 2025-04-26
NPM_STAMP := node_modules/.adit-stamp

# ------------------------------------------------------------------------------------------ sources
# Everything is found by wildcard: a new file needs no line here.

find = $(if $(wildcard $(1)),$(shell find $(1) -type f -name '$(2)' | LC_ALL=C sort))

C_ALL := $(filter-out %_test.c %_fuzz.c,$(call find,c,*.c))
C_LIB := $(filter c/lib/%,$(C_ALL))
TLS_BACKENDS := openssl mbedtls
ifeq ($(filter $(TLS),$(TLS_BACKENDS)),)
$(error TLS is '$(TLS)', expected one of: $(TLS_BACKENDS))
endif
# What every program has; c/tls/openssl and c/tls/mbedtls implement one header, so one is added.
C_COMMON := $(filter-out $(C_LIB) $(foreach backend,$(TLS_BACKENDS),c/tls/$(backend)/%),$(C_ALL))
C_BACKEND_openssl := $(filter c/tls/openssl/%,$(C_ALL))
C_BACKEND_mbedtls := $(filter c/tls/mbedtls/%,$(C_ALL))
C_SRC := $(C_COMMON) $(C_BACKEND_$(TLS))
C_NOMAIN := $(filter-out c/main.c,$(C_COMMON))
C_TESTS := $(patsubst test/c/%.c,%,$(call find,test/c,*_test.c))
FUZZERS := $(patsubst test/c/fuzz/%.c,%,$(wildcard test/c/fuzz/*_fuzz.c))
QJS_PATCHES := $(call find,c/lib/patches,*.patch)
QJS_SRC := quickjs.c libregexp.c libunicode.c cutils.c dtoa.c
TS_SRC := $(call find,ts,*.ts)
TEST_TS := $(TS_SRC) $(foreach d,runtime test bench,$(call find,$(d),*.ts))
GENERATORS := $(wildcard runtime/generate*.mjs scripts/generate-*.mjs)

# -------------------------------------------------------------------------------------------- flags

C_BASE := -std=gnu11 -g -Wall -Wextra -Wmissing-prototypes -Wshadow $(if $(WERROR),-Werror) \
	-fno-common -Ic -DADIT_VERSION='"$(VERSION)"' -D_FILE_OFFSET_BITS=64 \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP
# What the package `adit` has beyond a router: c/build_features.h, ts/model/features.ts.
ROUTER_FEATURES :=
ROUTER_ONLY := -DADIT_HAS_GATEWAY=$(if $(filter gateway,$(ROUTER_FEATURES)),1,0)
C_TLS := $(if $(BUILD_TIME),-DADIT_BUILD_TIME_S=$(BUILD_TIME))
C_HARD := -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE \
	-ffunction-sections -fdata-sections
LD_HARD := -pie -Wl,-z,relro,-z,now -Wl,--gc-sections
# What saves flash on a router. Instructions in the order in which they were written pack a
# fifteenth better than scheduled ones, and registers that are not saved around calls a hundredth.
# No table for unwinding: nothing unwinds.
C_PACKS_WELL := -fno-schedule-insns2 -fno-caller-saves -fno-asynchronous-unwind-tables \
	-fno-unwind-tables -fmerge-all-constants
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
C_SAN := -O1 $(SANITIZE) -ffunction-sections -fdata-sections -DADIT_TEST
C_FUZZ := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -DADIT_TEST
# The back end's own libraries; $(MBEDTLS_SRC) is compiled in. Tests talk to OpenSSL in any case.
LIBS_openssl := -lssl -lcrypto
LIBS_mbedtls :=
LIBS := $(LIBS_$(TLS)) -lm
TEST_LIBS := $(LIBS_openssl) -lm

# The engine is foreign code: no warnings of ours, its own conventions (wrapping integers). It is
# known to step outside what UBSan accepts, so the sanitized copy has ASan only.
QJS_BASE := -std=gnu11 -g -w -fwrapv -D_GNU_SOURCE -DCONFIG_VERSION='"$(QJS_VERSION)"' \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP
# Which script a letter belongs to is asked by nobody here, and costs a router 6 KB of tables.
QJS_PATTERNS := -Dunicode_script=engine_has_no_scripts
QJS_SAN := -O1 -fsanitize=address -fno-omit-frame-pointer -ffunction-sections -fdata-sections
QJS_FUZZ := -O1 -fsanitize=fuzzer-no-link,address -fno-omit-frame-pointer

# ------------------------------------------------------------------------------------------ targets

.PHONY: all build bundle router-bundle
.PHONY: demo lab test leaks soak bench bench-fairness bench-policy size sim sim-long \
	fuzz lint generate policy-sdk fresh clean help
.PHONY: prepare prepare-lab prepare-test prepare-bench

build: $(if $(wildcard c/main.c),$(B)/aditd $(B)/adit) $(if $(wildcard ts/main.ts),bundle)
all: build
bundle: $(B)/adit.mjs $(B)/adit-cli.mjs $(B)/policy.mjs
router-bundle: $(B)/router/adit.mjs $(B)/router/adit-cli.mjs

demo: build tools prepare-lab
	$(Q)node test/netns/demo.mjs

lab: build tools prepare-lab
	$(Q)node test/netns/lab.mjs

test: prepare-test
	$(Q)WERROR=1 FUZZ_RUNS=$(FUZZ_RUNS) node scripts/run-tests.mjs $(TIERS)

leaks: build tools prepare-lab
	$(Q)node test/netns/leaks.mjs

soak: build tools prepare-lab
	$(Q)node test/netns/soak.mjs

bench: build tools prepare-bench
	$(Q)node bench/bench.mjs

bench-fairness: build tools prepare-lab
	$(Q)node bench/fairness.mjs

bench-policy: $(B)/aditd $(B)/policy.mjs
	$(Q)node bench/policy.mjs

size: build router-bundle $(B)/obj/bench/module size-package
	$(Q)node scripts/size.mjs $(if $(RECORD),--record)

sim: prepare-test
	$(Q)node $(B)/test/runtime/sim/campaign.js --seeds $(SEEDS) --quickjs-seeds $(QUICKJS_SEEDS)

sim-long: prepare-test
	$(Q)node $(B)/test/runtime/sim/campaign.js --seeds $(LIVES) --quickjs-seeds 0 --days 365

fuzz: prepare-test
	$(Q)FUZZ_RUNS=$(FUZZ_RUNS_LONG) node scripts/run-tests.mjs fuzz

fresh:
	$(Q)scripts/fresh $(SUITE)

lint: prepare-test
	$(Q)WERROR=1 node scripts/run-tests.mjs lint generated

generate: $(NPM_STAMP)
	$(Q)set -e; for generator in $(GENERATORS); do \
		printf '  %-5s %s\n' GEN "$$generator"; node "$$generator"; done

# The package for policy authors as `npm publish` would send it, with the starter inside.
policy-sdk: $(NPM_STAMP)
	$(call say,PACK,$(B)/policy-sdk)
	$(Q)rm -rf $(B)/policy-sdk && mkdir -p $(B)/policy-sdk
	$(Q)cp -r runtime/policy-sdk/. LICENSE $(B)/policy-sdk
	$(Q)cp -r runtime/policy-starter $(B)/policy-sdk/starter
	$(Q)cd $(B)/policy-sdk && npm pack --silent --pack-destination ..

# The fetched sources stay: they are pinned by digest, and fetching them needs a network.
clean:
	$(call say,CLEAN,$(B))
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name sources ! -name quickjs ! -name mbedtls \
		! -name monocypher ! -name toolchain -exec rm -rf {} + 2>/dev/null || true

help:
	@echo 'make demo      build, run the lab, show that policy holds (root, or sudo)'
	@echo 'make test      every tier of tests; TIERS="unit c" picks some'
	@echo 'make lab       the lab, left up, with what to try'
	@echo 'make leaks     the leak matrix'
	@echo 'make bench     throughput and latency beside other tunnels'
	@echo 'make bench-fairness  what a tunnel carries beside one that floods tiny packets'
	@echo 'make bench-policy  what a policy costs for 1,000 devices: time, instructions, memory'
	@echo 'make size      flash, heap, load of what is shipped; RECORD=1 notes them'
	@echo 'make sim       lives of a virtual day with faults; SEEDS=n, QUICKJS_SEEDS=n'
	@echo 'make sim-long  ten lives of a virtual year; LIVES=n'
	@echo 'make fuzz      the fuzzers, 1,000,000 inputs each'
	@echo 'make fresh     demo and test on a system made for it; SUITE=bookworm|trixie|noble'
	@echo 'make lint      types, tidy, shellcheck, generated files'
	@echo 'make generate  write the files named *.gen.*, and the docs made from the same source'
	@echo 'make policy-sdk  the npm package for policy authors, as build/adit-policy-*.tgz'
	@sed -n 's/^#: //p' $(wildcard mk/*.mk) /dev/null
	@echo 'make clean     all but fetched sources; V=1 shows the commands'

prepare:
	$(Q)scripts/bootstrap build node
prepare-lab:
	$(Q)scripts/bootstrap lab
prepare-test:
	$(Q)scripts/bootstrap build test node
prepare-bench:
	$(Q)scripts/bootstrap lab bench

$(NPM_STAMP): package-lock.json | prepare
	$(Q)touch $@

$(QJS_FETCHED)/.fetched: scripts/fetch-quickjs scripts/fetch.sh | prepare
	$(Q)scripts/fetch-quickjs
	$(Q)touch $@

# Their names and digests: one that is added, changed or taken away makes another tree.
$(B)/.patches: FORCE
	@mkdir -p $(@D)
	@sha256sum $(QJS_PATCHES) | cmp -s - $@ || sha256sum $(QJS_PATCHES) >$@

$(QJS)/.patched: $(QJS_FETCHED)/.fetched $(B)/.patches scripts/patch-quickjs
	$(call say,PATCH,$(QJS))
	$(Q)scripts/patch-quickjs $(QJS_PATCHES)
	$(Q)touch $@

# ------------------------------------------------------------------------------------------- bundle

BUNDLE_STEPS := rollup.config.mjs tsconfig.json scripts/bundle.mjs package.json

$(B)/adit.mjs $(B)/adit-cli.mjs $(B)/adit.debug.mjs &: $(TS_SRC) $(BUNDLE_STEPS) $(NPM_STAMP)
	$(call say,ROLL,$(B)/adit.mjs)
	$(Q)npm run --silent bundle

# What a router gets whose package has no gateway.
$(B)/router/adit.mjs $(B)/router/adit-cli.mjs $(B)/router/adit.debug.mjs &: $(B)/adit.mjs
	$(call say,ROLL,$(B)/router/adit.mjs)
	$(Q)FEATURES='$(ROUTER_FEATURES)' BUILD_FOLDER=$(B)/router npm run --silent bundle

# What a cage loads before the user's script.
SDK := runtime/policy-sdk
SDK_SRC := $(wildcard $(SDK)/src/*.ts)

$(B)/policy.mjs $(B)/policy.debug.mjs &: $(SDK_SRC) $(SDK)/rollup.config.mjs \
		$(SDK)/tsconfig.json $(BUNDLE_STEPS) $(NPM_STAMP)
	$(call say,ROLL,$(B)/policy.mjs)
	$(Q)npm run --silent bundle:policy

# Compiled in place even with type errors, so that one broken test does not hide all the others; the
# exit status still says so.
$(B)/test/.stamp: $(TEST_TS) tsconfig.json tsconfig.test.json $(NPM_STAMP)
	$(call say,TSC,$(B)/test)
	$(Q)node_modules/.bin/tsc --project tsconfig.test.json
	$(Q)touch $@

# -------------------------------------------------------------------------------------------- aditd
# Three sets of the same sources: release, sanitized (gcc) for C tests, instrumented (clang) for
# fuzzers. The last two are archives, so that a program links only what it uses.

# $(1) source: what it is compiled with beyond the flags of its set
file_flags = $(if $(filter c/tls/%,$(1)),$(C_TLS)) \
	$(if $(filter c/tls/mbedtls/%,$(1)),$(C_MBEDTLS)) \
	$(if $(filter c/vm/%,$(1)),-isystem $(QJS))

# $(1) folder, $(2) compiler, $(3) flags, $(4) flags for the engine, $(5) ar
define objects
$(B)/$(1)/c/%.o: c/%.c Makefile | $(QJS)/.patched
	$$(call say,CC,$$< [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(2) $(C_BASE) $(3) $$(call file_flags,$$<) -c -o $$@ $$<

$(B)/$(1)/quickjs/%.o: $(QJS)/.patched Makefile
	$$(call say,CC,quickjs/$$*.c [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(2) $(QJS_BASE) $$(if $$(filter libregexp,$$*),$(QJS_PATTERNS)) $(4) -c -o $$@ \
		$(QJS)/$$*.c

# The engine's main file comes with our addition around it.
$(B)/$(1)/quickjs/quickjs.o: c/lib/engine_where.c $(QJS)/.patched Makefile
	$$(call say,CC,$$< [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(2) $(QJS_BASE) $(4) -I$(QJS) -c -o $$@ $$<

$(B)/$(1)/libadit.a: $(C_NOMAIN:%.c=$(B)/$(1)/%.o) $(QJS_SRC:%.c=$(B)/$(1)/quickjs/%.o)
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)$(or $(5),ar) rcs $$@ $$^

$(B)/$(1)/libtls-openssl.a: $(C_BACKEND_openssl:%.c=$(B)/$(1)/%.o)
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)$(or $(5),ar) rcs $$@ $$^
endef

# $(1) folder, $(2) TLS back end: the archives that need each other
archives = -Wl,--start-group $(B)/$(1)/libadit.a $(B)/$(1)/libtls-$(2).a -Wl,--end-group

$(eval $(call objects,obj,$(CC),$(C_HARD),$(C_HARD)))
$(eval $(call objects,san,$(CC),$(C_SAN),$(QJS_SAN)))
$(eval $(call objects,fuzz,$(CLANG),$(C_FUZZ),$(QJS_FUZZ)))

# Programs are linked again when another back end is chosen.
$(B)/.tls: FORCE
	@mkdir -p $(@D)
	@echo '$(TLS)' | cmp -s - $@ || echo '$(TLS)' >$@
FORCE:

ADITD_OBJ := $(C_COMMON:%.c=$(B)/obj/%.o) $(QJS_SRC:%.c=$(B)/obj/quickjs/%.o)

$(B)/aditd: $(ADITD_OBJ) $(B)/obj/libtls-$(TLS).a $(B)/.tls
	$(call say,LD,$@)
	$(Q)$(CC) $(LD_HARD) -o $@ $(filter %.o %.a,$^) $(LIBS)

$(B)/adit: $(B)/aditd
	$(Q)ln -sf aditd $@

# ------------------------------------------------------------------------------- delivery targets
# What one of them needs stands in a file of its own, its lines of help included. The TLS library
# comes first, since other files build it for their targets.

include mk/tls.mk $(filter-out mk/tls.mk,$(wildcard mk/*.mk))

# ---------------------------------------------------------------------------------- C test programs

TEST_INCLUDES := -Itest/c -isystem $(QJS)

$(B)/san/test/%: test/c/%.c $(B)/san/libadit.a $(B)/san/libtls-$(TLS).a $(B)/.tls Makefile
	$(call say,CC,$< [san])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_SAN) $(TEST_INCLUDES) -MF $@.d -MT $@ -Wl,--gc-sections \
		-o $@ $< $(call archives,san,$(TLS)) $(TEST_LIBS)

$(B)/fuzz/test/%: test/c/fuzz/%.c $(B)/fuzz/libadit.a $(B)/fuzz/libtls-openssl.a Makefile
	$(call say,CC,$< [fuzz])
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(C_BASE) -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-DADIT_TEST $(TEST_INCLUDES) -MF $@.d -MT $@ -o $@ $< \
		$(call archives,fuzz,openssl) $(TEST_LIBS)

# Small programs that the lab runs, each one file.
$(B)/tools/%: test/netns/tools/%.c Makefile | prepare
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) -O2 -MF $@.d -MT $@ -o $@ $< -lm

# What a module costs the decider.
$(B)/obj/bench/module: bench/module.c $(B)/obj/libadit.a $(B)/obj/libtls-openssl.a Makefile
	$(call say,CC,$< [obj])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_HARD) $(LD_HARD) -isystem $(QJS) -MF $@.d -MT $@ -o $@ $< \
		$(call archives,obj,openssl) $(TEST_LIBS)

# The policy cage as a program, as it is delivered and under the sanitizer.
$(B)/obj/hostile/cage: test/hostile/cage.c $(B)/obj/libadit.a $(B)/obj/libtls-openssl.a \
		Makefile
	$(call say,CC,$< [obj])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_HARD) $(LD_HARD) -MF $@.d -MT $@ -o $@ $< \
		$(call archives,obj,openssl) $(TEST_LIBS)

$(B)/san/hostile/cage: test/hostile/cage.c $(B)/san/libadit.a $(B)/san/libtls-openssl.a \
		Makefile
	$(call say,CC,$< [san])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_SAN) -MF $@.d -MT $@ -Wl,--gc-sections -o $@ $< \
		$(call archives,san,openssl) $(TEST_LIBS)

.PHONY: c-tests fuzzers tools hostile
hostile: $(B)/obj/hostile/cage $(B)/san/hostile/cage $(B)/policy.mjs
tools: $(patsubst test/netns/tools/%.c,$(B)/tools/%,$(wildcard test/netns/tools/*.c))
c-tests: $(C_TESTS:%=$(B)/san/test/%)
fuzzers: $(FUZZERS:%=$(B)/fuzz/test/%)

-include $(foreach set,obj san fuzz,$(C_COMMON:%.c=$(B)/$(set)/%.d) \
	$(C_BACKEND_openssl:%.c=$(B)/$(set)/%.d) \
	$(QJS_SRC:%.c=$(B)/$(set)/quickjs/%.d))
-include $(B)/obj/bench/module.d $(B)/obj/hostile/cage.d $(B)/san/hostile/cage.d
-include $(C_TESTS:%=$(B)/san/test/%.d) $(FUZZERS:%=$(B)/fuzz/test/%.d)
