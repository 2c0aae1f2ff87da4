/* A plugin of QEMU (docs/devel/tcg-plugins) that counts what a program of the guest executes:
 *
 *   count.so                          prints all instructions when the program ends
 *   count.so,mark=ADDRESS,out=FILE    also writes to FILE.N, N from 0, each time that the function
 *                                     at ADDRESS is called, what was executed since the last time:
 *                                     lines "block ADDRESS INSTRUCTIONS" and "call NUMBER TIMES"
 *
 * The few declarations are written out because distributions do not package the header. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 512
#define CALLS_MAX 8192

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id,
					   struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*executed)(unsigned,
					  void *), int flags, void *data);
void qemu_plugin_register_vcpu_syscall_cb(plugin_id id, void (*called)(plugin_id, unsigned, int64_t,
					  uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
					  uint64_t, uint64_t, uint64_t));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*ended)(plugin_id, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

int qemu_plugin_version = 1;

/* A run of instructions without a jump, as the emulator translated it. */
struct block {
	struct block *next;
	uint64_t address, size, executed;
};

static struct block *blocks;
static uint64_t finished; /* instructions that were written out already */
static uint64_t calls[CALLS_MAX];
static uint64_t mark;
static char out[PATH_SIZE];
static unsigned marks;

static void block_executed(unsigned cpu, void *block)
{
	(void)cpu;
	((struct block *)block)->executed++;
}

/* The files are the program's own: a child that it forked goes on counting in its own memory. */
static void mark_executed(unsigned cpu, void *nothing)
{
	char path[PATH_SIZE + 16];
	FILE *file;

	(void)cpu;
	(void)nothing;
	snprintf(path, sizeof(path), "%s.%u", out, marks++);
	file = fopen(path, "w");
	if (file == NULL)
		abort();
	for (struct block *block = blocks; block != NULL; block = block->next) {
		uint64_t instructions = block->size * block->executed;

		if (instructions > 0)
			fprintf(file, "block %llx %llu\n", (unsigned long long)block->address,
				(unsigned long long)instructions);
		finished += instructions;
		block->executed = 0;
	}
	for (unsigned i = 0; i < CALLS_MAX; i++) {
		if (calls[i] > 0)
			fprintf(file, "call %u %llu\n", i, (unsigned long long)calls[i]);
		calls[i] = 0;
	}
	if (fclose(file) != 0)
		abort();
}

static void block_translated(plugin_id id, struct qemu_plugin_tb *translated)
{
	struct block *block = malloc(sizeof(*block));

	(void)id;
	if (block == NULL)
		abort();
	*block = (struct block){blocks, qemu_plugin_tb_vaddr(translated),
				qemu_plugin_tb_n_insns(translated), 0};
	blocks = block;
	if (mark != 0 && block->address == mark)
		qemu_plugin_register_vcpu_tb_exec_cb(translated, mark_executed, 0, NULL);
	qemu_plugin_register_vcpu_tb_exec_cb(translated, block_executed, 0, block);
}

static void system_called(plugin_id id, unsigned cpu, int64_t number, uint64_t a, uint64_t b,
			  uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
	(void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
	if (number >= 0 && number < CALLS_MAX)
		calls[number]++;
}

static void program_ended(plugin_id id, void *data)
{
	uint64_t instructions = finished;

	(void)id;
	(void)data;
	for (struct block *block = blocks; block != NULL; block = block->next)
		instructions += block->size * block->executed;
	fprintf(stderr, "%llu instructions\n", (unsigned long long)instructions);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "mark=", 5) == 0)
			mark = strtoull(argv[i] + 5, NULL, 0);
		else if (strncmp(argv[i], "out=", 4) == 0)
			snprintf(out, sizeof(out), "%s", argv[i] + 4);
		else
			return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
	qemu_plugin_register_vcpu_syscall_cb(id, system_called);
	qemu_plugin_register_atexit_cb(id, program_ended, NULL);
	return 0;
}
