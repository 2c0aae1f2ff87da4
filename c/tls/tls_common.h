/* What the TLS back ends decide alike: which configurations make sense, which hour certificates
 * are judged by, which cipher suite comes first, and how long a key may be used. */
#ifndef ADIT_TLS_COMMON_H
#define ADIT_TLS_COMMON_H

#include "tls.h"

/* The certificate dates of a router whose clock was never set are judged by this date. The build
 * may give the date of its sources. */
#ifndef ADIT_BUILD_TIME_S
#define ADIT_BUILD_TIME_S 1795219200 /* 2026-11-21 */
#endif

#define TLS_COMMON_NAME_MAX 64
#define TLS_WORN_TEXT "the connection's key is used up"
#define TLS_DAYS_MAX 36500

/* What `struct tls` begins with in every back end: bytes on their way through memory, and why the
 * connection failed. */
struct tls_pipe {
	const uint8_t *in;
	size_t in_size;
	struct tls_buffer *out; /* only while a call runs */
	enum tls_failure failure;
	char text[TLS_TEXT_MAX];
};

/* For the file of a back end that defines both, and stands for the casts between them. */
#define TLS_PIPE_IS_FIRST _Static_assert(offsetof(struct tls, pipe) == 0, "pipe is not first")

/* Takes at most `size` bytes of what was fed: how many, 0 if nothing is left. */
size_t tls_pipe_take(struct tls_pipe *pipe, void *ret_data, size_t size);
/* Appends to the caller's buffer: all, or nothing if there is no room. */
bool tls_pipe_add(struct tls_pipe *pipe, const void *data, size_t size);
/* Keeps the reason and returns -EPROTO. */
int tls_fail(struct tls *tls, enum tls_failure failure, const char *text);

/* 0, or -EINVAL and a sentence. */
int tls_check_client_config(const struct tls_client_config *config, char *ret_text);
/* Whether tls_generate_certificate may be asked for this. */
bool tls_check_subject(const char *common_name, unsigned days);

/* The hour by which certificates are judged, and whether the system's clock cannot be right: then
 * a certificate may well be issued later than this program was built. */
int64_t tls_judging_time(int64_t now_s);
bool tls_clock_is_unset(int64_t now_s);

/* An IPv4 or IPv6 address in text form: its size in bytes, else 0. */
size_t tls_parse_address(const char *name, uint8_t ret_address[static 16]);

/* Whether the processor has instructions for AES. Without them ChaCha20-Poly1305 is several times
 * faster, and constant in time. */
bool tls_has_aes(void);
/* For tests: 1 and 0 answer for the processor, -1 lets it answer. */
void tls_pretend_aes(int answer);

/* Whether `more` records may be sealed with a key that has sealed `records`: AES-GCM wears out (RFC
 * 8446 section 5.5), ChaCha20-Poly1305 never does in the life of a connection. */
bool tls_key_lasts(bool is_gcm, uint64_t records, uint64_t more);
/* For tests: a key of AES-GCM lasts for so many records; 0 is what the specification allows. */
void tls_pretend_wear(uint64_t records_max);

#endif
