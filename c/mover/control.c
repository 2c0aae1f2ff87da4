#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../check.h"
#include "../log.h"
#include "../tls/tls.h"
#include "commands.h"
#include "trust.h"

#define CONFIRMED_NAME "control"
#define SIGNATURE_SUFFIX ".sig"
#define UNSIGNED_TEXT "no key of the configuration has signed the module"
/* "confirmed rom" and a digest in hexadecimal. */
#define CONFIRMED_BYTES_MAX 128
#define DIGEST_TEXT_SIZE (2 * TLS_DIGEST_SIZE + 1)

static const char *const slots[] = { "rom", "a", "b" };

/* The static text of a slot's name, NULL for any other word. */
static const char *find_slot(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
		if (strcmp(word, slots[i]) == 0)
			return slots[i];
	return NULL;
}

static bool is_rom(const char *slot)
{
	return slot == slots[0];
}

static void forget_module(struct control_module *module)
{
	free(module->text);
	*module = (struct control_module){ .slot = slots[0] };
}

static void state_path(const struct mover *mover, const char *name, char *ret_path)
{
	snprintf(ret_path, CONTROL_PATH_MAX, "%s/%s", mover->options.state_dir, name);
}

/* The configuration is read again for it: whose keys count is not for the decider to say, which
 * could keep an older text alive by not asking for it. */
static int check_signature(const struct mover *mover, const char *path, const uint8_t *text,
			   size_t size)
{
	char signature_path[CONTROL_PATH_MAX + sizeof(SIGNATURE_SUFFIX)];
	struct trust_text module = { text, size }, signature = { NULL, 0 };
	uint8_t *config = NULL, *found = NULL;
	size_t config_size = 0;
	int error;

	snprintf(signature_path, sizeof(signature_path), "%s" SIGNATURE_SUFFIX, path);
	error = file_read_all(mover->options.config_path, &config, &config_size);
	if (!error && file_read_own(signature_path, &found, &signature.size) == 0)
		signature.data = found;
	if (!error)
		error = trust_check(config, config_size, module, signature);
	free(config);
	free(found);
	return error;
}

/* Only what root wrote may become the next decider, and only what is signed if there are keys. */
static int read_module(const struct mover *mover, const char *slot,
		       struct control_module *ret_module)
{
	char path[CONTROL_PATH_MAX];
	char name[32];
	uint8_t *text = NULL;
	size_t size = 0;
	int error;

	*ret_module = (struct control_module){ .slot = slot };
	if (is_rom(slot))
		return 0;
	snprintf(name, sizeof(name), "control-%s.mjs", slot);
	state_path(mover, name, path);
	error = file_read_own(path, &text, &size);
	if (!error)
		error = check_signature(mover, path, text, size);
	if (error) {
		free(text);
		return error;
	}
	ret_module->text = (char *)text;
	ret_module->size = size;
	return 0;
}

/* ------------------------------------------------------------------ what was confirmed */

static void digest_text(const struct control_module *module, char *ret_text)
{
	uint8_t digest[TLS_DIGEST_SIZE];

	tls_sha256(module->text, module->size, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret_text + 2 * i, 3, "%02x", digest[i]);
}

/* The slot that a line "confirmed SLOT DIGEST" names, NULL if it is none; the digest of rom may be
 * missing, for it changes with every update of the system. */
static const char *parse_confirmed(char *line, const char **ret_digest)
{
	static const char word[] = "confirmed ";
	char *digest;

	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, word, sizeof(word) - 1) != 0)
		return NULL;
	line += sizeof(word) - 1;
	digest = strchr(line, ' ');
	if (digest)
		*digest++ = '\0';
	*ret_digest = digest ? digest : "";
	return find_slot(line);
}

/* 0 also if nothing was ever confirmed. */
static int read_confirmed(const struct mover *mover, char *ret_line)
{
	char path[CONTROL_PATH_MAX];
	uint8_t *text = NULL;
	size_t size = 0;
	int error;

	state_path(mover, CONFIRMED_NAME, path);
	error = file_read_own(path, &text, &size);
	if (error)
		return error == -ENOENT ? 0 : error;
	if (size > CONFIRMED_BYTES_MAX)
		error = -EFBIG;
	else
		snprintf(ret_line, CONFIRMED_BYTES_MAX + 1, "%.*s", (int)size, (char *)text);
	free(text);
	return error;
}

