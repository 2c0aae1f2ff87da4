#include "tls_common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#if defined(__aarch64__) || defined(__arm__)
#include <sys/auxv.h>
#endif

/* RFC 8446 section 5.5 allows 2^24.5 records. */
#define GCM_RECORDS_MAX (UINT64_C(1) << 24)

static int pretended_aes = -1;
static uint64_t gcm_records_max = GCM_RECORDS_MAX;

int tls_check_client_config(const struct tls_client_config *config, char *ret_text)
{
	bool named = config->server_name != NULL && config->server_name[0] != '\0';

	if (config->pin_count > TLS_PINS_MAX) {
		snprintf(ret_text, TLS_TEXT_MAX, "%zu pins, at most %d", config->pin_count,
			 TLS_PINS_MAX);
		return -EINVAL;
	}
	if (config->pin_count == 0 &&
	    (config->ca_file == NULL || config->ca_file[0] == '\0' || !named)) {
		snprintf(ret_text, TLS_TEXT_MAX,
			 "without pins a ca_file and a server_name are needed");
		return -EINVAL;
	}
	return 0;
}

bool tls_check_subject(const char *common_name, unsigned days)
{
	size_t size = strlen(common_name);

	return size > 0 && size <= TLS_COMMON_NAME_MAX && days > 0 && days <= TLS_DAYS_MAX;
}

int64_t tls_judging_time(int64_t now_s)
{
	return now_s > ADIT_BUILD_TIME_S ? now_s : ADIT_BUILD_TIME_S;
}

bool tls_clock_is_unset(int64_t now_s)
{
	return now_s < ADIT_BUILD_TIME_S;
}

size_t tls_parse_address(const char *name, uint8_t ret_address[static 16])
{
	if (inet_pton(AF_INET, name, ret_address) == 1)
		return 4;
	return inet_pton(AF_INET6, name, ret_address) == 1 ? 16 : 0;
}

static bool processor_has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_cpu_supports("aes");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & (1UL << 3)) != 0;
#elif defined(__arm__)
	return (getauxval(AT_HWCAP2) & (1UL << 0)) != 0;
#else
	return false;
#endif
}

bool tls_has_aes(void)
{
	return pretended_aes >= 0 ? pretended_aes == 1 : processor_has_aes();
}

void tls_pretend_aes(int answer)
{
	pretended_aes = answer;
}

bool tls_key_lasts(bool is_gcm, uint64_t records, uint64_t more)
{
	return !is_gcm || records + more <= gcm_records_max;
}

void tls_pretend_wear(uint64_t records_max)
{
	gcm_records_max = records_max != 0 ? records_max : GCM_RECORDS_MAX;
}

size_t tls_pipe_take(struct tls_pipe *pipe, void *ret_data, size_t size)
{
	size_t take = size < pipe->in_size ? size : pipe->in_size;

	if (take == 0)
		return 0;
	memcpy(ret_data, pipe->in, take);
	pipe->in += take;
	pipe->in_size -= take;
	return take;
}

bool tls_pipe_add(struct tls_pipe *pipe, const void *data, size_t size)
{
	struct tls_buffer *out = pipe->out;

	if (out == NULL || out->capacity - out->size < size)
		return false;
	memcpy(out->data + out->size, data, size);
	out->size += size;
	return true;
}

int tls_fail(struct tls *tls, enum tls_failure failure, const char *text)
{
	struct tls_pipe *pipe = (struct tls_pipe *)tls;

	pipe->failure = failure;
	snprintf(pipe->text, sizeof(pipe->text), "%s", text);
	return -EPROTO;
}

void tls_feed(struct tls *tls, const uint8_t *data, size_t size)
{
	struct tls_pipe *pipe = (struct tls_pipe *)tls;

	pipe->in = data;
	pipe->in_size = size;
}

size_t tls_unread(const struct tls *tls)
{
	return ((const struct tls_pipe *)tls)->in_size;
}

enum tls_failure tls_failure(const struct tls *tls)
{
	return ((const struct tls_pipe *)tls)->failure;
}

const char *tls_failure_text(const struct tls *tls)
{
	return ((const struct tls_pipe *)tls)->text;
}

const char *tls_failure_word(enum tls_failure failure)
{
	static const char *const words[] = {"tls", "tls", "pin", "certificate", "alpn", "flood"};

	return words[failure];
}

size_t tls_sealed_size_max(size_t size)
{
	return size + (size / TLS_RECORD_PLAIN_MAX + 1) * TLS_RECORD_OVERHEAD;
}
