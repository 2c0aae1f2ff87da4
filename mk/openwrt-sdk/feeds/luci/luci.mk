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
	$(if $(wildcard htdocs),$(INSTALL_DIR) $(1)/www && $(CP) htdocs/. $(1)/www/)
	$(if $(wildcard root),$(CP) root/. $(1)/)
endef
