/* A key and a self-signed certificate for a gateway. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mbedtls/ecp.h>
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>

#include "../../check.h"
#include "../../build_features.h"
#include "../tls_common.h"
#include "internal.h"

#if ADIT_HAS_GATEWAY
#define DAY_S 86400
#define HOUR_S 3600
#define TEXT_SIZE 4096
/* Six numbers of any size; those of a date make 14 digits. */
#define TIME_SIZE 72
#define P256_SIZE 32
#define POINT_SIZE (1 + 2 * P256_SIZE)

/* A PKCS #8 envelope (RFC 5208) around an ECPrivateKey (RFC 5915) of the curve P-256: everything
 * but the numbers is constant. */
static const uint8_t pkcs8_head[] = {
	0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86,
	0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x03, 0x01, 0x07, 0x04, 0x6d, 0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
};
static const uint8_t pkcs8_middle[] = {0xa1, 0x44, 0x03, 0x42, 0x00};

#define PKCS8_SIZE (sizeof(pkcs8_head) + P256_SIZE + sizeof(pkcs8_middle) + POINT_SIZE)

static int generate_key(mbedtls_pk_context *key)
{
	int error = mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));

	return error != 0 ? error
			  : mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
						tls_random, NULL);
}

static int digest_key(mbedtls_pk_context *key, uint8_t ret_pin[static TLS_DIGEST_SIZE],
		      uint8_t ret_point[static POINT_SIZE])
{
	uint8_t der[256];
	/* It is written to the end of the buffer, and its own end is the point. */
	int size = mbedtls_pk_write_pubkey_der(key, der, sizeof(der));

	if (size < POINT_SIZE)
		return -ENOMEM;
	tls_sha256(der + sizeof(der) - size, (size_t)size, ret_pin);
	memcpy(ret_point, der + sizeof(der) - POINT_SIZE, POINT_SIZE);
	return 0;
}

static int write_key(mbedtls_pk_context *key, const uint8_t point[static POINT_SIZE],
		     char **ret_pem)
{
	uint8_t der[PKCS8_SIZE], text[512];
	uint8_t *at = der;
	size_t size = 0;
	int error;

	memcpy(at, pkcs8_head, sizeof(pkcs8_head));
	at += sizeof(pkcs8_head);
	error = mbedtls_ecp_write_key_ext(mbedtls_pk_ec(*key), &size, at, P256_SIZE);
	if (error == 0 && size != P256_SIZE)
		error = -EINVAL;
	at += P256_SIZE;
	memcpy(at, pkcs8_middle, sizeof(pkcs8_middle));
	memcpy(at + sizeof(pkcs8_middle), point, POINT_SIZE);
	if (error == 0)
		error = mbedtls_pem_write_buffer("-----BEGIN PRIVATE KEY-----\n",
						 "-----END PRIVATE KEY-----\n", der, sizeof(der),
						 text, sizeof(text), &size);
	if (error == 0)
		*ret_pem = strdup((const char *)text);
	mbedtls_platform_zeroize(der, sizeof(der));
	mbedtls_platform_zeroize(text, sizeof(text));
	return error == 0 && *ret_pem != NULL ? 0 : -ENOMEM;
}

/* The library reads names in the notation of RFC 4514, where some characters mean something. */
static void write_name(const char *common_name, char *ret_name, size_t size)
{
	size_t used = (size_t)snprintf(ret_name, size, "CN=");

	for (const char *at = common_name; *at != '\0'; at++) {
		bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			     (*at >= '0' && *at <= '9') || *at == '.' || *at == '-';

		used += (size_t)snprintf(ret_name + used, size - used, plain ? "%c" : "\\%02X",
					 (uint8_t)*at);
	}
	CHECK(used < size);
}

