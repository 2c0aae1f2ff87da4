# Mbed TLS, the TLS library of routers: its sources, their rules, and the native build for tests.
#: make TLS=mbedtls     any target with Mbed TLS in place of OpenSSL below the mover
#: make aditd-mbedtls   build/aditd-mbedtls beside build/aditd

MBEDTLS := $(B)/mbedtls
MONOCYPHER := $(B)/monocypher

# Those files of the library that are not empty with our configuration.
MBEDTLS_SRC := aes.c aesce.c aesni.c asn1parse.c asn1write.c base64.c bignum.c bignum_core.c \
	block_cipher.c chacha20.c chachapoly.c cipher.c cipher_wrap.c constant_time.c ecdh.c \
	ecdsa.c ecp.c ecp_curves.c gcm.c md.c oid.c pem.c pk.c pk_ecc.c pk_wrap.c pkparse.c \
	pkwrite.c platform.c platform_util.c poly1305.c psa_crypto.c psa_crypto_client.c \
	psa_crypto_driver_wrappers_no_static.c psa_crypto_ecp.c psa_crypto_hash.c \
	psa_crypto_mac.c psa_crypto_rsa.c psa_crypto_slot_management.c psa_util.c rsa.c \
	rsa_alt_helpers.c sha256.c sha512.c ssl_ciphersuites.c ssl_client.c ssl_msg.c \
	ssl_tls.c ssl_tls13_client.c \
	ssl_tls13_generic.c ssl_tls13_keys.c ssl_tls13_server.c x509.c x509_create.c x509_crt.c \
	x509write.c x509write_crt.c

MBEDTLS_CONFIG := -DMBEDTLS_CONFIG_FILE='"tls/mbedtls/mbedtls_config.h"' -Ic -Ic/tls/mbedtls/alt
# For c/tls/mbedtls: the headers count as the system's, since they are not ours to warn about.
C_MBEDTLS := $(MBEDTLS_CONFIG) -isystem $(MBEDTLS)/include -isystem $(MONOCYPHER)
# For the foreign sources themselves.
MBEDTLS_BASE := -std=gnu11 -g -w $(MBEDTLS_CONFIG) -I$(MBEDTLS)/include -I$(MBEDTLS)/library \
	-ffile-prefix-map=$(CURDIR)=. -MMD -MP

# Objects that a program with Mbed TLS has more than one without: $(1) folder
mbedtls_objects = $(C_BACKEND_mbedtls:%.c=$(B)/$(1)/%.o) \
	$(MBEDTLS_SRC:%.c=$(B)/$(1)/mbedtls/%.o) $(B)/$(1)/monocypher/monocypher.o

# $(1) folder, $(2) compiler, $(3) flags for the library, $(4) ar
define mbedtls_rules
$(C_BACKEND_mbedtls:%.c=$(B)/$(1)/%.o): | $(MBEDTLS)/.fetched $(MONOCYPHER)/.fetched

$(B)/$(1)/mbedtls/%.o: $(MBEDTLS)/.fetched Makefile mk/tls.mk
	$$(call say,CC,mbedtls/$$*.c [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(2) $(MBEDTLS_BASE) $(3) -c -o $$@ $(MBEDTLS)/library/$$*.c

$(B)/$(1)/monocypher/%.o: $(MONOCYPHER)/.fetched Makefile mk/tls.mk
	$$(call say,CC,monocypher/$$*.c [$(1)])
	@mkdir -p $$(@D)
	$$(Q)$(2) -std=gnu11 -g -w -MMD -MP $(3) -c -o $$@ $(MONOCYPHER)/$$*.c

$(B)/$(1)/libtls-mbedtls.a: $(call mbedtls_objects,$(1))
	$$(call say,AR,$$@)
	@rm -f $$@
	$$(Q)$(or $(4),ar) rcs $$@ $$^

-include $(patsubst %.o,%.d,$(call mbedtls_objects,$(1)))
endef

.PHONY: prepare-mbedtls
prepare-mbedtls:
	$(Q)scripts/bootstrap mbedtls

$(MBEDTLS)/.fetched: scripts/fetch-mbedtls scripts/fetch.sh | prepare-mbedtls
	$(Q)scripts/fetch-mbedtls
	$(Q)touch $@

$(MONOCYPHER)/.fetched: scripts/fetch-monocypher scripts/fetch.sh | prepare-mbedtls
	$(Q)scripts/fetch-monocypher
	$(Q)touch $@

$(eval $(call mbedtls_rules,obj,$(CC),$(C_HARD)))
$(eval $(call mbedtls_rules,san,$(CC),$(C_SAN)))

# A comparison of two builds needs both at once.
.PHONY: aditd-mbedtls
aditd-mbedtls: $(B)/aditd-mbedtls

$(B)/aditd-mbedtls: $(C_COMMON:%.c=$(B)/obj/%.o) $(QJS_SRC:%.c=$(B)/obj/quickjs/%.o) \
		$(B)/obj/libtls-mbedtls.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LD_HARD) -o $@ $^ $(LIBS_mbedtls) -lm

# The same tests of the tunnel's lower half on the other library.
MBEDTLS_TESTS := tls_test session_test ed25519_test known_answers_test

$(B)/san/mbedtls-test/%: test/c/%.c $(B)/san/libadit.a $(B)/san/libtls-mbedtls.a Makefile \
		mk/tls.mk
	$(call say,CC,$< [san, mbedtls])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_SAN) $(TEST_INCLUDES) -MF $@.d -MT $@ -Wl,--gc-sections \
		-o $@ $< $(call archives,san,mbedtls) $(TEST_LIBS)

# Both back ends in one program talk to each other.
$(B)/san/test/tls_openssl_renamed.o: c/tls/openssl/tls_openssl.c test/c/tls_kinds.h Makefile \
		mk/tls.mk
	$(call say,CC,$< [san, renamed])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_SAN) $(call file_flags,$<) -DTLS_KINDS_RENAME \
		-include test/c/tls_kinds.h -c -o $@ $<

BOTH_TLS_TESTS := tls_interop_test tls_verify_test

$(BOTH_TLS_TESTS:%=$(B)/san/test/%): $(B)/san/test/%: test/c/%.c \
		$(B)/san/test/tls_openssl_renamed.o $(B)/san/libadit.a $(B)/san/libtls-mbedtls.a \
		Makefile mk/tls.mk
	$(call say,CC,$< [san])
	@mkdir -p $(@D)
	$(Q)$(CC) $(C_BASE) $(C_SAN) $(TEST_INCLUDES) -MF $@.d -MT $@ -Wl,--gc-sections \
		-o $@ $< $(B)/san/test/tls_openssl_renamed.o $(call archives,san,mbedtls) $(TEST_LIBS)

c-tests: $(MBEDTLS_TESTS:%=$(B)/san/mbedtls-test/%)
-include $(MBEDTLS_TESTS:%=$(B)/san/mbedtls-test/%.d)
