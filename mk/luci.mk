# The pages of openwrt-feed/luci-app-adit in a browser, over a real daemon in the lab.
#: make luci-pictures  docs/images/luci-*.png; LUCI_DIR=FOLDER is a checkout of LuCI

.PHONY: luci-pictures prepare-luci
luci-pictures: build tools prepare-luci
	$(Q)PICTURES=docs/images node test/luci/browser.test.mjs

prepare-luci:
	$(Q)scripts/bootstrap luci node
