/* Any bytes as what ubusd sends: nothing is read beyond them, what can be said as JSON comes back
 * from it the same, and what is refused as JSON is refused in every form. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "sys/blob_json.h"
#include "sys/ubus.h"

#define MOST (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* JSON of attributes, made to attributes and JSON again. */
static void check_attributes(const uint8_t *attrs, size_t size)
{
	struct blob_writer json = { .most = MOST }, again = { .most = MOST },
			   written = { .most = MOST };

	if (blob_to_json(attrs, size, &json) == 0) {
		CHECK(blob_from_json(json.data, json.size, &written) == 0);
		CHECK(blob_to_json(written.data, written.size, &again) == 0);
		CHECK(again.size == json.size && memcmp(again.data, json.data, json.size) == 0);
	}
	blob_free(&json);
	blob_free(&written);
	blob_free(&again);
}

static void check_text(const uint8_t *text, size_t size)
{
	struct blob_writer attrs = { .most = MOST }, json = { .most = MOST };

	if (blob_from_json(text, size, &attrs) == 0) {
		CHECK(attrs.size % 4 == 0);
		CHECK(blob_to_json(attrs.data, attrs.size, &json) == 0);
	}
	blob_free(&attrs);
	blob_free(&json);
}

static void check_message(const uint8_t *bytes, size_t size)
{
	struct ubus_message message;
	int whole = ubus_message_size(bytes, size);

	CHECK(whole <= UBUS_MESSAGE_BYTES_MAX);
	if (whole <= 0 || (size_t)whole > size)
		return;
	if (ubus_message_read(bytes, (size_t)whole, &message) < 0)
		return;
	CHECK(!message.method || strlen(message.method) < size);
	if (message.data)
		check_attributes(message.data, message.data_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of exactly this size, at an odd address. */
	uint8_t *copy = malloc(size + 1);

	CHECK(copy != NULL);
	memcpy(copy + 1, data, size);
	check_message(copy + 1, size);
	check_attributes(copy + 1, size);
	check_text(copy + 1, size);
	free(copy);
	return 0;
}
