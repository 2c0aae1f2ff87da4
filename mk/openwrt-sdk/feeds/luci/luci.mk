# LuCI's rules for an application: htdocs is what the web server shows, root is the file system, each
# folder of po becomes a package with the translations of one language.

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

LUCI_BASENAME := $(patsubst luci-%,%,$(patsubst luci-app-%,%,$(PKG_NAME)))
# Where LuCI has another code for a language than its folder.
LUCI_CODE.pt_BR := pt-br
LUCI_CODE.zh_Hans := zh-cn

# $(1) folder of po, $(2) name of the package, $(3) file for LuCI
define luci_translation
define Package/$(2)
  SECTION := luci
  DEPENDS := $(PKG_NAME)
  PKGARCH := all
endef

Package/$(2)/description = $(PKG_NAME) in the language $(1)

define Package/$(2)/install
	$(INSTALL_DIR) $$(1)/usr/lib/lua/luci/i18n
	node $(PACKER)/make-lmo.mjs po/$(1)/$(LUCI_BASENAME).po $$(1)/usr/lib/lua/luci/i18n/$(3)
	chmod -R u=rwX,go=rX $$(1)
endef

$$(eval $$(call BuildPackage,$(2)))
endef

luci_code = $(or $(LUCI_CODE.$(1)),$(1))
$(foreach folder,$(filter-out templates,$(notdir $(wildcard po/*))),$(eval $(call \
	luci_translation,$(folder),luci-i18n-$(LUCI_BASENAME)-$(call \
	luci_code,$(folder)),$(LUCI_BASENAME).$(call luci_code,$(folder)).lmo)))
