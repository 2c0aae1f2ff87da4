#include "block.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../inet.h"
#include "../log.h"
#include "mover.h"

/* Longer than any MAC, prefix, interface or key of the configuration. */
#define WORD_MAX 64
#define EXISTS "File exists"
/* `nft -j` prints one or two for each element, and some for each rule. */
#define LISTED_COMMAS_MAX (3 * NFT_ELEMENTS_MAX)

enum kind { KIND_MAC, KIND_IP4, KIND_IP6, KIND_IFACE, KINDS };

static const struct {
	const char *type;
	const char *match;
} kinds[] = {
	[KIND_MAC] = { "ether_addr", "ether saddr" },
	[KIND_IP4] = { "ipv4_addr; flags interval; auto-merge", "ip saddr" },
	[KIND_IP6] = { "ipv6_addr; flags interval; auto-merge", "ip6 saddr" },
	[KIND_IFACE] = { "ifname", "iifname" },
};

struct text {
	char *bytes;
	size_t size, capacity;
	bool failed; /* there was no memory */
};

struct findings {
	struct text elements[KINDS];
	bool everything; /* whom it protects cannot be told from words */
	bool gateway, router, disabled;
};

static void append(struct text *text, const char *more)
{
	size_t length = strlen(more);

	if (text->size + length + 1 > text->capacity && !text->failed) {
		size_t capacity = 2 * text->capacity + length + 256;
		char *bytes = realloc(text->bytes, capacity);

		text->failed = !bytes;
		text->bytes = bytes ? bytes : text->bytes;
		text->capacity = bytes ? capacity : text->capacity;
	}
	if (text->failed)
		return;
	memcpy(text->bytes + text->size, more, length + 1);
	text->size += length;
}

static void add_element(struct findings *found, enum kind kind, const char *key)
{
	struct text *text = &found->elements[kind];

	append(text, text->size > 0 ? ", " : "");
	append(text, kind == KIND_IFACE ? "\"" : "");
	append(text, key);
	append(text, kind == KIND_IFACE ? "\"" : "");
}

/* Six pairs of digits with colons or hyphens between; `ret_mac` gets it with colons. */
static bool read_mac(const char *word, char *ret_mac)
{
	if (strlen(word) != 17)
		return false;
	for (int i = 0; i < 17; i++) {
		if (i % 3 == 2 ? word[i] != ':' && word[i] != '-' :
				 !strchr("0123456789abcdefABCDEF", word[i]))
			return false;
		ret_mac[i] = i % 3 == 2 ? ':' : word[i];
	}
	ret_mac[17] = '\0';
	return true;
}

static void clear_host_bits(struct inet_prefix *prefix)
{
	for (unsigned int i = prefix->length; i < 128; i++)
		prefix->ip.bytes[i / 8] &= (uint8_t)~(0x80 >> i % 8);
}

static bool read_prefix(const char *word, struct inet_prefix *ret_prefix)
{
	const char *slash = strchr(word, '/');
	unsigned int most = strchr(word, ':') ? 128 : 32;
	int family = most == 128 ? AF_INET6 : AF_INET;
	char address[WORD_MAX + 1];
	char *end = NULL;
	unsigned long length = slash ? strtoul(slash + 1, &end, 10) : most;

	memset(ret_prefix, 0, sizeof(*ret_prefix));
	snprintf(address, sizeof(address), "%.*s", slash ? (int)(slash - word) : WORD_MAX, word);
	if (inet_pton(family, address, ret_prefix->ip.bytes) != 1 || length > most ||
	    (slash && (!slash[1] || *end)))
		return false;
	ret_prefix->ip.family = family == AF_INET ? 4 : 6;
	ret_prefix->length = (uint8_t)length;
	clear_host_bits(ret_prefix);
	return true;
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

static void take_iface(struct findings *found, const char *word)
{
	size_t length = strlen(word);

	if (length >= 16 ||
	    word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			      "_.@-")])
		found->everything = true;
	else
		add_element(found, KIND_IFACE, word);
}

