# LuCI's rules for an application: htdocs is what the web server shows, root is the file system.

PKG_NAME := $(notdir $(CURDIR))
PKG_LICENSE ?= MIT
SECTION := luci

include $(INCLUDE_DIR)/package.mk

define Package/$(PKG_NAME)
  SECTION := luci
  DEPENDS := $(LUCI_DEPENDS)
  PKGARCH := $(or $(LUCI_PKGARCH),all)
endef

Package/$(PKG_NAME)/description = $(or $(LUCI_DESCRIPTION),$(LUCI_TITLE))

define Package/$(PKG_NAME)/install
	$(INSTALL_DIR) $(1)/www
	$(if $(wildcard htdocs),$(CP) htdocs/. $(1)/www/)
	$(if $(wildcard root),$(CP) root/. $(1)/)
	chmod -R u=rwX,go=rX $(1)
endef

# LuCI remembers its menu, and rpcd its access lists.
ifndef Package/$(PKG_NAME)/postinst
define Package/$(PKG_NAME)/postinst
#!/bin/sh
[ -n "$${IPKG_INSTROOT}" ] || {
	rm -f /tmp/luci-indexcache.*
	rm -rf /tmp/luci-modulecache/
	killall -HUP rpcd 2>/dev/null
	exit 0
}
endef
endif

$(eval $(call BuildPackage,$(PKG_NAME)))
