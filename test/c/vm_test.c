/* Runs small modules through c/vm in child processes, with this process as the mover. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract.gen.h"
#include "proc_line.h"
#include "test.h"
#include "vm/vm.h"
#include "vm/vm_internal.h"

#define TEXT_MAX 65536
#define WAIT_MS 20000

/* What a module of these tests begins with: `say` sends a line as a contract log message. */
#define PREAMBLE                                                                                   \
	"import * as host from 'adit:host';\n"                                                     \
	"let due = Infinity;\n"                                                                    \
	"const say = (text) => { const b = host.utf8Encode(String(text));\n"                       \
	"  const size = [b.length & 255, b.length >> 8];\n"                                        \
	"  return host.send(new Uint8Array([4, 0, 0, 0, 0, 0, 0, 0, 6, ...size, ...b])); };\n"     \
	"export const nextDeadlineMs = () => due;\n"
#define NO_MESSAGE "export const onMessage = () => {};\n"
#define NO_DESCRIPTOR "export const onDescriptor = () => {};\n"
#define NO_TIMER "export const onTimer = () => {};\n"
#define QUIET NO_MESSAGE NO_DESCRIPTOR NO_TIMER

#define START(body) PREAMBLE QUIET "export function start() {" body "}\n"

struct child {
	pid_t pid;
	int channel;
	int output; /* standard error, and of a client standard output too */
	int status;
	char text[TEXT_MAX]; /* what was said, a line each */
	char errors[TEXT_MAX]; /* what came from output */
};

static struct vm_options options_of(const char *module)
{
	return (struct vm_options){ .module_text = module, .module_size = strlen(module) };
}

