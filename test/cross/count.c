/* A plugin of QEMU (docs/devel/tcg-plugins) that prints how many instructions of the guest a
 * program executed. The few declarations are written out because distributions do not package the
 * header. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*translated)(plugin_id,
					   struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*executed)(unsigned,
					  void *), int flags, void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*ended)(plugin_id, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

int qemu_plugin_version = 1;
static uint64_t instructions;

static void block_executed(unsigned cpu, void *count)
{
	(void)cpu;
	instructions += (uintptr_t)count;
}

static void block_translated(plugin_id id, struct qemu_plugin_tb *block)
{
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(block, block_executed, 0,
					     (void *)(uintptr_t)qemu_plugin_tb_n_insns(block));
}

static void program_ended(plugin_id id, void *data)
{
	(void)id;
	(void)data;
	fprintf(stderr, "%llu instructions\n", (unsigned long long)instructions);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	(void)argc;
	(void)argv;
	qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
	qemu_plugin_register_atexit_cb(id, program_ended, NULL);
	return 0;
}