static int set_names(mbedtls_x509write_cert *cert, const char *common_name)
{
	char name[sizeof("CN=") + 3 * TLS_COMMON_NAME_MAX];
	uint8_t address[16];
	size_t address_size = tls_parse_address(common_name, address);
	mbedtls_x509_san_list alternative = {0};
	int error;

	write_name(common_name, name, sizeof(name));
	alternative.node.type = address_size > 0 ? MBEDTLS_X509_SAN_IP_ADDRESS
						 : MBEDTLS_X509_SAN_DNS_NAME;
	alternative.node.san.unstructured_name.p =
		address_size > 0 ? address : (uint8_t *)(uintptr_t)common_name;
	alternative.node.san.unstructured_name.len =
		address_size > 0 ? address_size : strlen(common_name);
	error = mbedtls_x509write_crt_set_subject_name(cert, name);
	if (error == 0)
		error = mbedtls_x509write_crt_set_issuer_name(cert, name);
	if (error == 0)
		error = mbedtls_x509write_crt_set_subject_alternative_name(cert, &alternative);
	return error != 0 ? error : mbedtls_x509write_crt_set_basic_constraints(cert, 1, 0);
}

/* strftime would bring the names of days and the rules of time zones along. */
static void write_time(time_t when_s, char ret_text[static TIME_SIZE])
{
	struct tm parts = {0};

	gmtime_r(&when_s, &parts);
	snprintf(ret_text, TIME_SIZE, "%04d%02d%02d%02d%02d%02d", parts.tm_year + 1900,
		 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

static int set_numbers(mbedtls_x509write_cert *cert, unsigned days)
{
	time_t now_s = time(NULL);
	char from[TIME_SIZE], to[TIME_SIZE];
	uint8_t serial[8];
	int error = tls_random(NULL, serial, sizeof(serial));

	if (error != 0)
		return error;
	/* Positive and not zero. */
	serial[0] &= 0x7f;
	serial[7] |= 1;
	write_time(now_s - HOUR_S, from);
	write_time(now_s + (time_t)days * DAY_S, to);
	error = mbedtls_x509write_crt_set_serial_raw(cert, serial, sizeof(serial));
	return error != 0 ? error : mbedtls_x509write_crt_set_validity(cert, from, to);
}

static int write_certificate(mbedtls_pk_context *key, const char *common_name, unsigned days,
			     char **ret_pem)
{
	mbedtls_x509write_cert cert;
	uint8_t text[TEXT_SIZE];
	int error;

	mbedtls_x509write_crt_init(&cert);
	mbedtls_x509write_crt_set_version(&cert, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&cert, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&cert, key);
	mbedtls_x509write_crt_set_issuer_key(&cert, key);
	error = set_numbers(&cert, days);
	if (error == 0)
		error = set_names(&cert, common_name);
	if (error == 0)
		error = mbedtls_x509write_crt_pem(&cert, text, sizeof(text), tls_random, NULL);
	if (error == 0)
		*ret_pem = strdup((const char *)text);
	mbedtls_x509write_crt_free(&cert);
	return error == 0 && *ret_pem != NULL ? 0 : -ENOMEM;
}

int tls_generate_certificate(const char *common_name, unsigned days, char **ret_cert_pem,
			     char **ret_key_pem, uint8_t ret_pin[static TLS_DIGEST_SIZE])
{
	char *cert_pem = NULL, *key_pem = NULL;
	uint8_t point[POINT_SIZE];
	mbedtls_pk_context key;
	int error = -ENOMEM;

	if (!tls_check_subject(common_name, days))
		return -EINVAL;
	mbedtls_pk_init(&key);
	if (generate_key(&key) == 0)
		error = digest_key(&key, ret_pin, point);
	if (error == 0)
		error = write_certificate(&key, common_name, days, &cert_pem);
	if (error == 0)
		error = write_key(&key, point, &key_pem);
	mbedtls_pk_free(&key);
	if (error != 0) {
		free(cert_pem);
		return error;
	}
	*ret_cert_pem = cert_pem;
	*ret_key_pem = key_pem;
	return 0;
}
#endif
