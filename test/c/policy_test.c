/* Runs small scripts in real cages. */
#define _GNU_SOURCE
#include "cage.h"
#include "proc_line.h"
#include "vm/vm_internal.h"
#include "vm/vm_policy.h"

#define CALL "{\"call\":\"decide\",\"world\":{\"n\":1}}"
#define HEAD "import { definePolicy, via, block } from 'adit:policy';\n"
#define ROUTE(body) HEAD "export default definePolicy({ route(device, world) {" body "} });\n"

static void load(struct cage_child *cage, const char *script, struct cage_answer *ret_answer)
{
	cage_ask(cage, VM_FRAME_LOAD, script, strlen(script), ret_answer);
}

static void call(struct cage_child *cage, struct cage_answer *ret_answer)
{
	cage_ask(cage, VM_FRAME_CALL, CALL, strlen(CALL), ret_answer);
}

/* The part of an answer behind what it cost. */
static const char *tail(const struct cage_answer *answer)
{
	const char *part = strstr(answer->text, "\"result\":");

	return part != NULL ? part : strstr(answer->text, "\"error\":") ?: "";
}

/* One script, loaded and called once in a cage of its own; the answer to the call, or to the load
 * if that failed. */
static void run(const char *script, struct cage_child *ret_cage, struct cage_answer *ret_answer)
{
	struct vm_policy_options options = cage_options();

	cage_open(ret_cage, &options);
	load(ret_cage, script, ret_answer);
	if (ret_answer->kind == VM_FRAME_RESULT)
		call(ret_cage, ret_answer);
	cage_close(ret_cage);
}

static void expect_error(const char *script, const char *kind, const char *words)
{
	struct cage_child cage;
	struct cage_answer answer;
	char start[64];

	run(script, &cage, &answer);
	snprintf(start, sizeof(start), "\"error\":{\"kind\":\"%s\"", kind);
	EXPECT_EQUAL(answer.kind, VM_FRAME_ERROR);
	EXPECT(strncmp(tail(&answer), start, strlen(start)) == 0);
	EXPECT(strstr(answer.text, words) != NULL);
	if (strstr(answer.text, words) == NULL || strstr(answer.text, start) == NULL)
		printf("     expected %s \"%s\" in: %s\n", kind, words, answer.text);
	EXPECT_EQUAL(cage.status, VM_EXIT_MOVER_GONE);
	EXPECT_TEXT(cage.errors, "");
}

static void expect_death(const char *script, int status, const char *words)
{
	struct cage_child cage;
	struct cage_answer answer;

	run(script, &cage, &answer);
	EXPECT_EQUAL(answer.kind, 0);
	EXPECT_EQUAL(cage.status, status);
	EXPECT(strstr(cage.errors, words) != NULL);
	if (strstr(cage.errors, words) == NULL)
		printf("     expected \"%s\" in: %s\n", words, cage.errors);
}

static void expect_result(const char *script, const char *result)
{
	struct cage_child cage;
	struct cage_answer answer;

	run(script, &cage, &answer);
	EXPECT_EQUAL(answer.kind, VM_FRAME_RESULT);
	EXPECT_TEXT(tail(&answer), result);
	EXPECT_EQUAL(cage.status, VM_EXIT_MOVER_GONE);
	EXPECT_TEXT(cage.errors, "");
}

/* ------------------------------------------------------------------------- answers */

static void scripts_are_served(void)
{
	struct vm_policy_options options = cage_options();
	struct cage_child cage;
	struct cage_answer answer;
	unsigned long long cpu_us = 0, memory = 0;

	cage_open(&cage, &options);
	load(&cage, ROUTE("return via('de' + world.n);"), &answer);
	EXPECT_TEXT(tail(&answer), "\"result\":{\"version\":1}}");
	for (int i = 0; i < 50; i++) {
		call(&cage, &answer);
		EXPECT_TEXT(tail(&answer), "\"result\":{\"action\":\"via\",\"location\":\"de1\"}}");
	}
	EXPECT_EQUAL(sscanf(answer.text, "{\"cpu_us\":%llu,\"memory\":%llu,", &cpu_us, &memory), 2);
	EXPECT(cpu_us < 100000);
	EXPECT(memory > 10000 && memory < VM_POLICY_MEMORY_BYTES_DEFAULT);
	cage_close(&cage);
	EXPECT_EQUAL(cage.status, VM_EXIT_MOVER_GONE);
	EXPECT_TEXT(cage.errors, "");
}

