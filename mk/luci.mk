# The pages of openwrt-feed/luci-app-adit in a browser, over a real daemon in the lab.
#: make luci-pictures  docs/images/luci-*.png; LUCI_DIR=FOLDER is a checkout of LuCI

.PHONY: luci-pictures
luci-pictures: build tools prepare-lab
	$(Q)PICTURES=docs/images node test/luci/browser.test.mjs
