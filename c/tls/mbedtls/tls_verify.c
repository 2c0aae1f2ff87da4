/* Who the peer is: pins, names and dates. */
#include <string.h>
#include <time.h>

#include <mbedtls/asn1.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/error.h>

#include "../../check.h"
#include "internal.h"

#define DATE_FLAGS (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE)

/* The handshake itself proves that the peer holds the key, so a known key needs no name, no issuer
 * and no date. */
static int verify_pin(struct tls *tls, const mbedtls_x509_crt *cert, uint32_t *flags)
{
	const struct tls_context *context = tls->context;
	uint8_t digest[TLS_DIGEST_SIZE];

	*flags = 0;
	tls_sha256(cert->pk_raw.p, cert->pk_raw.len, digest);
	for (size_t i = 0; i < context->pin_count; i++) {
		if (mbedtls_ct_memcmp(digest, context->pins[i], TLS_DIGEST_SIZE) == 0)
			tls->pinned = true;
	}
	if (tls->pinned)
		return 0;
	tls->pipe.failure = TLS_FAILURE_PIN;
	return MBEDTLS_ERR_X509_FATAL_ERROR;
}

/* Negative, zero or positive as `a` is before, at or after `b`. */
static int compare_times(const mbedtls_x509_time *a, const mbedtls_x509_time *b)
{
	const int pairs[][2] = {
		{a->year, b->year}, {a->mon, b->mon}, {a->day, b->day},
		{a->hour, b->hour}, {a->min, b->min}, {a->sec, b->sec},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (pairs[i][0] != pairs[i][1])
			return pairs[i][0] - pairs[i][1];
	}
	return 0;
}

/* A clock that was never set cannot tell that a certificate is not valid yet; a chain issued after
 * this program was built must not lock its router out. */
static uint32_t judge_dates(const struct tls_context *context, const mbedtls_x509_crt *cert)
{
	time_t now_s = (time_t)context->judging_time_s;
	struct tm parts;
	mbedtls_x509_time now;

	if (gmtime_r(&now_s, &parts) == NULL)
		return DATE_FLAGS;
	now = (mbedtls_x509_time){.year = parts.tm_year + 1900,
				  .mon = parts.tm_mon + 1,
				  .day = parts.tm_mday,
				  .hour = parts.tm_hour,
				  .min = parts.tm_min,
				  .sec = parts.tm_sec};
	if (compare_times(&cert->valid_to, &now) < 0)
		return MBEDTLS_X509_BADCERT_EXPIRED;
	if (compare_times(&cert->valid_from, &now) > 0 && !context->clock_unset)
		return MBEDTLS_X509_BADCERT_FUTURE;
	return 0;
}

/* An address has to stand among the alternative names as an address; no name in the subject will
 * do in its place (RFC 2818 section 3.1). */
static bool names_address(const struct tls_context *context, const mbedtls_x509_crt *cert)
{
	const mbedtls_x509_sequence *name = &cert->subject_alt_names;

	for (; name != NULL; name = name->next) {
		if ((name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) == MBEDTLS_X509_SAN_IP_ADDRESS &&
		    name->buf.len == context->address_size &&
		    memcmp(name->buf.p, context->address, name->buf.len) == 0)
			return true;
	}
	return false;
}

static bool is_self_issued(const mbedtls_x509_crt *cert)
{
	return cert->subject_raw.len == cert->issuer_raw.len &&
	       memcmp(cert->subject_raw.p, cert->issuer_raw.p, cert->subject_raw.len) == 0;
}

int tls_verify(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
	struct tls *tls = arg;
	const struct tls_context *context = tls->context;

	if (context->pin_count > 0)
		return depth == 0 ? verify_pin(tls, cert, flags) : 0;
	*flags = (*flags & ~(uint32_t)DATE_FLAGS) | judge_dates(context, cert);
	/* A chain ends in a root, not in just any certificate of the file. */
	if (!tls->chain_begun && !is_self_issued(cert))
		*flags |= MBEDTLS_X509_BADCERT_NOT_TRUSTED;
	tls->chain_begun = true;
	if (depth == 0 && context->address_size != 0 && !names_address(context, cert))
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	return 0;
}

const char *tls_verify_text(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *text;
	} rows[] = {
		{MBEDTLS_X509_BADCERT_EXPIRED, "certificate has expired"},
		{MBEDTLS_X509_BADCERT_FUTURE, "certificate is not yet valid"},
		{MBEDTLS_X509_BADCERT_CN_MISMATCH, "certificate names somebody else"},
		{MBEDTLS_X509_BADCERT_NOT_TRUSTED, "no known issuer has signed the certificate"},
		{MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
			 MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
		 "certificate is not for a TLS server"},
		{MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
			 MBEDTLS_X509_BADCERT_BAD_KEY,
		 "certificate has a digest or key that is too weak"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if ((flags & rows[i].flag) != 0)
			return rows[i].text;
	}
	return "certificate does not verify";
}
