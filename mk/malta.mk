# An emulated 24Kc router with Debian's kernel, which runs the very files that a package holds.
#: make malta     the lab on an emulated MIPS router with 64 MB; writes build/malta.json

.PHONY: malta malta-image prepare-malta
malta: malta-image
	$(Q)node test/malta/run.mjs

malta-image: $(B)/mipsel/aditd bundle prepare-malta
	$(Q)test/malta/fetch
	$(call say,IMAGE,$(B)/malta/image)
	$(Q)test/malta/image $(B)/mipsel/aditd $(B) $(B)/malta/image

prepare-malta:
	$(Q)scripts/bootstrap malta
