# BuildPackage as far as a package's files, scripts and metadata go; `make pack` makes .ipk and .apk
# of the packages whose variant is BUILD_VARIANT, and of those without any.

define Package/Default
  SECTION :=
  DEPENDS :=
  CONFLICTS :=
  PROVIDES :=
  USERID :=
  VARIANT :=
  DEFAULT_VARIANT :=
  URL := $(PKG_URL)
  PKGARCH := $(ARCH_PACKAGES)
endef

# Names without the signs that select, separated by commas.
package_list = $(subst $(space),$(comma)$(space),$(strip $(patsubst +%,%,$(filter-out @%,$(1)))))
# $(1) name, $(2) value: a line of the control file, if there is a value
package_field = $(if $(strip $(2)),$(1): $(strip $(2))$(newline))

define newline


endef

define package_control
Package: $(1)
Version: $(PKG_VERSION)-r$(PKG_RELEASE)
$(call package_field,Depends,$(call package_list,$(DEPENDS)))$(call \
	package_field,Conflicts,$(call package_list,$(CONFLICTS)))$(call \
	package_field,Provides,$(call package_list,$(PROVIDES)))Source: feeds/adit/$(notdir $(CURDIR))
SourceName: $(PKG_NAME)
License: $(PKG_LICENSE)
$(call package_field,LicenseFiles,$(PKG_LICENSE_FILES))Section: $(SECTION)
$(call package_field,Require-User,$(USERID))SourceDateEpoch: $(SOURCE_DATE_EPOCH)
$(call package_field,URL,$(URL))$(call \
	package_field,CPE-ID,$(PKG_CPE_ID))Maintainer: $(PKG_MAINTAINER)
Architecture: $(PKGARCH)
Installed-Size: 0
Description: $(subst $(newline),$(newline) ,$(Package/$(1)/description))
endef

# Nothing is fetched or compiled here.
Download =

define BuildPackage
$(eval $(Package/Default))
$(eval $(call Package/$(1)))
$(eval CONTROL_$(1) := $$(call package_control,$(1)))
$(if $(filter $(BUILD_VARIANT),$(or $(VARIANT),$(BUILD_VARIANT))),$(call pack_rule,$(1)))
endef

# The installation is expanded before it is read, as OpenWrt does it: it may hold conditions.
define pack_rule
.PHONY: pack pack-$(1)
pack: pack-$(1)
pack-$(1): export CONTROL := $$(CONTROL_$(1))
pack-$(1): export CONFFILES := $$(Package/$(1)/conffiles)
pack-$(1): export POSTINST := $$(Package/$(1)/postinst)
pack-$(1): export PRERM := $$(Package/$(1)/prerm)
pack-$(1): export POSTRM := $$(Package/$(1)/postrm)
pack-$(1): export PROVIDER_PRIORITY := $(if $(DEFAULT_VARIANT),100)
pack-$(1):
	rm -rf $(OUTPUT)/.work/$(1) && mkdir -p $(OUTPUT)/.work/$(1)/ipk/data
	$(call Package/$(1)/install,$(OUTPUT)/.work/$(1)/ipk/data)
	cp -a $(OUTPUT)/.work/$(1)/ipk $(OUTPUT)/.work/$(1)/apk
	$(PACKER)/make-ipk $(OUTPUT)/.work/$(1)/ipk \
		$(OUTPUT)/$(1)_$(PKG_VERSION)-r$(PKG_RELEASE)_$(PKGARCH).ipk
	node $(PACKER)/make-apk.mjs $(OUTPUT)/.work/$(1)/apk \
		$(OUTPUT)/$(1)-$(PKG_VERSION)-r$(PKG_RELEASE).apk
endef
