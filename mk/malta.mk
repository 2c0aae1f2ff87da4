# Emulated 24Kc routers with real kernels, which run the very files that a package holds.
#: make malta     the lab on an emulated MIPS router with 64 MB and with 32 MB; writes build/malta.json
#: make malta-be  the lab on a big-endian one, all of it built from source; writes build/malta-be.json

.PHONY: malta malta-be malta-image malta-be-image malta-kernel malta-be-kernel prepare-malta
malta: malta-image malta-kernel
	$(Q)node test/malta/run.mjs

malta-be: malta-be-image malta-be-kernel
	$(Q)node test/malta/run.mjs be

malta-image: $(B)/mipsel/aditd bundle prepare-malta
	$(Q)test/malta/fetch
	$(call say,IMAGE,$(B)/malta/image-mipsel)
	$(Q)test/malta/image mipsel $(B)/mipsel/aditd $(B) $(B)/malta/image-mipsel

# Status 3: a source could not be had. The runner then says what it skips.
or_without = || [ $$? = 3 ]

malta-be-image: $(B)/mips/aditd bundle prepare-malta
	$(Q)test/malta/build-tools $(or_without)
	$(call say,IMAGE,$(B)/malta/image-mips)
	$(Q)test/malta/image mips $(B)/mips/aditd $(B) $(B)/malta/image-mips

malta-kernel: prepare-malta
	$(Q)test/malta/build-kernel mipsel $(or_without)

malta-be-kernel: prepare-malta
	$(Q)test/malta/build-kernel mips $(or_without)

prepare-malta:
	$(Q)scripts/bootstrap malta