/* NULL, or static text that says why the installed module runs. */
static const char *choose_confirmed(struct mover *mover, char *line)
{
	struct control_module module;
	char found[DIGEST_TEXT_SIZE];
	const char *wanted = "";
	const char *slot = parse_confirmed(line, &wanted);
	int error;

	if (!slot)
		return "its content makes no sense";
	error = read_module(mover, slot, &module);
	if (error)
		return error == -EKEYREJECTED ? UNSIGNED_TEXT :
						"the module that it names cannot be read";
	if (is_rom(slot))
		return NULL;
	digest_text(&module, found);
	if (strcmp(found, wanted) != 0) {
		forget_module(&module);
		return "the module that it names is another one by now";
	}
	mover->control.running = module;
	return NULL;
}

static void trial_is_over(struct loop_timer *timer)
{
	decider_kill(container_of(timer, struct mover, control.deadline),
		     "its control module was not kept in time");
}

void control_init(struct mover *mover)
{
	struct control *control = &mover->control;
	char line[CONFIRMED_BYTES_MAX + 1] = "";
	const char *doubt = NULL;
	int error;

	*control = (struct control){
		.running = { .slot = slots[0] },
		.former = { .slot = slots[0] },
		.deadline = { .fired = trial_is_over, .name = "end of the trial" },
	};
	error = read_confirmed(mover, line);
	if (error)
		doubt = strerror(-error);
	else if (line[0])
		doubt = choose_confirmed(mover, line);
	if (doubt)
		log_warning("%s/" CONFIRMED_NAME ": %s: the installed control module runs",
			    mover->options.state_dir, doubt);
	else if (!is_rom(control->running.slot))
		log_info("control module %s runs, as confirmed", control->running.slot);
}

void control_free(struct mover *mover)
{
	loop_timer_stop(&mover->control.deadline);
	free(mover->control.running.text);
	free(mover->control.former.text);
}

const char *control_text(struct mover *mover, size_t *ret_size)
{
	const struct control_module *module = &mover->control.running;
	uint8_t *text = NULL;
	size_t size = 0;

	if (!is_rom(module->slot)) {
		*ret_size = module->size;
		return module->text;
	}
	if (file_read_all(mover->options.module_path, &text, &size) == 0) {
		free(mover->module);
		mover->module = (char *)text;
		mover->module_size = size;
	}
	*ret_size = mover->module_size;
	return mover->module;
}

/* ------------------------------------------------------------------------------- trials */

int control_try(struct mover *mover, const char *slot, uint32_t trial_ms, char *ret_text)
{
	struct control *control = &mover->control;
	struct control_module module;
	const char *known = find_slot(slot);
	char number[16];
	int error;

	snprintf(number, sizeof(number), "%u", trial_ms);
	if (!known)
		return command_refuse(ret_text, "slot", slot, "rom, a or b");
	if (trial_ms < CONTROL_TRIAL_MS_MIN || trial_ms > CONTROL_TRIAL_MS_MAX)
		return command_refuse(ret_text, "trial_ms", number, "1000 to 600000");
	error = read_module(mover, known, &module);
	if (error) {
		snprintf(ret_text, COMMAND_TEXT_MAX, "slot: %s: control-%s.mjs: %s", known, known,
			 error == -EKEYREJECTED ? UNSIGNED_TEXT : strerror(-error));
		return error;
	}
	/* A trial that is cut short by the next one leaves what it was measured against. */
	if (control->trial)
		forget_module(&control->running);
	else
		control->former = control->running;
	control->running = module;
	control->trial = true;
	loop_timer_start(mover->loop, &control->deadline, (uint64_t)trial_ms * 1000);
	log_info("control module %s is tried for %u ms; before: %s", known, trial_ms,
		 control->former.slot);
	return 0;
}

void control_keep(struct mover *mover)
{
	struct control *control = &mover->control;

	if (!control->trial)
		return;
	log_info("control module %s is kept", control->running.slot);
	control->trial = false;
	loop_timer_stop(&control->deadline);
	forget_module(&control->former);
}

bool control_fell(struct mover *mover)
{
	struct control *control = &mover->control;
	const char *slot = control->running.slot;

	if (control->trial) {
		forget_module(&control->running);
		control->running = control->former;
		control->former = (struct control_module){ .slot = slots[0] };
		control->trial = false;
		loop_timer_stop(&control->deadline);
	} else if (!is_rom(slot) && mover->failures >= CONTROL_FAILURES_MAX) {
		forget_module(&control->running);
	} else {
		return false;
	}
	log_error("control module %s failed; %s comes back", slot, control->running.slot);
	return true;
}
