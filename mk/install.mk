# What `make install` puts where, so that `make uninstall` takes away the same.
#: make install   to PREFIX (/usr/local), below DESTDIR; SYSTEMD= leaves out the unit of systemd
#: make uninstall  what make install puts there; configuration and state stay

SYSTEMD ?= $(if $(wildcard /usr/lib/systemd/system /lib/systemd/system),1)
INSTALL_TO := $(DESTDIR)$(PREFIX)

# Made of what the programs say of themselves, and of the page about the configuration.
MAN_PAGES := adit.1 aditd.8 adit.json.5

# mode, source, place below PREFIX
INSTALL_ROWS := \
	755:$(B)/aditd:sbin/aditd \
	644:$(B)/adit.mjs:lib/adit/adit.mjs \
	644:$(B)/adit-cli.mjs:lib/adit/adit-cli.mjs \
	644:$(B)/policy.mjs:lib/adit/policy.mjs \
	644:share/completion/adit.bash:share/bash-completion/completions/adit \
	644:share/completion/adit.fish:share/fish/vendor_completions.d/adit.fish \
	644:share/completion/_adit:share/zsh/site-functions/_adit \
	$(foreach page,$(MAN_PAGES),\
		644:$(B)/man/$(page):share/man/man$(subst .,,$(suffix $(page)))/$(page)) \
	$(if $(SYSTEMD),644:$(B)/adit@.service:lib/systemd/system/adit@.service)

.PHONY: install uninstall
install: build $(MAN_PAGES:%=$(B)/man/%) $(if $(SYSTEMD),$(B)/adit@.service)
	$(call say,INST,$(INSTALL_TO))
	$(Q)set -e; for row in $(INSTALL_ROWS); do \
		mode=$${row%%:*} row=$${row#*:}; \
		install -D -m "$$mode" "$${row%%:*}" "$(INSTALL_TO)/$${row#*:}"; done
	$(Q)install -d $(INSTALL_TO)/bin
	$(Q)ln -sf ../sbin/aditd $(INSTALL_TO)/bin/adit

$(MAN_PAGES:%=$(B)/man/%) &: scripts/make-man.mjs docs/config.md $(B)/adit $(B)/adit-cli.mjs
	$(call say,MAN,$(B)/man)
	$(Q)node scripts/make-man.mjs $(B) $(B)/man

# A folder of ours goes with its last file; those of the system stay.
uninstall:
	$(call say,RM,$(INSTALL_TO))
	$(Q)set -e; for row in $(INSTALL_ROWS) ::bin/adit; do rm -f "$(INSTALL_TO)/$${row##*:}"; done
	$(Q)rmdir $(INSTALL_TO)/lib/adit 2>/dev/null || true

# The place of the program depends on PREFIX, which may be another one each time.
$(B)/adit@.service: share/systemd/adit@.service FORCE
	@mkdir -p $(@D)
	$(Q)sed 's!@PREFIX@!$(PREFIX)!' $< >$@
