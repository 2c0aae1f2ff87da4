/* The C codec of the contract, and its agreement with the TypeScript one, which wrote
 * test/golden/contract.hex (test/unit/contract.test.ts). */
#include <errno.h>
#include <stdlib.h>

#include "contract.gen.h"
#include "test.h"

#define LINE_MAX 8192
#define GOLDEN "test/golden/contract.hex"

static size_t hex_decode(const char *text, uint8_t *ret_bytes)
{
	size_t size = 0;
	unsigned int byte;

	for (; sscanf(text, "%2x", &byte) == 1; text += 2)
		ret_bytes[size++] = (uint8_t)byte;
	return size;
}

static const struct codec_shape *shape_of(uint16_t id)
{
	for (int i = 0; i < MSG_COUNT; i++) {
		if (msg_shapes[i].id == id)
			return &msg_shapes[i];
	}
	return NULL;
}

/* Decodes from and encodes into memory of exactly the right size, so that the sanitizer sees any
 * step beyond it; every smaller size has to be refused. */
static void check_sizes(const struct codec_shape *shape, const uint8_t *bytes, size_t size,
			uint32_t seq)
{
	void *message = malloc(shape->size);
	void *partial = malloc(shape->size);

	EXPECT_EQUAL(codec_decode(shape, bytes + CODEC_HEADER_BYTES, size - CODEC_HEADER_BYTES,
				  message), 0);
	for (size_t i = 0; i <= size; i++) {
		uint8_t *exact = malloc(i + 1);
		int r = codec_encode(shape, message, seq, exact, i);

		EXPECT_EQUAL(r, i < size ? -EMSGSIZE : (int)size);
		if (i == size)
			EXPECT(memcmp(exact, bytes, size) == 0);
		free(exact);
	}
	for (size_t i = 0; i < size - CODEC_HEADER_BYTES; i++) {
		uint8_t *exact = malloc(i + 1);

		memcpy(exact, bytes + CODEC_HEADER_BYTES, i);
		EXPECT_EQUAL(codec_decode(shape, exact, i, partial), -EBADMSG);
		free(exact);
	}
	codec_clear(shape, message);
	free(partial);
	free(message);
}

static void golden_messages_agree(void)
{
	static char line[LINE_MAX];
	static uint8_t bytes[LINE_MAX];
	FILE *file = fopen(GOLDEN, "r");
	bool seen[MSG_COUNT] = { false };

	EXPECT(file != NULL);
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		char *space = strchr(line, ' ');
		const struct codec_shape *shape;
		struct msg_header header;
		size_t size;

		if (line[0] == '#' || space == NULL)
			continue;
		*space = '\0';
		size = hex_decode(space + 1, bytes);
		EXPECT_EQUAL(msg_header_decode(bytes, size, &header), 0);
		EXPECT_TEXT(msg_name(header.id), line);
		shape = shape_of(header.id);
		check_sizes(shape, bytes, size, header.seq);
		seen[shape - msg_shapes] = true;
	}
	for (int i = 0; i < MSG_COUNT; i++)
		EXPECT(seen[i]);
	if (file != NULL)
		fclose(file);
}

static void headers_are_checked(void)
{
	uint8_t bytes[] = { MSG_PING, 0, 0, 0, 4, 3, 2, 1 };
	struct msg_header header;

	EXPECT_EQUAL(msg_header_decode(bytes, sizeof(bytes), &header), 0);
	EXPECT_EQUAL(header.id, MSG_PING);
	EXPECT_EQUAL(header.seq, 0x01020304);
	EXPECT_EQUAL(msg_header_decode(bytes, sizeof(bytes) - 1, &header), -EBADMSG);
	bytes[2] = 1;
	EXPECT_EQUAL(msg_header_decode(bytes, sizeof(bytes), &header), -EBADMSG);
	bytes[2] = 0;
	bytes[1] = 1;
	EXPECT_EQUAL(msg_header_decode(bytes, sizeof(bytes), &header), -EBADMSG);
	EXPECT_TEXT(msg_name(MSG_FORWARD_SET), "forward_set");
	EXPECT_TEXT(msg_name(0xffff), "unknown");
	EXPECT(msg_from_decider(MSG_FORWARD_SET));
	EXPECT(!msg_from_decider(MSG_PING));
	EXPECT(!msg_from_decider(0xffff));
}