/* `key` is the word before. */
static void take_word(struct findings *found, const char *key, const char *word)
{
	static const char *const off[] = { "0", "false", "off", "no", "disabled", NULL };
	static const char *const router[] = { "location", "locations", "protected_mac_addr",
					      "protected_ip_addr", "protected_iface", NULL };
	/* A script may protect whomever it wants. */
	static const char *const script[] = { "policy_file", "file", NULL };
	struct inet_prefix prefix;
	char text[INET_TEXT_MAX];

	if (read_mac(word, text))
		add_element(found, KIND_MAC, text);
	else if (read_prefix(word, &prefix)) {
		inet_prefix_text(&prefix, text);
		found->everything |= prefix.length == 0;
		add_element(found, prefix.ip.family == 4 ? KIND_IP4 : KIND_IP6, text);
	} else if (strcmp(key, "iface") == 0)
		take_iface(found, word);
	found->router |= is_one_of(word, router);
	found->everything |= is_one_of(key, script);
	found->everything |= strcmp(key, "default_gateway") == 0 && !is_one_of(word, off);
	found->gateway |= strcmp(key, "role") == 0 && strcmp(word, "gateway") == 0;
	if (strcmp(key, "enabled") == 0)
		found->disabled = is_one_of(word, off);
}

static bool ends_word(uint8_t c)
{
	return c <= ' ' || strchr("\"'{}[](),;=", c) != NULL;
}

/* JSON and UCI alike are keys and values with signs between them. */
static void read_words(struct findings *found, const uint8_t *config, size_t size)
{
	char words[2][WORD_MAX + 1] = { "", "" };
	int last = 0;

	for (size_t at = 0, end; at < size; at = end + 1) {
		char *word = words[!last];

		for (end = at; end < size && !ends_word(config[end]); end++)
			;
		/* The colon of JSON, also before a number; no address begins with a single one. */
		at += end > at && config[at] == ':' && (end == at + 1 || config[at + 1] != ':');
		if (end == at)
			continue;
		/* What is longer means nothing here, and neither does what follows it. */
		snprintf(word, sizeof(words[0]), "%.*s",
			 end - at > WORD_MAX ? 0 : (int)(end - at), (const char *)config + at);
		take_word(found, words[last], word);
		last = !last;
	}
}

static bool is_json(const uint8_t *config, size_t size)
{
	size_t at = 0;

	while (at < size && config[at] != '{' && (config[at] <= ' ' || config[at] >= 0x80))
		at++;
	return at < size && config[at] == '{';
}

/* Who sends with an address of a rule is blocked whole from that packet on: nobody else could tell
 * yet whose the address is. Apart from the drop, which a full set must not undo. */
static void learn_holders(struct text *out, const struct findings *found)
{
	static const char *const lines[KINDS] = {
		[KIND_IP4] = "\t\tip saddr @boot1 update @whole { ether saddr }\n",
		[KIND_IP6] = "\t\tip6 saddr @boot2 update @whole { ether saddr }\n",
	};

	for (int i = KIND_IP4; i <= KIND_IP6; i++)
		append(out, found->elements[i].size > 0 ? lines[i] : "");
	append(out, "\t\tether saddr @whole counter drop\n");
}

/* False if there is nothing to block. */
static bool write_rules(struct text *out, const struct findings *found)
{
	char line[256];
	bool any = found->everything;

	append(out, "create table inet adit\ntable inet adit {\n");
	for (int i = 0; i < KINDS; i++) {
		if (found->elements[i].size == 0)
			continue;
		any = true;
		snprintf(line, sizeof(line), "\tset boot%d { type %s; elements = { ", i,
			 kinds[i].type);
		append(out, line);
		append(out, found->elements[i].bytes);
		append(out, " }; }\n");
	}
	append(out, "\tset whole { type ether_addr; size 2000; flags dynamic; }\n"
		    "\tchain boot {\n\t\ttype filter hook forward priority -5; policy accept;\n");
	learn_holders(out, found);
	for (int i = 0; i < KINDS; i++) {
		snprintf(line, sizeof(line), "\t\t%s @boot%d counter drop\n", kinds[i].match, i);
		append(out, found->elements[i].size > 0 ? line : "");
	}
	append(out, found->everything ? "\t\tcounter drop\n\t}\n}\n" : "\t}\n}\n");
	return any;
}