static void errors_are_named(void)
{
	expect_error("const = 1;", "syntax", "at policy.mjs:1:7");
	expect_error("import fs from 'node:fs';", "import", "cannot import 'node:fs'");
	expect_error("import * as c from 'adit:cage';", "import", "cannot import 'adit:cage'");
	expect_error("export * from 'policy.mjs';", "import", "cannot import 'policy.mjs'");
	expect_error("await import('os');", "import", "cannot import 'os'");
	expect_error("import { handle } from 'adit:policy';", "load", "handle");
	expect_error("\n throw new RangeError('early');", "load", "RangeError: early");
	expect_error("await {then() {}};", "load", "waits at its top level");
	expect_error("export const a = 1;", "load", "the script exports no policy");
	expect_error("export default {};", "load", "no function route");
	expect_error(ROUTE("\n  null.x;"), "throw", "policy.mjs:3:");
	expect_error(ROUTE("throw 'odd';"), "throw", "\"message\":\"odd\"");
	expect_error(ROUTE("throw Symbol('x');"), "throw", "a symbol");
	expect_error(ROUTE("throw { message: 'own' };"), "throw", "an object: own");
	expect_error(ROUTE("(async () => { throw new Error('late'); })(); return block();"),
		     "throw", "Error: late");
	expect_error(ROUTE("class Mine extends RangeError { constructor(m) { super(m);"
			   "  this.name = 'Mine'; } } throw new Mine('own');"),
		     "throw", "\"message\":\"Mine: own\"");
	expect_error(ROUTE("throw new (class extends RangeError {})('own');"), "throw",
		     "\"message\":\"RangeError: own\"");
	expect_error(ROUTE("return 7;"), "rubbish", "route() gave no answer");
	expect_error(ROUTE("const f = () => f() + 1; f();"), "limit", "stack overflow");
	expect_error("\xff", "syntax", "not UTF-8");
}

static void texts_are_bounded(void)
{
	struct cage_child cage;
	struct cage_answer answer;

	run(ROUTE("throw new Error('\\ud800\\u0000\"\\u00e9'.repeat(1e4));"), &cage, &answer);
	EXPECT_EQUAL(answer.kind, VM_FRAME_ERROR);
	EXPECT(strlen(answer.text) < 6 * VM_POLICY_MESSAGE_MAX + 1024);
	EXPECT(strstr(answer.text, "Error: \xef\xbf\xbd") != NULL);
	run(ROUTE("const f = (n) => n ? f(n - 1) : null.x; f(200);"), &cage, &answer);
	EXPECT_EQUAL(answer.kind, VM_FRAME_ERROR);
	EXPECT(strlen(answer.text) < VM_POLICY_STACK_MAX + 1024);
}

/* A getter or a toString of the thrown object would be the script's turn once more. */
static void errors_run_nothing(void)
{
	expect_error(ROUTE("throw { get message() { for (;;); }, toString() { for (;;); } };"),
		     "throw", "an object");
	expect_error(ROUTE("const e = new Error('x');"
			   "Object.defineProperty(e, 'stack', { get() { for (;;); } });"
			   "throw e;"),
		     "throw", "Error: x");
}

/* -------------------------------------------------------------------------- limits */