static void strings_are_bounded_text(void)
{
	struct msg_log message = { .level = 6 };
	struct msg_log decoded;
	uint8_t buf[CODEC_HEADER_BYTES + 3 + MSG_LOG_TEXT_MAX];
	int size;

	memset(message.text, 'x', sizeof(message.text)); /* no NUL in sight */
	size = msg_log_encode(&message, 0, buf, sizeof(buf));
	EXPECT_EQUAL(size, sizeof(buf));
	EXPECT_EQUAL(msg_log_decode(buf + CODEC_HEADER_BYTES, (size_t)size - CODEC_HEADER_BYTES,
				    &decoded), 0);
	EXPECT_EQUAL(strlen(decoded.text), MSG_LOG_TEXT_MAX);
	snprintf(message.text, sizeof(message.text), "a\xff" "b\xe2\x82\xac\xc3");
	size = msg_log_encode(&message, 0, buf, sizeof(buf));
	EXPECT_EQUAL(msg_log_decode(buf + CODEC_HEADER_BYTES, (size_t)size - CODEC_HEADER_BYTES,
				    &decoded), 0);
	EXPECT_TEXT(decoded.text, "a?b\xe2\x82\xac?");
	buf[CODEC_HEADER_BYTES + 3] = 0xff;
	EXPECT_EQUAL(msg_log_decode(buf + CODEC_HEADER_BYTES, (size_t)size - CODEC_HEADER_BYTES,
				    &decoded), -EBADMSG);
	EXPECT_TEXT(decoded.text, "");
	buf[CODEC_HEADER_BYTES + 3] = 0;
	EXPECT_EQUAL(msg_log_decode(buf + CODEC_HEADER_BYTES, (size_t)size - CODEC_HEADER_BYTES,
				    &decoded), -EBADMSG);
}

static void addresses_are_checked(void)
{
	struct msg_address_set message = { .prefix = { { 4, { 10 } }, 8 } };
	uint8_t buf[64];
	int size = msg_address_set_encode(&message, 1, buf, sizeof(buf));
	struct msg_address_set decoded;
	uint8_t *prefix = buf + CODEC_HEADER_BYTES + 3; /* behind a flag and an empty name */

	EXPECT_EQUAL(size, CODEC_HEADER_BYTES + 9);
	EXPECT_EQUAL(msg_address_set_decode(buf + CODEC_HEADER_BYTES, 9, &decoded), 0);
	EXPECT_EQUAL(decoded.prefix.length, 8);
	prefix[5] = 33;
	EXPECT_EQUAL(msg_address_set_decode(buf + CODEC_HEADER_BYTES, 9, &decoded), -EBADMSG);
	prefix[0] = 5;
	EXPECT_EQUAL(msg_address_set_decode(buf + CODEC_HEADER_BYTES, 9, &decoded), -EBADMSG);
	message.prefix.length = 33;
	EXPECT_EQUAL(msg_address_set_encode(&message, 1, buf, sizeof(buf)), -EINVAL);
	message.prefix.ip.family = 7;
	EXPECT_EQUAL(msg_address_set_encode(&message, 1, buf, sizeof(buf)), -EINVAL);
}

static void lists_and_bytes_are_bounded(void)
{
	static struct msg_forward_entry entries[MSG_FORWARD_SET_ENTRIES_MAX];
	static uint8_t buf[MSG_BYTES_MAX];
	static const uint8_t unbacked[] = { 0, 0, 0x00, 0x08, 4, 10, 0, 0, 1, 32, 1, 0, 0, 0 };
	struct msg_forward_set message = { .entries_count = MSG_FORWARD_SET_ENTRIES_MAX,
					   .entries = entries };
	struct msg_session_send send = { .data = { buf, MSG_SESSION_SEND_DATA_MAX + 1 } };
	struct msg_forward_set decoded;
	int size = msg_forward_set_encode(&message, 1, buf, sizeof(buf));

	EXPECT(size > 0);
	EXPECT_EQUAL(msg_forward_set_decode(buf + CODEC_HEADER_BYTES,
					    (size_t)size - CODEC_HEADER_BYTES, &decoded), 0);
	EXPECT_EQUAL(decoded.entries_count, MSG_FORWARD_SET_ENTRIES_MAX);
	msg_forward_set_clear(&decoded);
	EXPECT(decoded.entries == NULL && decoded.entries_count == 0);
	msg_forward_set_clear(&decoded);
	message.entries_count++;
	EXPECT_EQUAL(msg_forward_set_encode(&message, 1, buf, sizeof(buf)), -EMSGSIZE);
	EXPECT_EQUAL(msg_forward_set_decode(unbacked, sizeof(unbacked), &decoded), -EBADMSG);
	EXPECT_EQUAL(msg_session_send_encode(&send, 1, buf, sizeof(buf)), -EMSGSIZE);
}

int main(void)
{
	golden_messages_agree();
	headers_are_checked();
	strings_are_bounded_text();
	addresses_are_checked();
	lists_and_bytes_are_bounded();
	return test_summary();
}
