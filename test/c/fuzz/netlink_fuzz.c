/* A datagram from the kernel, read as objects, as connection tracking entries and as errors. */
#include <stdlib.h>

#include "check.h"
#include "sys/ct.h"
#include "sys/nl_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_object(const struct nl_message *message)
{
	struct nl_object object;
	uint8_t encoded[1024];
	int result = nl_route_parse(message, &object);

	CHECK(result <= 1);
	if (result == 1)
		CHECK(nl_object_encode(&object, encoded, sizeof(encoded)) > 0);
}

static void parse_connection(const struct nl_message *message)
{
	static const struct flow_row rows[] = { { { { 4, { 0 } }, 0 }, UINT16_MAX },
						{ { { 6, { 0 } }, 0 }, UINT16_MAX } };
	static struct flow_law *nowhere;
	uint8_t request[CT_DELETE_BYTES_MAX] __attribute__((aligned(4)));
	size_t length = 0;

	if (!nowhere) {
		struct flow_law law = { .rows = rows, .row_count = 2 };

		CHECK(flow_law_new(&law, &nowhere) == 0);
	}
	if (ct_match(message, nowhere, request, &length) > 0)
		CHECK(length > 0 && length <= sizeof(request));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Of exactly the input's size, so that a byte beyond it is noticed. */
	uint8_t *copy = malloc(size ? size : 1);
	struct nl_cursor cursor = { copy, size };
	struct nl_message message;
	char text[32];

	for (size_t i = 0; i < size; i++)
		copy[i] = data[i];
	while (nl_next(&cursor, &message) > 0) {
		parse_object(&message);
		parse_connection(&message);
		CHECK(nl_error(&message, text, sizeof(text)) <= 0);
	}
	free(copy);
	return 0;
}
