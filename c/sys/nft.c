#include "nft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../check.h"
#include "../log.h"
#include "exec.h"

struct operation {
	uint8_t *script; /* NULL: list */
	size_t size;
	struct nft_amounts amounts;
	struct nft_asker asker; /* done is NULL once forgotten */
};

/* A ring: operation `first` is the one that runs while `exec` is not NULL. */
struct nft {
	struct loop *loop;
	struct exec *exec;
	const char *program;
	struct loop_timer retry; /* reports a start that failed, from the loop */
	int start_error;
	int first;
	int count;
	size_t bytes; /* of all scripts in the ring */
	uint32_t elements; /* in the kernel, at most: adding what is there counts again */
	uint32_t coming; /* that scripts in the ring add */
	uint64_t busy_us; /* of processes that ended */
	uint64_t begun_us; /* the last one */
	struct operation ring[NFT_WAITING_MAX];
};

static void start_next(struct nft *nft);

static const char *find_program(void)
{
	static const char *const paths[] = { "/usr/sbin/nft", "/sbin/nft" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return paths[0];
}

/* An element that is not there cannot be deleted: then nothing of the script is done. */
static void note_amounts(struct nft *nft, const struct nft_amounts *amounts, bool done)
{
	nft->coming -= amounts->added;
	if (!done)
		return;
	if (amounts->anew)
		nft->elements = 0;
	nft->elements += amounts->added;
	nft->elements -= amounts->removed < nft->elements ? amounts->removed : nft->elements;
}

static void finish(struct nft *nft, const struct nft_result *result)
{
	struct operation operation = nft->ring[nft->first];

	nft->exec = NULL;
	nft->busy_us += loop_now_us(nft->loop) - nft->begun_us;
	nft->first = (nft->first + 1) % NFT_WAITING_MAX;
	nft->count--;
	nft->bytes -= operation.size;
	note_amounts(nft, &operation.amounts, result->error == 0);
	free(operation.script);
	if (operation.asker.done)
		operation.asker.done(operation.asker.arg, operation.asker.tag, result);
	else if (result->error)
		log_warning("nft for a former decider failed: %s", result->text);
	start_next(nft);
}

static void program_ended(void *arg, const struct exec_result *result)
{
	bool absent = strstr(result->errors, "No such file or directory") != NULL;
	struct nft_result answer = {
		.error = result->error != -ECHILD ? result->error : absent ? -ENOENT : -EINVAL,
		.text = result->error ? result->errors : "",
		.output = result->output,
		.output_size = result->output_size,
	};

	finish(arg, &answer);
}

static void start_failed(struct loop_timer *timer)
{
	struct nft *nft = container_of(timer, struct nft, retry);
	struct nft_result answer = { nft->start_error, "cannot start the nft program", NULL, 0 };

	finish(nft, &answer);
}

static void start_next(struct nft *nft)
{
	const char *const apply[] = { nft->program, "-f", "-", NULL };
	const char *const list[] = { nft->program, "-j", "list", "table", "inet", "adit", NULL };
	const struct operation *operation = &nft->ring[nft->first];
	struct exec_request request = {
		.argv = operation->script ? apply : list,
		.input = operation->script,
		.input_size = operation->size,
		.deadline_us = NFT_DEADLINE_US,
		.done = program_ended,
		.arg = nft,
	};

	if (nft->count == 0 || nft->exec || nft->retry.heap_index)
		return;
	nft->begun_us = loop_now_us(nft->loop);
	nft->start_error = exec_start(nft->loop, &request, &nft->exec);
	if (nft->start_error)
		loop_timer_start(nft->loop, &nft->retry, 0);
}

int nft_new(struct loop *loop, struct nft **ret_nft)
{
	struct nft *nft = calloc(1, sizeof(*nft));

	if (!nft)
		return -ENOMEM;
	nft->loop = loop;
	nft->program = find_program();
	nft->retry = (struct loop_timer){ .fired = start_failed, .name = "nft that did not start" };
	*ret_nft = nft;
	return 0;
}

void nft_free(struct nft *nft)
{
	if (!nft)
		return;
	exec_cancel(nft->exec);
	loop_timer_stop(&nft->retry);
	for (int i = 0; i < nft->count; i++)
		free(nft->ring[(nft->first + i) % NFT_WAITING_MAX].script);
	free(nft);
}

static int enqueue(struct nft *nft, const struct operation *operation)
{
	if (nft->count == NFT_WAITING_MAX || operation->size > NFT_WAITING_BYTES_MAX - nft->bytes)
		return -EBUSY;
	nft->bytes += operation->size;
	nft->coming += operation->amounts.added;
	nft->ring[(nft->first + nft->count++) % NFT_WAITING_MAX] = *operation;
	start_next(nft);
	return 0;
}

/* A script that goes first what it removes, as those of the decider do, needs that much less. */
static bool has_room(const struct nft *nft, const struct nft_amounts *amounts)
{
	uint64_t sum = (uint64_t)nft->coming + amounts->added;

	if (!amounts->anew)
		sum += nft->elements;
	return amounts->added == 0 || sum <= NFT_ELEMENTS_MAX + (uint64_t)amounts->removed;
}

int nft_apply(struct nft *nft, uint8_t *script, size_t size, const struct nft_amounts *amounts,
	      const struct nft_asker *asker)
{
	struct operation operation = { script, size, *amounts, *asker };
	int error = has_room(nft, amounts) ? enqueue(nft, &operation) : -EDQUOT;

	if (error)
		free(script);
	return error;
}

int nft_list(struct nft *nft, const struct nft_asker *asker)
{
	struct operation operation = { .asker = *asker };

	return enqueue(nft, &operation);
}

uint64_t nft_busy_us(const struct nft *nft)
{
	return nft->busy_us;
}

void nft_forget(struct nft *nft)
{
	for (int i = 0; i < nft->count; i++)
		nft->ring[(nft->first + i) % NFT_WAITING_MAX].asker.done = NULL;
}