static void loops_end_and_the_cage_goes_on(void)
{
	struct vm_policy_options options = cage_options();
	struct cage_child cage;
	struct cage_answer answer;

	cage_open(&cage, &options);
	load(&cage, HEAD "let turn = 0;\nexport default { route() {\n"
			 "  if (turn++ % 2 === 0) for (;;);\n  return block(); } };", &answer);
	for (int i = 0; i < 3; i++) {
		call(&cage, &answer);
		EXPECT(strstr(answer.text, "\"kind\":\"limit\"") != NULL);
		EXPECT(strstr(answer.text, "policy.mjs:4:") != NULL);
		EXPECT(cage_cpu_ms(&answer) < 2 * CAGE_CALL_MS);
		call(&cage, &answer);
		EXPECT_TEXT(tail(&answer), "\"result\":{\"action\":\"block\"}}");
	}
	cage_close(&cage);
	EXPECT_EQUAL(cage.status, VM_EXIT_MOVER_GONE);
}

static void limits_are_kept(void)
{
	struct cage_child cage;
	struct cage_answer answer;

	expect_error("for (;;);", "limit", "policy.mjs:1");
	expect_error(ROUTE("/(a+)+$/.test('a'.repeat(64) + 'b');"), "limit", "ran for more than");
	expect_error(ROUTE("try { for (;;); } finally { for (;;); }"), "limit", "ran for more");
	expect_death(ROUTE("\n Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);"),
		     VM_EXIT_STUCK, " at route (policy.mjs:3:");
	expect_death(ROUTE("\n\n const a = []; for (;;) a.push(new Array(1000).fill(a));"),
		     VM_EXIT_MEMORY, " at route (policy.mjs:4:");
	expect_death("'x'.repeat(2 ** 29);", VM_EXIT_MEMORY, "limit 1048576 bytes");
	run(ROUTE("const spin = async () => { for (;;) await 0; }; spin(); return block();"), &cage,
	    &answer);
	EXPECT(strstr(answer.text, "\"kind\":\"limit\"") != NULL);
	EXPECT_EQUAL(cage.status, VM_EXIT_LOOP);
	EXPECT(strstr(cage.errors, "policy: loop: jobs are left") != NULL);
}

/* -------------------------------------------------------------------- the language */

static void little_is_reachable(void)
{
	expect_result(
		ROUTE("const names = ['Date', 'eval', 'Function', 'BigInt', 'Proxy', 'WeakRef',"
		      "'SharedArrayBuffer', 'Atomics', 'performance', 'print', 'console', 'os',"
		      "'Promise', 'Uint8Array', 'ArrayBuffer', 'FinalizationRegistry', 'std',"
		      "'setTimeout', 'queueMicrotask', 'navigator', 'process', 'gc', 'scriptArgs'];"
		      "return via(names.filter((name) => name in globalThis).join());"),
		"\"result\":{\"action\":\"via\",\"location\":\"\"}}");
	expect_result(
		ROUTE("const kinds = [() => 0, function* () {}, async () => 0,"
		      "  async function* () {}, class {}, via, { m() {} }.m];"
		      "return via(kinds.every((one) => one.constructor === Object) &&"
		      "  (async () => 0)().constructor === Object && Math.random === undefined);"),
		"\"result\":{\"action\":\"via\",\"location\":\"true\"}}");
}

static void all_is_frozen(void)
{
	expect_result(
		ROUTE("const done = [];"
		      "const changes = [() => { Array.prototype.push = 1; },"
		      "  () => { globalThis.x = 1; }, () => { Object.prototype.polluted = 1; },"
		      "  () => { JSON.parse = 1; }, () => { via.x = 1; }, () => { world.n = 2; },"
		      "  () => { device.mac = 1; }, () => { via.prototype = {}; },"
		      "  () => { (async () => 0)().__proto__.then = 1; },"
		      "  () => { RegExp.prototype.exec = 1; }, () => { Symbol.prototype.x = 1; },"
		      "  () => { Object.getPrototypeOf(function* () {}).x = 1; },"
		      "  () => { Object.setPrototypeOf(Array.prototype, {}); }];"
		      "for (const change of changes) {"
		      "  try { change(); done.push(`${changes.indexOf(change)}`); } catch {} }"
		      "return via(done.join());"),
		"\"result\":{\"action\":\"via\",\"location\":\"\"}}");
}

/* ---------------------------------------------------------------------- the process */

