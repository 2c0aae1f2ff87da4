/* blobmsg against what libubox writes, and against what nobody should write. */
#include <errno.h>
#include <stdlib.h>

#include "sys/blob_json.h"
#include "test.h"

#define GOLDEN "test/golden/ubus/blobmsg.txt"
#define LINE_BYTES_MAX 4096
#define MOST (1 << 16)

static size_t from_hex(const char *hex, uint8_t *ret_bytes, size_t size)
{
	size_t count = 0;
	unsigned int byte;

	for (; count < size && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		ret_bytes[count++] = (uint8_t)byte;
	return count;
}

/* "" if the text is refused. */
static const char *encoded(const char *json)
{
	static char hex[2 * MOST + 1];
	struct blob_writer attrs = { .most = MOST };
	int error = blob_from_json((const uint8_t *)json, strlen(json), &attrs);

	hex[0] = '\0';
	for (size_t i = 0; !error && i < attrs.size; i++)
		sprintf(hex + 2 * i, "%02x", attrs.data[i]);
	blob_free(&attrs);
	return error ? "refused" : hex;
}

static const char *decoded(const char *hex)
{
	static char text[MOST + 1];
	struct blob_writer json = { .most = MOST };
	uint8_t *bytes = malloc(strlen(hex) + 1);
	size_t size = from_hex(hex, bytes, strlen(hex) / 2);
	/* Of exactly this size, and at an odd address. */
	uint8_t *copy = malloc(size + 1);
	int error;

	memcpy(copy + 1, bytes, size);
	error = blob_to_json(copy + 1, size, &json);
	snprintf(text, sizeof(text), "%.*s", (int)json.size, (const char *)json.data);
	blob_free(&json);
	free(copy);
	free(bytes);
	return error ? "refused" : text;
}

static void the_bytes_are_those_of_libubox(void)
{
	static char line[LINE_BYTES_MAX];
	FILE *file = fopen(GOLDEN, "r");
	int lines = 0;

	EXPECT(file != NULL);
	while (file && fgets(line, sizeof(line), file)) {
		char *hex = strchr(line, '\t');

		EXPECT(hex != NULL);
		*hex++ = '\0';
		hex[strcspn(hex, "\n")] = '\0';
		EXPECT_TEXT(encoded(line), hex);
		EXPECT_TEXT(encoded(decoded(hex)), hex);
		lines++;
	}
	EXPECT(lines > 10);
	if (file)
		fclose(file);
}

static void texts_come_back_as_they_were(void)
{
	static const char *const texts[] = {
		"{}",
		"{\"a\":[1,-2,true,false,null,\"x\"],\"b\":{\"c\":[]}}",
		"{\"n\":9223372036854775807,\"m\":-9223372036854775808,\"h\":0.5}",
		"{\"\xc3\xb6\":\"\xf0\x9d\x84\x9e\"}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		EXPECT_TEXT(decoded(encoded(texts[i])), texts[i]);
	EXPECT_TEXT(decoded(encoded("{ \"a\" : \"\\n\\u00e4\\/\\\"\\\\\" }\n")),
		    "{\"a\":\"\\u000a\xc3\xa4/\\\"\\\\\"}");
	EXPECT_TEXT(decoded(encoded("{\"a\":\"\\ud834\\udd1e\"}")), "{\"a\":\"\xf0\x9d\x84\x9e\"}");
	EXPECT_TEXT(decoded(encoded("{\"a\":\"\\u0000\\ud800x\\udc00\\ud800\\u0041\"}")),
		    "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\x41\"}");
	EXPECT_TEXT(decoded(encoded("{\"a\":9223372036854775808}")),
		    "{\"a\":9.2233720368547758e+18}");
}

static void what_is_no_json_object_is_refused(void)
{
	static const char *const texts[] = {
		"", "[]", "1", "{", "{}x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
		"{\"a\":01}",
		"{\"a\":1.}", "{\"a\":.5}", "{\"a\":-}", "{\"a\":1e}", "{\"a\":tru}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\ud834\\u12\"}", "{\"a\":\"",
		"{\"a\":\"\xff\"}", "{\"a\":[1 2]}", "{\"a\":[}", "{,}", "{\"a\":+1}",
		"{\"a\":NaN}",
		"{\"a\":\"\\", "{\"a\":1e999}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		EXPECT_TEXT(encoded(texts[i]), "refused");
}

static void malformed_attributes_are_refused(void)
{
	static const char *const bytes[] = {
		"85", /* less than a header */
		"8500000300000000", /* shorter than its header */
		"8500001000016100", /* longer than what there is */
		"8500000b0001610000000000", /* three bytes of a number */
		"0500000800000001", /* a member of a table without a name */
		"85000007000161", /* a name without its end */
		"8500000c0005610000000001", /* a name beyond the value */
		"8500000c0001616200000001", /* a name without NUL */
		"8500000e0003610061000000000000010000", /* a NUL within a name */
		"8300000b0001610061626300", /* a text without NUL */
		"8300000d000161006100620000000000", /* a NUL within a text */
		"830000080001610061", /* bytes behind */
		"8300000a00016100ff000000", /* no UTF-8 */
		"880000100001610" "07ff0000000000000", /* infinity */
		"8900000c0001610000000001", /* a type that nobody knows */
		"8700000e00016100010000000000000000", /* two bytes of a truth */
	};

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		EXPECT_TEXT(decoded(bytes[i]), "refused");
}

/* An object in an object in an object ... */
static void nesting_is_bounded(void)
{
	char text[8 * BLOB_JSON_DEPTH_MAX] = "";

	for (int depth = 1; depth < BLOB_JSON_DEPTH_MAX; depth++)
		strncat(text, "{\"a\":", sizeof(text) - strlen(text) - 1);
	strncat(text, "{", sizeof(text) - strlen(text) - 1);
	for (int depth = 1; depth <= BLOB_JSON_DEPTH_MAX; depth++)
		strncat(text, "}", sizeof(text) - strlen(text) - 1);
	EXPECT_TEXT(decoded(encoded(text)), text);
	memmove(text + 5, text, strlen(text) + 1);
	memcpy(text, "{\"a\":", 5);
	strncat(text, "}", sizeof(text) - strlen(text) - 1);
	EXPECT_TEXT(encoded(text), "refused");
}

static void a_writer_keeps_its_bound(void)
{
	struct blob_writer attrs = { .most = 64 };
	const char *json = "{\"a\":\"0123456789012345678901234567890123456789012345678901234567\"}";

	EXPECT_EQUAL(blob_from_json((const uint8_t *)json, strlen(json), &attrs), -EMSGSIZE);
	EXPECT(attrs.size <= 64);
	blob_put(&attrs, "x", 1);
	EXPECT_EQUAL(attrs.error, -EMSGSIZE);
	blob_free(&attrs);
	EXPECT_EQUAL(blob_from_json((const uint8_t *)"{\"a\":1}", 7, &attrs), 0);
	EXPECT_EQUAL(attrs.size, 12);
	blob_free(&attrs);
}

int main(void)
{
	the_bytes_are_those_of_libubox();
	texts_come_back_as_they_were();
	what_is_no_json_object_is_refused();
	malformed_attributes_are_refused();
	nesting_is_bounded();
	a_writer_keeps_its_bound();
	return test_summary();
}