int block_script(const uint8_t *config, size_t size, char **ret_script)
{
	struct findings found = { .disabled = !is_json(config, size) };
	struct text out = { 0 };
	bool any;

	*ret_script = NULL;
	/* What an escape stands for is not looked up. */
	found.everything = size > 0 && memchr(config, '\\', size);
	read_words(&found, config, size);
	any = write_rules(&out, &found) && !found.disabled && (found.router || !found.gateway);
	for (int i = 0; i < KINDS; i++) {
		out.failed |= found.elements[i].failed;
		free(found.elements[i].bytes);
	}
	if (any && !out.failed)
		*ret_script = out.bytes;
	else
		free(out.bytes);
	return out.failed ? -ENOMEM : 0;
}

static const char everything[] =
	"create table inet adit\ntable inet adit { chain boot { type filter hook forward priority "
	"-5; policy accept; counter drop\n}\n}\n";
static const char anew[] = "table inet adit {}\ndelete table inet adit\n";

static void apply(struct mover *mover, char *script, bool coarse);

static size_t count_commas(const uint8_t *at, size_t size)
{
	size_t commas = 0;

	for (const uint8_t *end = at + size; size > 0 && at < end; at++)
		commas += *at == ',';
	return commas;
}

/* A table that no decider could read is removed before one has to. */
static void listed(void *arg, uint32_t tag, const struct nft_result *result)
{
	char script[sizeof(anew) + sizeof(everything)];

	(void)tag;
	if (result->error == -ENOENT ||
	    (!result->error &&
	     count_commas(result->output, result->output_size) <= LISTED_COMMAS_MAX))
		return;
	log_warning("what is in table inet adit is more than any configuration needs: all is "
		    "removed, and everything blocked until there is a decision");
	snprintf(script, sizeof(script), "%s%s", anew, everything);
	apply(arg, strdup(script), true);
}

static void look(struct mover *mover)
{
	struct nft_asker asker = { .done = listed, .arg = mover };

	if (nft_list(mover->nft, &asker) < 0)
		log_warning("table inet adit cannot be looked at");
}

/* What nft does not take must not leave the devices open. */
static void applied(void *arg, uint32_t coarse, const struct nft_result *result)
{
	if (!result->error) {
		log_info("what the configuration names is blocked until it is understood");
		return;
	}
	if (strstr(result->text, EXISTS)) {
		look(arg);
		return;
	}
	log_warning("the block before the first decision was not loaded: %s", result->text);
	if (!coarse)
		apply(arg, strdup(everything), true);
}

static void apply(struct mover *mover, char *script, bool coarse)
{
	static const struct nft_amounts none;
	struct nft_asker asker = { applied, mover, coarse };
	int error = -ENOMEM;

	if (script)
		error = nft_apply(mover->nft, (uint8_t *)script, strlen(script), &none, &asker);
	if (error)
		log_warning("the block before the first decision: %s", strerror(-error));
}

void block_begin(struct mover *mover)
{
	uint8_t *config = NULL;
	char *script = NULL;
	size_t size = 0;
	int error = file_read_all(mover->options.config_path, &config, &size);

	if (!error)
		error = block_script(config, size, &script);
	free(config);
	if (error)
		log_warning("the block before the first decision: %s", strerror(-error));
	else if (script)
		apply(mover, script, false);
	if (!script)
		look(mover);
}
