/* Any bytes as a contract message: refused, or the only encoding of what they decode to. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "contract.gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(const struct codec_shape *shape, const struct msg_header *header,
			  const uint8_t *data, size_t size)
{
	static uint8_t buf[MSG_BYTES_MAX];
	void *message = malloc(shape->size);
	int r = codec_decode(shape, data + CODEC_HEADER_BYTES, size - CODEC_HEADER_BYTES, message);

	if (r == 0) {
		CHECK(codec_encode(shape, message, header->seq, buf, sizeof(buf)) == (int)size);
		CHECK(memcmp(buf, data, size) == 0);
	}
	codec_clear(shape, message);
	free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct msg_header header;

	if (msg_header_decode(data, size, &header) < 0)
		return 0;
	for (int i = 0; i < MSG_COUNT; i++) {
		if (msg_shapes[i].id == header.id)
			check_message(&msg_shapes[i], &header, data, size);
	}
	return 0;
}