static void expect_limit(pid_t pid, const char *name, long value)
{
	char line[256];
	long soft = -1;

	proc_line(pid, "limits", name, line, sizeof(line));
	if (line[0] != '\0')
		soft = strtol(line + strlen(name), NULL, 10);
	EXPECT_EQUAL(soft, value);
}

static void confinement_shows_in_proc(void)
{
	struct vm_policy_options options = cage_options();
	struct cage_child cage;
	struct cage_answer answer;
	char line[256];

	cage_open(&cage, &options);
	load(&cage, ROUTE("return block();"), &answer);
	proc_line(cage.pid, "status", "NoNewPrivs:", line, sizeof(line));
	EXPECT_TEXT(line, "NoNewPrivs:\t1\n");
	expect_limit(cage.pid, "Max core file size", 0);
	expect_limit(cage.pid, "Max file size", 0);
	expect_limit(cage.pid, "Max processes", 0);
	expect_limit(cage.pid, "Max cpu time", 2 + 2 * CAGE_CALL_MS / 1000);
#ifndef __SANITIZE_ADDRESS__
	expect_limit(cage.pid, "Max open files", 0);
	proc_line(cage.pid, "status", "Seccomp:", line, sizeof(line));
	EXPECT_TEXT(line, "Seccomp:\t2\n");
#endif
	cage_close(&cage);
}

static void bad_frames_end_it(void)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *words;
	} frames[] = {
		{ "\0\0\0\0L", 5, "a frame of 0 bytes" },
		{ "\1\0\x10\0L", 5, "a frame of 1048577 bytes" },
		{ "\2\0\0\0Xx", 6, "a frame of kind 88" },
	};
	struct vm_policy_options options = cage_options();
	struct cage_answer answer;

	for (size_t i = 0; i < 3; i++) {
		struct cage_child cage;

		cage_open(&cage, &options);
		EXPECT(cage_write(&cage, frames[i].bytes, frames[i].size));
		cage_hear(&cage, CAGE_WAIT_MS, &answer);
		EXPECT_EQUAL(answer.kind, 0);
		cage_close(&cage);
		EXPECT_EQUAL(cage.status, VM_EXIT_EXCEPTION);
		EXPECT(strstr(cage.errors, frames[i].words) != NULL);
	}
}

static void order_matters(void)
{
	struct vm_policy_options options = cage_options();
	struct cage_child cage;
	struct cage_answer answer;

	cage_open(&cage, &options);
	call(&cage, &answer);
	EXPECT(strstr(answer.text, "the cage holds no script") != NULL);
	load(&cage, "1 +", &answer);
	EXPECT(strstr(answer.text, "\"kind\":\"syntax\"") != NULL);
	load(&cage, ROUTE("return block();"), &answer);
	EXPECT(strstr(answer.text, "a cage holds one script") != NULL);
	call(&cage, &answer);
	EXPECT(strstr(answer.text, "the cage holds no script") != NULL);
	cage_close(&cage);
}

static void bad_preludes_are_fatal(void)
{
	struct vm_policy_options options = { .prelude_text = "export const handle = 1;" };
	struct cage_child cage;

	options.prelude_size = strlen(options.prelude_text);
	cage_open(&cage, &options);
	cage_close(&cage);
	EXPECT_EQUAL(cage.status, VM_EXIT_EXCEPTION);
	EXPECT(strstr(cage.errors, "policy: the prelude exports no function handle\n") != NULL);
	options.prelude_path = "/nonexistent/policy.mjs";
	cage_open(&cage, &options);
	cage_close(&cage);
	EXPECT(strstr(cage.errors, "/nonexistent/policy.mjs: No such file") != NULL);
}

int main(void)
{
	scripts_are_served();
	errors_are_named();
	texts_are_bounded();
	errors_run_nothing();
	loops_end_and_the_cage_goes_on();
	limits_are_kept();
	little_is_reachable();
	all_is_frozen();
	confinement_shows_in_proc();
	bad_frames_end_it();
	order_matters();
	bad_preludes_are_fatal();
	return test_summary();
}
