#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "../errno_generic.h"
#include "../log.h"
#include "commands.h"

#define FLAG_TEST_HOOKS 1u

/* Space for any message that has no byte field. */
#define REPLY_BYTES 8192

void command_reply(struct mover *mover, uint32_t seq, int error, const char *text, int fd)
{
	struct msg_result result = { .error = errno_generic(error) };
	uint8_t bytes[REPLY_BYTES];

	if (error)
		snprintf(result.text, sizeof(result.text), "%s",
			 text && text[0] ? text : strerror(-error));
	decider_send(mover, bytes, msg_result_encode(&result, seq, bytes, sizeof(bytes)), fd);
}

struct file_rules command_file_rules(const struct mover *mover)
{
	return (struct file_rules){
		.config_path = mover->options.config_path,
		.run_dir = mover->options.run_dir,
		.state_dir = mover->options.state_dir,
		.config_text = mover->config,
		.config_size = mover->config_size,
	};
}

static void count_session(void *arg, const struct msg_session_held *held)
{
	(void)held;
	++*(uint16_t *)arg;
}

static void send_session(void *arg, const struct msg_session_held *held)
{
	uint8_t bytes[REPLY_BYTES];

	decider_send(arg, bytes, msg_session_held_encode(held, 0, bytes, sizeof(bytes)), -1);
}

static void send_state(struct mover *mover, uint32_t seq)
{
	struct msg_mover_state state = {
		.contract = MSG_CONTRACT_VERSION,
		.restarts = mover->starts - 1,
		.life = mover->life,
		.trial = mover->control.trial,
		.tun_index = datapath_tun_index(mover->datapath),
		.flags = mover->options.test_hooks ? FLAG_TEST_HOOKS : 0,
	};
	uint8_t bytes[REPLY_BYTES];

	snprintf(state.config_path, sizeof(state.config_path), "%s", mover->options.config_path);
	snprintf(state.run_dir, sizeof(state.run_dir), "%s", mover->options.run_dir);
	snprintf(state.tun_name, sizeof(state.tun_name), "%s",
		 datapath_tun_name(mover->datapath));
	snprintf(state.last_death, sizeof(state.last_death), "%s", mover->last_death);
	snprintf(state.state_dir, sizeof(state.state_dir), "%s", mover->options.state_dir);
	snprintf(state.module, sizeof(state.module), "%s", mover->control.running.slot);
	datapath_each_session(mover->datapath, count_session, &state.sessions);
	decider_send(mover, bytes, msg_mover_state_encode(&state, seq, bytes, sizeof(bytes)), -1);
	datapath_each_session(mover->datapath, send_session, mover);
}

/* A decider that starts while we are to end hears of that first. */
void command_hello(struct mover *mover, uint32_t seq, const struct msg_hello *message)
{
	if (message->contract != MSG_CONTRACT_VERSION) {
		log_error("the module speaks contract %u, this program %d", message->contract,
			  MSG_CONTRACT_VERSION);
		decider_kill(mover, "its contract version is another one");
		return;
	}
	log_info("decider %u: module %s%s%s", mover->starts, message->module,
		 message->role[0] ? ", role " : "", message->role);
	decider_greeted(mover);
	decider_note(mover, DECIDER_LOADED);
	send_state(mover, seq);
	if (mover->terminating)
		decider_signal(mover, SIGTERM);
}

void command_log(struct mover *mover, uint32_t seq, const struct msg_log *message)
{
	bool known = message->level == LOG_LEVEL_ERROR || message->level == LOG_LEVEL_WARNING ||
		     message->level == LOG_LEVEL_INFO || message->level == LOG_LEVEL_DEBUG;

	(void)seq;
	if (message->level == LOG_LEVEL_ERROR)
		snprintf(mover->decider.last_error, sizeof(mover->decider.last_error), "%.255s",
			 message->text);
	log_line(known ? (enum log_level)message->level : LOG_LEVEL_INFO, "%s", message->text);
}

/* Milliseconds of each part of the start, for who wants to know what made it slow. */
static void tell_start(const struct mover *mover)
{
	const struct decider *decider = &mover->decider;
	uint64_t now_us = loop_now_us(mover->loop);
	uint64_t from_us = decider->started_us;
	unsigned int part_ms[DECIDER_STEPS];

	for (int i = 0; i < DECIDER_STEPS; i++) {
		uint64_t step_us = decider->step_us[i] ? decider->step_us[i] : from_us;

		part_ms[i] = (unsigned int)((step_us - from_us) / 1000);
		from_us = step_us;
	}
	log_info("ready %u ms after the start of the decider: module %u, configuration %u, "
		 "kernel's tables %u, changes %u, of these nft %u",
		 (unsigned int)((now_us - decider->started_us) / 1000), part_ms[DECIDER_LOADED],
		 part_ms[DECIDER_CONFIGURED], part_ms[DECIDER_INFORMED],
		 (unsigned int)((now_us - from_us) / 1000),
		 (unsigned int)((nft_busy_us(mover->nft) - decider->nft_us) / 1000));
}

void command_ready(struct mover *mover, uint32_t seq, const struct msg_ready *message)
{
	(void)seq;
	(void)message;
	if (!mover->decider.ready)
		tell_start(mover);
	mover->decider.ready = true;
}

void command_pong(struct mover *mover, uint32_t seq, const struct msg_pong *message)
{
	(void)seq;
	decider_pong(mover, message->token);
}

void command_exit(struct mover *mover, uint32_t seq, const struct msg_exit *message)
{
	(void)seq;
	mover_exit(mover, message->status);
}