static void launch(struct child *child, const struct vm_options *options)
{
	int channel[2], output[2];

	memset(child, 0, sizeof(*child));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0 ||
	    pipe2(output, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	child->pid = fork();
	if (child->pid == 0) {
		dup2(channel[1], VM_CHANNEL_FD);
		dup2(output[1], STDERR_FILENO);
		_exit(vm_decider_main(options));
	}
	close(channel[1]);
	close(output[1]);
	child->channel = channel[0];
	child->output = output[0];
}

/* Receives one line into child->text; false at the end or after WAIT_MS. */
static bool hear(struct child *child)
{
	static uint8_t buf[MSG_BYTES_MAX];
	struct pollfd channel = { .fd = child->channel, .events = POLLIN };
	size_t length = strlen(child->text);
	struct msg_header header;
	struct msg_log message;
	ssize_t size;

	if (poll(&channel, 1, WAIT_MS) != 1)
		return false;
	size = recv(child->channel, buf, sizeof(buf), 0);
	if (size <= 0)
		return false;
	if (msg_header_decode(buf, (size_t)size, &header) < 0 || header.id != MSG_LOG)
		abort();
	size -= CODEC_HEADER_BYTES;
	if (msg_log_decode(buf + CODEC_HEADER_BYTES, (size_t)size, &message) < 0)
		abort();
	snprintf(child->text + length, TEXT_MAX - length, "%s\n", message.text);
	return true;
}

static void read_output(struct child *child)
{
	size_t size = 0;
	ssize_t r;

	while ((r = read(child->output, child->errors + size, TEXT_MAX - 1 - size)) > 0)
		size += (size_t)r;
	close(child->output);
}

/* Hears it out and collects its status; -signal if one ended it. */
static void finish(struct child *child)
{
	int status = 0;

	while (hear(child))
		;
	read_output(child);
	close(child->channel);
	waitpid(child->pid, &status, 0);
	child->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
	if (strstr(child->errors, "Sanitizer") != NULL)
		printf("%s", child->errors);
}

static void run(struct child *child, const struct vm_options *options)
{
	launch(child, options);
	finish(child);
}

static void send_ping(struct child *child, uint32_t token, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct msg_ping ping = { token };
	uint8_t buf[64];
	int size = msg_ping_encode(&ping, 9, buf, sizeof(buf));
	struct iovec part = { buf, (size_t)size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = CMSG_LEN(sizeof(int));
	}
	EXPECT_EQUAL(sendmsg(child->channel, &message, MSG_NOSIGNAL), size);
}

/* ------------------------------------------------------------------ the life of it */

static void calls_come_in_order(void)
{
	struct vm_options options = options_of(
		PREAMBLE NO_DESCRIPTOR
		"export const start = () => { say('start ' + host.mode); };\n"
		"export const onMessage = (bytes, fd) => {\n"
		"  say(`message ${bytes.join()} ${fd}`); due = host.monotonicMs() + 30;\n"
		"  Promise.resolve().then(() => say('job')); };\n"
		"export const onTimer = () => { say(`timer ${host.monotonicMs() >= due}`);\n"
		"  due = Infinity; host.exit(5); };\n");
	struct child child;

	launch(&child, &options);
	EXPECT(hear(&child));
	send_ping(&child, 0x01020304, -1);
	finish(&child);
	EXPECT_TEXT(child.text, "start decider\nmessage 6,0,0,0,9,0,0,0,4,3,2,1 -1\njob\n"
				"timer true\n");
	EXPECT_TEXT(child.errors, "");
	EXPECT_EQUAL(child.status, 5);
}

static void a_vanished_mover_ends_it(void)
{
	struct vm_options options = options_of(START("say(1);"));
	struct child child;

	launch(&child, &options);
	EXPECT(hear(&child));
	shutdown(child.channel, SHUT_RDWR);
	finish(&child);
	EXPECT_EQUAL(child.status, VM_EXIT_MOVER_GONE);
	EXPECT(strstr(child.errors, "decider: the mover is gone\n") != NULL);
}

static void inherited_descriptors_are_closed(void)
{
	struct vm_options options = options_of(START("say(1);"));
	struct child child;
	struct pollfd end;
	int ends[2];
	char byte;

	if (pipe(ends) < 0)
		abort();
	launch(&child, &options);
	EXPECT(hear(&child));
	close(ends[1]);
	end = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	EXPECT_EQUAL(poll(&end, 1, WAIT_MS), 1);
	EXPECT_EQUAL(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	shutdown(child.channel, SHUT_RDWR);
	finish(&child);
}

/* The filter itself is tried further down: the sanitizer's own system calls keep it out here. */
static void confinement_shows_in_proc(void)
{
	struct vm_options options = options_of(START("say('up');"));
	struct child child;
	char line[256];
	long soft = -1;

	launch(&child, &options);
	EXPECT(hear(&child));
	proc_line(child.pid, "status", "NoNewPrivs:", line, sizeof(line));
	EXPECT_TEXT(line, "NoNewPrivs:\t1\n");
	proc_line(child.pid, "limits", "Max open files", line, sizeof(line));
	sscanf(line, "Max open files %ld", &soft);
	EXPECT_EQUAL(soft, 128);
	proc_line(child.pid, "limits", "Max core file size", line, sizeof(line));
	sscanf(line, "Max core file size %ld", &soft);
	EXPECT_EQUAL(soft, 0);
#ifndef __SANITIZE_ADDRESS__
	proc_line(child.pid, "status", "Seccomp:", line, sizeof(line));
	EXPECT_TEXT(line, "Seccomp:\t2\n");
#endif
	shutdown(child.channel, SHUT_RDWR);
	finish(&child);
}

static void signals_of_a_terminal_are_ignored(void)
{
	struct vm_options options = options_of(
		PREAMBLE NO_DESCRIPTOR NO_TIMER
		"export const start = () => say('up');\n"
		"export const onMessage = () => host.exit(3);\n");
	struct child child;

	launch(&child, &options);
	EXPECT(hear(&child));
	kill(child.pid, SIGINT);
	kill(child.pid, SIGTERM);
	kill(child.pid, SIGHUP);
	send_ping(&child, 1, -1);
	finish(&child);
	EXPECT_EQUAL(child.status, 3);
}

/* -------------------------------------------------------------------------- faults */

/* The module's start() runs into `status`, and both logs say `words`. */
static void expect_fault(const char *module, struct vm_options options, int status,
			 const char *words)
{
	struct child child;

	options.module_text = module;
	options.module_size = strlen(module);
	run(&child, &options);
	EXPECT_EQUAL(child.status, status);
	EXPECT(strstr(child.errors, words) != NULL);
	EXPECT(strstr(child.text, words) != NULL);
	if (strstr(child.errors, words) == NULL)
		printf("     expected \"%s\" in: %s", words, child.errors);
}

static void exceptions_are_fatal(void)
{
	struct vm_options options = { 0 };

	expect_fault(START("throw new TypeError('boom');"), options, VM_EXIT_EXCEPTION,
		     "decider: TypeError: boom at start (adit.mjs:");
	expect_fault(START("throw { toString() { return 'odd'; } };"), options, VM_EXIT_EXCEPTION,
		     "decider: odd");
	expect_fault(START("const f = () => f() + 1; f();"), options, VM_EXIT_EXCEPTION,
		     "stack overflow");
	expect_fault(START("(async () => { throw new Error('late'); })();"), options,
		     VM_EXIT_EXCEPTION, "decider: Error: late");
	expect_fault(START("host.close(77);"), options, VM_EXIT_EXCEPTION,
		     "RangeError: no descriptor 77");
	expect_fault(START("host.send(new Uint8Array(70000));"), options, VM_EXIT_EXCEPTION,
		     "RangeError: a message of 70000 bytes");
	expect_fault(START("host.send('text');"), options, VM_EXIT_EXCEPTION, "TypeError");
	expect_fault(START("host.readFile('/etc/hostname');"), options, VM_EXIT_EXCEPTION,
		     "only the command line client");
	expect_fault(START("due = NaN;"), options, VM_EXIT_EXCEPTION, "nextDeadlineMs");
}

static void handled_rejections_are_not(void)
{
	struct vm_options options = options_of(
		START("const p = Promise.reject(new Error('caught'));"
		      "p.catch((e) => { say(e.message); host.exit(0); });"));
	struct child child;

	run(&child, &options);
	EXPECT_EQUAL(child.status, 0);
	EXPECT_TEXT(child.text, "caught\n");
}

static void unusable_modules_are_refused(void)
{
	struct vm_options options = { 0 };

	expect_fault("export const start = () => {", options, VM_EXIT_EXCEPTION, "SyntaxError");
	expect_fault(PREAMBLE QUIET, options, VM_EXIT_EXCEPTION, "exports no function start");
	expect_fault("import 'elsewhere';" START(""), options, VM_EXIT_EXCEPTION, "elsewhere");
	expect_fault(START("") "await new Promise(() => {});", options, VM_EXIT_EXCEPTION,
		     "waits at its top level");
	expect_fault(START("") "throw new Error('early');", options, VM_EXIT_EXCEPTION,
		     "Error: early");
	options.module_path = "/nonexistent/adit.mjs";
	expect_fault("", options, VM_EXIT_EXCEPTION, "/nonexistent/adit.mjs: No such file");
}

static void endless_loops_are_ended(void)
{
	struct vm_options options = { .call_ms = 300 };

	expect_fault(PREAMBLE QUIET "function spin() { for (;;); }\n"
				    "export function start() { spin(); }\n",
		     options, VM_EXIT_LOOP, "loop: ran for more than 300 ms at spin (adit.mjs:");
	expect_fault(START("try { for (;;); } catch { say('caught'); } finally { for (;;); }"),
		     options, VM_EXIT_LOOP, "loop: ran for more than 300 ms");
	expect_fault(START("(async () => { for (;;) await null; })();"), options, VM_EXIT_LOOP,
		     "loop: ran for more than 300 ms");
	expect_fault(START("/(a+)+$/.test('a'.repeat(64) + 'b');"), options, VM_EXIT_LOOP,
		     "loop: ran for more than 300 ms");
	expect_fault(START("Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);"), options,
		     VM_EXIT_STUCK, "stuck: a built-in function ran for more than 600 ms");
	expect_fault("for (;;);" START(""), options, VM_EXIT_LOOP,
		     "loop: ran for more than 1500 ms");
}

static void memory_is_limited(void)
{
	struct vm_options options = { .memory_bytes = 4 << 20 };
	const char *words = "out of memory (limit 4194304 bytes)";

	expect_fault(START("const a = []; for (;;) a.push(new Array(1000).fill(a));"), options,
		     VM_EXIT_MEMORY, words);
	expect_fault(START("try { new ArrayBuffer(2 ** 30); } catch { say('caught'); }"), options,
		     VM_EXIT_MEMORY, words);
	expect_fault(START("const a = []; for (;;) a.push('x'.repeat(9999) + a.length);"),
		     options, VM_EXIT_MEMORY, words);
}

/* Twenty times the limit passes through, most of it in cycles. */
static void garbage_is_collected(void)
{
	struct vm_options options = options_of(
		PREAMBLE NO_MESSAGE NO_DESCRIPTOR
		"let turns = 0;\n"
		"export const start = () => { due = 0; };\n"
		"export const onTimer = () => {\n"
		"  for (let i = 0; i < 20; i++) { const a = new Array(1000).fill(0); a[0] = a; }\n"
		"  if (++turns === 300) { say('through'); host.exit(0); } };\n");
	struct child child;

	options.memory_bytes = 4 << 20;
	run(&child, &options);
	EXPECT_EQUAL(child.status, 0);
	EXPECT_TEXT(child.text, "through\n");
}

/* -------------------------------------------------------------------- the language */

static void shared_objects_are_frozen(void)
{
	struct vm_options options = options_of(START(
		"const names = ['Date', 'eval', 'Function', 'BigInt', 'Proxy', 'WeakRef',"
		"  'SharedArrayBuffer', 'Atomics', 'performance', 'print', 'console'];"
		"say(names.filter((name) => name in globalThis).join());"
		"say([() => 0, function* () {}, async () => 0, async function* () {}]"
		"  .every((one) => one.constructor === Object) && Math.random === undefined);"
		"let refused = 0;"
		"const changes = [() => { Array.prototype.push = 1; }, () => { globalThis.x = 1; },"
		"  () => { Object.prototype.polluted = 1; }, () => { JSON.parse = 1; },"
		"  () => { Object.getPrototypeOf(async () => 0).x = 1; },"
		"  () => { Promise.prototype.then = 1; }, () => { RegExp.prototype.exec = 1; },"
		"  () => { Object.getPrototypeOf(new Uint8Array(1)).set = 1; },"
		"  () => { Object.setPrototypeOf(Object.prototype, null);"
		"    Object.setPrototypeOf(Array.prototype, {}); }];"
		"for (const change of changes) {"
		"  try { change(); say(change); } catch { refused++; } }"
		"say(refused === changes.length);"
		"class Mine extends Error { name = 'Mine'; } const mine = new Mine('own');"
		"say(`${mine}`); host.exit(0);"));
	struct child child;

	run(&child, &options);
	EXPECT_EQUAL(child.status, 0);
	EXPECT_TEXT(child.text, "\ntrue\ntrue\nMine: own\n");
}

static void host_functions_work(void)
{
	struct vm_options options = options_of(START(
		"const hex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');"
		"say(hex(host.sha256(host.utf8Encode('abc'))));"
		"say(hex(host.utf8Encode('\\ud800a\\u00e9\\u{1f600}')));"
		"say(host.utf8Decode(new Uint8Array([0xe2, 0x82, 0xac])));"
		"say(host.utf8Decode(new Uint8Array([0xff])));"
		"say(host.random(256).length + host.random(0).length);"
		"say(host.random(32).join() !== host.random(32).join());"
		"say(host.wallMs() > 1.7e12 && host.monotonicMs() > 0);"
		"say(host.sha256(new Uint8Array([1, 2, 3, 97, 98, 99]).subarray(3)).length);"
		"const parts = (text) => text.match(/../g).map((x) => parseInt(x, 16));"
		"const bytes = (...texts) => new Uint8Array(texts.flatMap(parts));"
		"const key = bytes('d75a980182b10ab7d54bfed3c964073a',"
		"  '0ee172f3daa62325af021a68f707511a');"
		"const signature = bytes("
		"  'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155',"
		"  '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b');"
		"const empty = new Uint8Array(0);"
		"say(host.verifyEd25519(key, signature, empty));"
		"say(host.verifyEd25519(key, signature, new Uint8Array(1)));"
		"say(host.verifyEd25519(key.subarray(1), signature, empty));"
		"say(host.verifyEd25519(key, signature.subarray(1), empty));"
		"say(host.args.length + host.hostVersion); host.exit(0);"));
	struct child child;

	run(&child, &options);
	EXPECT_EQUAL(child.status, 0);
	EXPECT_TEXT(child.text,
		    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
		    "efbfbd61c3a9f09f9880\n\xe2\x82\xac\nundefined\n256\ntrue\ntrue\n32\n"
		    "true\nfalse\nfalse\nfalse\n"
		    "0" ADIT_VERSION "\n");
}

/* --------------------------------------------------------------------- descriptors */

static void a_passed_socket_is_served(void)
{
	struct vm_options options = options_of(
		PREAMBLE NO_TIMER
		"export const start = () => {};\n"
		"export const onMessage = (bytes, fd) => { say(host.read(fd, 9));\n"
		"  host.watch(fd, true, true); };\n"
		"export const onDescriptor = (fd, readable, writable) => {\n"
		"  if (writable) { say(host.write(fd, host.utf8Encode('hello')));\n"
		"    host.watch(fd, true, false); }\n"
		"  if (!readable) return;\n"
		"  const data = host.read(fd, 65536);\n"
		"  say(`${data.length} ${host.utf8Decode(data)}`);\n"
		"  if (data.length === 0) { host.close(fd); host.exit(0); } };\n");
	struct child child;
	char answer[16] = "";
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	launch(&child, &options);
	send_ping(&child, 1, ends[1]);
	close(ends[1]);
	EXPECT_EQUAL(read(ends[0], answer, sizeof(answer) - 1), 5);
	EXPECT_TEXT(answer, "hello");
	EXPECT_EQUAL(write(ends[0], "abc", 3), 3);
	while (strstr(child.text, "abc") == NULL && hear(&child))
		;
	close(ends[0]);
	finish(&child);
	EXPECT_EQUAL(child.status, 0);
	EXPECT_TEXT(child.text, "-11\n5\n3 abc\n0 \n");
}

static void descriptors_are_limited(void)
{
	struct vm_options options = options_of(
		PREAMBLE NO_TIMER
		"let taken = 0;\n"
		"export const start = () => {};\n"
		"export const onMessage = (bytes, fd) => { host.watch(fd, true, false); };\n"
		"export const onDescriptor = (fd) => {\n"
		"  for (;;) { const r = host.accept(fd);\n"
		"    if (r === -11) return;\n"
		"    if (r >= 0) { taken++; continue; }\n"
		"    say(`${r} after ${taken}`); host.exit(0); return; } };\n");
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(sa_family_t);
	int clients[VM_FDS_MAX + 2];
	struct child child;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* Binding to the bare family picks a free abstract name, unix(7). */
	if (bind(listener, (struct sockaddr *)&name, size) < 0 || listen(listener, 128) < 0)
		abort();
	size = sizeof(name);
	getsockname(listener, (struct sockaddr *)&name, &size);
	launch(&child, &options);
	for (int i = 0; i < VM_FDS_MAX + 2; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		EXPECT_EQUAL(connect(clients[i], (struct sockaddr *)&name, size), 0);
	}
	send_ping(&child, 1, listener);
	finish(&child);
	for (int i = 0; i < VM_FDS_MAX + 2; i++)
		close(clients[i]);
	close(listener);
	EXPECT_EQUAL(child.status, 0);
	EXPECT_TEXT(child.text, "-24 after 63\n");
}

/* Nobody listens until it says beside the channel that it was refused: at least the 4 MiB are kept,
 * in order. */
static void output_is_queued_and_bounded(void)
{
	struct vm_options options = options_of(
		PREAMBLE NO_DESCRIPTOR
		"let sent = 0, final = '';\n"
		"export const start = () => {};\n"
		"export const onMessage = (bytes, fd) => {\n"
		"  const filler = ' '.repeat(1000);\n"
		"  for (;;) { const r = say(sent + filler); if (r === 0) { sent++; continue; }\n"
		"    host.write(fd, host.utf8Encode('.'));\n"
		"    due = host.monotonicMs() + 1; final = `${r} ${sent}`; return; } };\n"
		"export const onTimer = () => { due = host.monotonicMs() + 10;\n"
		"  if (say(final) === 0) host.exit(0); };\n");
	struct child child;
	bool ordered = true;
	int lines = 0, ends[2];
	char *end, refused = '\0';

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	options.call_ms = 20000; /* all 4 MiB are one call */
	launch(&child, &options);
	send_ping(&child, 1, ends[1]);
	close(ends[1]);
	EXPECT_EQUAL(read(ends[0], &refused, 1), 1);
	close(ends[0]);
	for (child.text[0] = '\0'; hear(&child) && child.text[0] != '-'; child.text[0] = '\0')
		ordered = ordered && strtol(child.text, &end, 10) == lines++;
	EXPECT(ordered);
	EXPECT_EQUAL(strtol(child.text, &end, 10), -ENOBUFS);
	EXPECT_EQUAL(strtol(end, NULL, 10), lines);
	EXPECT(lines > (4 << 20) / 1100);
	finish(&child);
	EXPECT_EQUAL(child.status, 0);
}

/* ---------------------------------------------------------------------- the client */

static void run_client(struct child *child, const char *module, char **words)
{
	struct vm_options options = options_of(module);
	int argc = 0;
	int output[2];
	int status;

	memset(child, 0, sizeof(*child));
	while (words[argc] != NULL)
		argc++;
	if (pipe2(output, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	child->pid = fork();
	if (child->pid == 0) {
		dup2(output[1], STDOUT_FILENO);
		dup2(output[1], STDERR_FILENO);
		_exit(vm_cli_main(argc, words, &options));
	}
	close(output[1]);
	child->output = output[0];
	read_output(child);
	waitpid(child->pid, &status, 0);
	child->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void the_client_has_its_own_functions(void)
{
	char folder[] = "/tmp/adit-vm-test-XXXXXX";
	char path[64];
	char *words[] = { "adit", "status", path, NULL };
	struct stat info;
	struct child child;

	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/new", folder);
	setenv("ADIT_VM_TEST", "set", 1);
	run_client(&child, START("const out = (...w) => host.writeOut(w.join(' ') + '\\n');"
				 "const [verb, path] = host.args;"
				 "out(host.mode, host.args.length, verb, host.isTerminal());"
				 "const get = host.environment;"
				 "out(get('ADIT_VM_TEST'), get('ADIT_NO'));"
				 "const data = host.utf8Encode('content');"
				 "out(host.terminalColumns(), host.hasInterface('lo'),"
				 " host.hasInterface('no-such0'), host.fileFacts(path));"
				 "out(host.createFile(path, 0o600, data));"
				 "out(JSON.stringify(host.fileFacts(path)));"
				 "out(host.createFile(path, 0o600, data));"
				 "out(host.utf8Decode(host.readFile(path)));"
				 "out(host.readFile('/nonexistent'), host.readFile('/'));"
				 "out(host.connectUnix('/nonexistent'));"
				 "host.writeErr('last\\n'); host.exit(4);"),
		   words);
	EXPECT_EQUAL(child.status, 4);
	EXPECT_TEXT(child.errors, "cli 2 status false\nset \n0 true false -2\n0\n"
				  "{\"mode\":384,\"owner\":0}\n-17\ncontent\n-2 -21\n-2\nlast\n");
	EXPECT_EQUAL(stat(path, &info), 0);
	EXPECT_EQUAL(info.st_mode & 0777, 0600);
	unlink(path);
	rmdir(folder);
}

static void the_client_makes_certificates(void)
{
	char *words[] = { "adit", NULL };
	struct child child;

	run_client(&child,
		   START("const made = host.generateCertificate('gateway', 30);"
			 "host.writeOut([made.certificate.startsWith('-----BEGIN CERTIFICATE'),"
			 "/^-----BEGIN (EC )?PRIVATE KEY/.test(made.key),"
			 "/^sha256\\/[A-Za-z0-9+/]{43}=$/.test(made.pin)].join());"
			 "host.exit(0);"),
		   words);
	EXPECT_TEXT(child.errors, "true,true,true");
	EXPECT_EQUAL(child.status, 0);
}

static void the_client_does_not_hang(void)
{
	char *words[] = { "adit", NULL };
	struct child child;

	run_client(&child, START(""), words);
	EXPECT_TEXT(child.errors, "adit: nothing is left to wait for\n");
	EXPECT_EQUAL(child.status, VM_EXIT_EXCEPTION);
	run_client(&child, START("throw new Error('usage');"), words);
	EXPECT(strncmp(child.errors, "adit: Error: usage at start", 27) == 0);
	EXPECT_EQUAL(child.status, VM_EXIT_EXCEPTION);
}

int main(void)
{
	calls_come_in_order();
	a_vanished_mover_ends_it();
	inherited_descriptors_are_closed();
	confinement_shows_in_proc();
	signals_of_a_terminal_are_ignored();
	exceptions_are_fatal();
	handled_rejections_are_not();
	unusable_modules_are_refused();
	endless_loops_are_ended();
	memory_is_limited();
	garbage_is_collected();
	shared_objects_are_frozen();
	host_functions_work();
	a_passed_socket_is_served();
	descriptors_are_limited();
	output_is_queued_and_bounded();
	the_client_has_its_own_functions();
	the_client_makes_certificates();
	the_client_does_not_hang();
	return test_summary();
}
