/* Every allocation of a policy's life fails once. The cage cannot be trusted after that, so it has
 * to end there and then, with its status and last words, whatever the engine was in the middle of.
 */
#define _GNU_SOURCE
#include "cage.h"

#include <sys/mman.h>

#include "vm/vm_internal.h"
#include "vm/vm_policy.h"

/* Making the world is the same thousands of allocations for every script: some of them do. */
#define START_STRIDE 7
#define CALL "{\"call\":\"decide\",\"world\":{\"names\":[\"de\",\"us\"],\"n\":3}}"

#define LAST_WORDS "policy: out of memory (limit 0 bytes)"

/* A bit of everything that allocates. */
static const char script[] =
	"import { definePolicy, via } from 'adit:policy';\n"
	"class Place { #name; constructor(name) { this.#name = name; }\n"
	"  get name() { return `${this.#name}`; }\n"
	"  static of(...names) { return names.map((n) => new Place(n)); } }\n"
	"const table = new Map([['a', 1], ['b', 2]]), seen = new Set();\n"
	"function* count(n) { for (let i = 0; i < n; i++) yield i; }\n"
	"const later = async (x) => { await x; return x; };\n"
	"let calls = 0;\n"
	"export default definePolicy({ route(device, { names, n }) {\n"
	"  const places = Place.of(...names).sort((a, b) => (a.name < b.name ? 1 : -1));\n"
	"  for (const i of count(n)) seen.add({ i, [`key${i}`]: [i, 2n ** 70n, Symbol('s')] });\n"
	"  const { mac = 'none', ...rest } = { ...device, extra: JSON.stringify([...table]) };\n"
	"  try { null.x; } catch (error) { table.set(error.message, error.stack.length); }\n"
	"  const text = 'a-b-c'.replace(/-(\\w)/g, (all, letter) => letter.toUpperCase());\n"
	"  later(text).then((t) => table.set(t, JSON.parse('{\"deep\":[[[]]]}')));\n"
	"  Object.defineProperty(rest, 'hidden', { get: () => mac, enumerable: true });\n"
	"  calls += [3, 1, 2].toSorted().flatMap((x) => [x, x]).length;\n"
	"  return via(places[0].name + text.slice(0, 1) + calls);\n"
	"} });\n";

/* Shared with the processes whose allocations fail. */
struct tally {
	int allocations;
	int clean;
	int first_bad; /* number of the allocation */
	int first_status;
};

static struct tally *tally;

/* Runs in the cage before each allocation: the copy of it that is made here gets no memory. */
static void fail_in_a_copy(struct vm *vm)
{
	const struct cage *cage = (const struct cage *)vm;
	static int before_script;
	int status = 0;
	pid_t pid;

	if (!cage->has_script && ++before_script % START_STRIDE != 0)
		return;
	pid = fork();

	if (pid == 0) {
		vm_test_allocation = NULL;
		vm->memory_max = 0;
		return;
	}
	waitpid(pid, &status, 0);
	tally->allocations++;
	if (WIFEXITED(status) && WEXITSTATUS(status) == VM_EXIT_MEMORY) {
		tally->clean++;
	} else if (tally->first_bad == 0) {
		tally->first_bad = tally->allocations;
		tally->first_status = status;
	}
	/* All those processes cost time that is not the script's. */
	if (vm->call_due_us != 0)
		vm_begin_call(vm);
}

/* Without its limits, since a cage may not fork. */
static void serve_with_failures(int channel, int errors)
{
	struct vm_policy_options options = cage_options();

	options.memory_bytes = VM_POLICY_MEMORY_BYTES_DEFAULT;
	options.stack_bytes = VM_POLICY_STACK_BYTES_DEFAULT;
	dup2(errors, STDERR_FILENO);
	dup2(channel, VM_CHANNEL_FD);
	vm_die_when_stuck();
	vm_test_allocation = fail_in_a_copy;
	_exit(vm_policy_serve(&options));
}

static void count_lines(int errors, int *ret_lines, int *ret_odd)
{
	static char text[1 << 16];
	FILE *file = fdopen(errors, "r");

	*ret_lines = *ret_odd = 0;
	rewind(file);
	while (fgets(text, sizeof(text), file) != NULL) {
		++*ret_lines;
		if (strncmp(text, LAST_WORDS, sizeof(LAST_WORDS) - 1) != 0) {
			++*ret_odd;
			printf("     odd last words: %s", text);
		}
	}
	fclose(file);
}

static void every_failed_allocation_ends_it_cleanly(void)
{
	struct cage_child cage = { .pid = -1 };
	struct cage_answer answer;
	int channel[2], lines, odd, status;
	int errors = memfd_create("errors", 0);

	if (errors < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, channel) < 0)
		abort();
	fflush(stdout);
	cage.pid = fork();
	if (cage.pid == 0) {
		close(channel[0]);
		serve_with_failures(channel[1], errors);
	}
	close(channel[1]);
	cage.channel = channel[0];
	cage_send(&cage, VM_FRAME_LOAD, script, sizeof(script) - 1);
	cage_hear(&cage, 200000, &answer);
	EXPECT(strstr(answer.text, "\"result\":{\"version\":1}") != NULL);
	for (int i = 1; i <= 2; i++) {
		cage_send(&cage, VM_FRAME_CALL, CALL, strlen(CALL));
		cage_hear(&cage, 200000, &answer);
		EXPECT(strstr(answer.text, i == 1 ? "\"usa6\"" : "\"usa12\"") != NULL);
	}
	close(cage.channel);
	waitpid(cage.pid, &status, 0);
	EXPECT_EQUAL(WEXITSTATUS(status), VM_EXIT_MOVER_GONE);
	EXPECT(tally->allocations > 1000);
	EXPECT_EQUAL(tally->clean, tally->allocations);
	if (tally->first_bad != 0)
		printf("     allocation %d ended with %#x\n", tally->first_bad,
		       tally->first_status);
	count_lines(errors, &lines, &odd);
	EXPECT_EQUAL(lines, tally->allocations);
	EXPECT_EQUAL(odd, 0);
	printf("each of %d allocations failed once\n", tally->allocations);
}

int main(void)
{
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (tally == MAP_FAILED)
		abort();
	every_failed_allocation_ends_it_cleanly();
	return test_summary();
}
