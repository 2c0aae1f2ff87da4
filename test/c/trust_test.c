/* Which control modules may run: keys wherever the configuration's text has them, in each form that
 * writers of JSON and UCI give them, and signatures that are none. */
#include <errno.h>

#include "mover/trust.h"
#include "test.h"
#include "usign.h"

#define MODULE "// adit-control target=x version=1\nexport {};\n"

static struct usign own, other;

/* The keys of a configuration against a file and a module; each in memory of exactly its size. */
static int check_bytes(const char *config, const char *file, size_t file_size, const char *text)
{
	size_t size = strlen(config);
	uint8_t *copy = malloc(size + 1);
	uint8_t *signature = malloc(file_size + 1);
	int error;

	memcpy(copy + 1, config, size);
	memcpy(signature + 1, file, file_size);
	error = trust_check(copy + 1, size,
			    (struct trust_text){ (const uint8_t *)text, strlen(text) },
			    (struct trust_text){ signature + 1, file_size });
	free(copy);
	free(signature);
	return error;
}

static int check_module(const char *config, const struct usign *signer, const char *text)
{
	char file[USIGN_TEXT_MAX];

	usign_sign(signer, text, strlen(text), file);
	return check_bytes(config, file, strlen(file), text);
}

/* The format has one %s, for the key. */
static int check_config(const char *format, const struct usign *signer)
{
	char config[512];

	snprintf(config, sizeof(config), format, own.text);
	return check_module(config, signer, MODULE);
}

static void without_keys_everything_runs(void)
{
	EXPECT_EQUAL(check_bytes("{}", "", 0, "anything"), 0);
	EXPECT_EQUAL(check_bytes("", "", 0, ""), 0);
	EXPECT_EQUAL(check_config("\"a%s\"", &other), 0);
	EXPECT_EQUAL(check_config("\"%sA\"", &other), 0);
	EXPECT_EQUAL(check_config("# list policy_public_keys '%s'\n", &other), 0);
	EXPECT_EQUAL(check_config("config policy\n\t # %s\n", &other), 0);
	EXPECT_EQUAL(check_bytes("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", 0,
				 MODULE), 0);
}

static void a_key_counts_wherever_it_stands(void)
{
	static const char *const formats[] = {
		"%s", "{\"policy\":{\"public_keys\":[\"%s\"]}}", "\tlist policy_public_keys '%s'\n",
		"option a b\n\n#\n list policy_public_keys %s", "{\"name\":\"# a\",\"x\":[\"%s\"]}",
		"[\"\\\\\", \"\\u002\", \"%s\"]",
	};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		EXPECT_EQUAL(check_config(formats[i], &own), 0);
		EXPECT_EQUAL(check_config(formats[i], &other), -EKEYREJECTED);
	}
}

/* Each slash of the key in the form that some writers of JSON choose. */
static void escape(const char *with, char *ret_text)
{
	for (const char *at = own.text; *at; at++)
		ret_text += *at == '/' ? sprintf(ret_text, "%s", with) :
					 sprintf(ret_text, "%c", *at);
}

static void an_escaped_key_is_a_key(void)
{
	static const char *const forms[] = { "\\/", "\\u002f", "\\u002F" };
	char config[512];

	EXPECT(strchr(own.text, '/') != NULL);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		escape(forms[i], config);
		EXPECT_EQUAL(check_module(config, &own, MODULE), 0);
		EXPECT_EQUAL(check_module(config, &other, MODULE), -EKEYREJECTED);
	}
}

static void of_several_keys_each_will_do(void)
{
	char config[256];

	snprintf(config, sizeof(config), "\"%s\", \"%s\"", other.text, own.text);
	EXPECT_EQUAL(check_module(config, &own, MODULE), 0);
	EXPECT_EQUAL(check_module(config, &other, MODULE), 0);
}

static void what_is_signed_is_a_control_module(void)
{
	EXPECT_EQUAL(check_module(own.text, &own, "// adit-policy target=x version=1\n"),
		     -EKEYREJECTED);
	EXPECT_EQUAL(check_module(own.text, &own, "// adit-control"), -EKEYREJECTED);
	EXPECT_EQUAL(check_module(own.text, &own, ""), -EKEYREJECTED);
}

static void every_byte_of_a_signature_counts(void)
{
	char file[USIGN_TEXT_MAX];
	size_t size, begun;

	usign_sign(&own, MODULE, strlen(MODULE), file);
	size = strlen(file);
	begun = strlen(USIGN_COMMENT);
	EXPECT_EQUAL(check_bytes(own.text, file, size, MODULE "\n"), -EKEYREJECTED);
	for (size_t cut = 0; cut < size - 2; cut++)
		EXPECT_EQUAL(check_bytes(own.text, file, cut, MODULE), -EKEYREJECTED);
	/* The last digit has two bits that belong to no byte. */
	for (size_t at = begun; at < begun + 98; at++) {
		char was = file[at];

		file[at] = was == 'A' ? 'B' : 'A';
		EXPECT_EQUAL(check_bytes(own.text, file, size, MODULE), -EKEYREJECTED);
		file[at] = was;
	}
	EXPECT_EQUAL(check_bytes(own.text, file, size, MODULE), 0);
}

int main(void)
{
	usign_make(&own, 0xff);
	usign_make(&other, 0xff);
	without_keys_everything_runs();
	a_key_counts_wherever_it_stands();
	an_escaped_key_is_a_key();
	of_several_keys_each_will_do();
	what_is_signed_is_a_control_module();
	every_byte_of_a_signature_counts();
	usign_free(&own);
	usign_free(&other);
	return test_summary();
}
