/* TLS 1.3 as the tunnel needs it: bytes in, bytes out, through memory. The header names no library;
 * each has a folder beside it. Nothing here touches a socket or a clock of its own.
 *
 * Both sides insist on ALPN `adit/1` (or `adit/1k`). There are no session tickets, no early data
 * and no renegotiation: each connection proves the server's key anew. A key of AES-GCM is replaced
 * before it wears out, if both ends can do that; if not, the connection fails then. */
#ifndef ADIT_TLS_H
#define ADIT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_ALPN "adit/1"
/* The same protocol between two ends that can replace a worn key in a connection. */
#define TLS_ALPN_UPDATES "adit/1k"
#define TLS_DIGEST_SIZE 32
#define TLS_PINS_MAX 8
/* Largest plaintext of one record (RFC 8446 section 5.1). */
#define TLS_RECORD_PLAIN_MAX 16384
/* What sending that much may add at most: header, content type and tag, and with a library that
 * pads records, the padding, and another record for the bytes that had to make room for it. */
#define TLS_RECORD_OVERHEAD (2 * (22 + 15))
/* Room in an output buffer that any call but tls_push may need: a certificate flight, an alert. */
#define TLS_OUTPUT_ROOM 16384
#define TLS_TEXT_MAX 200

struct tls_context;
struct tls;

/* Why a connection failed; tls_failure_word gives the word that session_state carries. */
enum tls_failure {
	TLS_FAILURE_NONE,
	TLS_FAILURE_TLS,	 /* malformed or unacceptable TLS, or the peer's alert */
	TLS_FAILURE_PIN,	 /* the server's key is none of the pins */
	TLS_FAILURE_CERTIFICATE, /* the certificate does not verify or names somebody else */
	TLS_FAILURE_ALPN,	 /* the peer does not speak adit/1 */
	TLS_FAILURE_FLOOD,	 /* the peer asked for more answers than the output buffer holds */
};

/* Ciphertext on its way out: the caller's memory, appended to by the calls below. */
struct tls_buffer {
	uint8_t *data;
	size_t size;	 /* bytes that are there */
	size_t capacity; /* bytes that fit */
};

struct tls_client_config {
	/* SHA-256 of the acceptable SubjectPublicKeyInfo (RFC 7469 section 2.4); if there is any,
	 * names, chains and dates do not matter and `ca_file` is not read. */
	const uint8_t (*pins)[TLS_DIGEST_SIZE];
	size_t pin_count;    /* at most TLS_PINS_MAX */
	const char *ca_file; /* PEM bundle; needed without pins */
	const char
		*server_name; /* host name or address to verify, and for SNI; needed without pins */
	/* Seconds since 1970 as the system believes; a clock before the build's own date counts as
	 * the build's date, and "not valid yet" is no failure then. Only matters without pins. */
	int64_t now_s;
};

/* 0 or -errno: -EINVAL for a contradictory configuration, -ENOENT or what opening gave for files,
 * -EBADMSG for a file that is not PEM of the right kind. `ret_text` gets a sentence on failure.
 * The context is owned by the caller; connections made from it keep what they need of it. */
int tls_client_context_new(const struct tls_client_config *config, struct tls_context **ret_context,
			   char ret_text[static TLS_TEXT_MAX]);
int tls_server_context_new(const char *cert_file, const char *key_file,
			   struct tls_context **ret_context, char ret_text[static TLS_TEXT_MAX]);
/* Another owner, who frees it as well; returns `context`. */
struct tls_context *tls_context_share(struct tls_context *context);
void tls_context_free(struct tls_context *context);

/* One connection. 0 or -ENOMEM. Owned by the caller. */
int tls_new(struct tls_context *context, struct tls **ret_tls);
void tls_free(struct tls *tls);

/* Lends `size` bytes of ciphertext from the peer, until tls_unread says that none is left or
 * the next tls_feed. Bytes of an earlier loan that were not used are the caller's to give again. */
void tls_feed(struct tls *tls, const uint8_t *data, size_t size);
/* Bytes of the loan that were not used yet. */
size_t tls_unread(const struct tls *tls);

/* Advances the handshake. 1 when it is complete, 0 when it needs more from the peer, -EPROTO when
 * it failed for good. Output is to be sent in each case. Needs TLS_OUTPUT_ROOM of free output. */
int tls_handshake(struct tls *tls, struct tls_buffer *out);

/* Decrypts up to `capacity` bytes. Returns their number, 0 when the loan is used up, -EPIPE when
 * the peer ended the stream in order, -EPROTO when the stream is broken. */
int tls_pull(struct tls *tls, uint8_t *ret_plain, size_t capacity, struct tls_buffer *out);

/* Encrypts all of `plain` in records as large as possible. 0, -ENOBUFS when the output has less
 * room than tls_sealed_size_max, or -EPROTO. */
int tls_push(struct tls *tls, const uint8_t *plain, size_t size, struct tls_buffer *out);
/* Bytes of output that `size` bytes of plaintext may need. */
size_t tls_sealed_size_max(size_t size);

/* Appends a close_notify; failure to do so is not worth telling. */
void tls_finish(struct tls *tls, struct tls_buffer *out);

/* The failure of the last call that returned -EPROTO and a sentence about it, borrowed. */
enum tls_failure tls_failure(const struct tls *tls);
const char *tls_failure_text(const struct tls *tls);
/* "tls", "pin", "certificate", "alpn" or "flood". */
const char *tls_failure_word(enum tls_failure failure);
/* Name of the negotiated cipher suite, "" before the handshake. Borrowed. */
const char *tls_cipher(const struct tls *tls);

void tls_sha256(const void *data, size_t size, uint8_t ret_digest[static TLS_DIGEST_SIZE]);

/* True if `signature` is that of `data` by `key` as the library sees it (RFC 8032 section 5.1.7).
 * For ed25519_verify, which is stricter about what a key and a signature may be. */
bool tls_ed25519(const uint8_t key[static 32], const uint8_t signature[static 64], const void *data,
		 size_t size);

/* Makes a P-256 key and a self-signed certificate for `common_name` (1 to 64 bytes, also its DNS
 * name or address) valid for `days` (1 to 36,500) from an hour ago. The texts are PEM,
 * NUL-terminated, to be freed with free(); the pin is of the key. 0 or -errno. */
int tls_generate_certificate(const char *common_name, unsigned days, char **ret_cert_pem,
			     char **ret_key_pem, uint8_t ret_pin[static TLS_DIGEST_SIZE]);

#endif
