#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../check.h"
#include "../log.h"
#include "../sys/caps.h"
#include "../sys/proc.h"
#include "../sys/sock.h"
#include "block.h"
#include "entry.h"
#include "limits.h"
#include "mover.h"

#ifndef ADIT_VERSION
#define ADIT_VERSION "0.0.0"
#endif

/* As setpriority(2) counts; RLIMIT_NICE counts from 20 downwards. */
#define NICE_RLIMIT (20 - DECIDER_NICE)
#define OOM_SCORE_MOVER -500
/* How long the decider may take to undo what it did. */
#define FAREWELL_US 5000000

static int complain(const char *what, int error)
{
	log_error("%s: %s", what, strerror(-error));
	return error;
}

/* Makes the directories of `path` that are missing. */
static int make_directories(const char *path)
{
	char part[OPTIONS_PATH_MAX + 1];

	for (const char *at = path + 1;; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)(at - path), path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (*at == '\0')
			return 0;
	}
}

static int refuse_second(int fd, const char *path)
{
	char holder[32] = "";
	ssize_t length = read(fd, holder, sizeof(holder) - 1);

	holder[length > 0 ? length : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
	log_error("another aditd runs with this run directory: process %s holds %s", holder, path);
	close(fd);
	return -EBUSY;
}

/* The lock goes with the process, however it ends. It belongs to the open file, so that a child
 * that closes its copy does not release it. */
static int take_lock(struct mover *mover)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[OPTIONS_PATH_MAX + sizeof(FILE_LOCK_NAME) + 1];
	int fd;

	snprintf(path, sizeof(path), "%s/" FILE_LOCK_NAME, mover->options.run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return complain(path, -errno);
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0)
		return errno == EAGAIN ? refuse_second(fd, path) : complain(path, -errno);
	writer_recall(mover, fd);
	writer_note(mover, fd);
	mover->lock_fd = fd;
	return 0;
}

/* Table, rules and TUN are shared by all who work in a network namespace, whatever their
 * directories are called: two would undo each other's work for ever. The name goes with the
 * process. */
static int take_namespace(struct mover *mover)
{
	struct sock_holder holder = { 0 };
	int fd = sock_claim("adit/aditd", &holder);

	if (fd == -EADDRINUSE && holder.known && holder.uid != 0) {
		log_warning("user %u, who is not root, keeps the name by which a second aditd is "
			    "told: going on",
			    (unsigned int)holder.uid);
		return 0;
	}
	if (fd == -EADDRINUSE) {
		log_error("another aditd, process %d, works in this network namespace",
			  (int)holder.pid);
		return -EBUSY;
	}
	if (fd < 0)
		return complain("the lock of the network namespace", fd);
	mover->namespace_fd = fd;
	return 0;
}

static int limit_resources(void)
{
	struct rlimit none = { 0, 0 };
	struct rlimit nice = { NICE_RLIMIT, NICE_RLIMIT };

	umask(022);
	setrlimit(RLIMIT_CORE, &none);
	proc_set_oom_score(OOM_SCORE_MOVER);
	setrlimit(RLIMIT_NICE, &nice);
	return limits_raise();
}

/* Beside the control module, unless it was named. */
static void resolve_prelude(struct options *options)
{
	const char *module = options->module_path;
	const char *slash = strrchr(module, '/');
	int length = slash ? (int)(slash + 1 - module) : 0;

	if (!options->prelude_path[0])
		snprintf(options->prelude_path, sizeof(options->prelude_path), "%.*spolicy.mjs",
			 length, module);
}

/* Read before privileges go: later the module may be out of reach, and then this text serves. */
static int load_module(struct mover *mover)
{
	struct options *options = &mover->options;
	uint8_t *text = NULL;
	int error = 0;

	if (!options->module_path[0])
		error = options_find_module(OPTIONS_MODULE, options->module_path,
					    sizeof(options->module_path));
	if (!error)
		error = file_read_all(options->module_path, &text, &mover->module_size);
	if (error)
		return complain(options->module_path, error);
	mover->module = (char *)text;
	resolve_prelude(options);
	control_init(mover);
	mover->program_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return mover->program_fd < 0 ? complain("/proc/self/exe", -errno) : 0;
}

static void exit_later(struct mover *mover, int status)
{
	mover->stopping = true;
	mover->exit_status = status;
	loop_stop(mover->loop);
}

void mover_exit(struct mover *mover, int status)
{
	log_info("ending with status %d", status);
	exit_later(mover, status);
}

/* A fresh decider is told of the signal after its hello. */
void mover_farewell_failed(struct mover *mover)
{
	if (mover->last_chance_used) {
		log_error("the decider did not undo its work; what blocks stays in the kernel");
		exit_later(mover, 1);
		return;
	}
	mover->last_chance_used = true;
	loop_timer_stop(&mover->restart);
	loop_timer_start(mover->loop, &mover->farewell, FAREWELL_US);
	decider_start(mover);
}

static void farewell_is_over(struct loop_timer *timer)
{
	struct mover *mover = container_of(timer, struct mover, farewell);

	if (mover->decider.pid)
		decider_kill(mover, "it did not finish within 5 seconds of the signal");
	else
		mover_farewell_failed(mover);
}

/* As its owner would see it, which the real user is not. */
static bool is_held(const struct mover *mover)
{
	struct stat status;

	return mover->options.hold_path[0] && stat(mover->options.hold_path, &status) == 0;
}

static void terminate(struct mover *mover)
{
	if (mover->terminating || is_held(mover)) {
		log_warning("%s: ending at once, what blocks stays in the kernel",
			    mover->terminating ? "second signal" : mover->options.hold_path);
		exit_later(mover, 1);
		return;
	}
	mover->terminating = true;
	if (!mover->decider.pid) {
		mover_farewell_failed(mover);
		return;
	}
	loop_timer_start(mover->loop, &mover->farewell, FAREWELL_US);
	decider_signal(mover, SIGTERM);
}

static void signal_arrived(struct loop_watch *watch, uint32_t events)
{
	struct mover *mover = container_of(watch, struct mover, signal_ready);
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		decider_signal(mover, SIGHUP);
	else
		terminate(mover);
}

static int watch_signals(struct mover *mover)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* Whoever started us may ignore it, and then children could not be waited for. */
	signal(SIGCHLD, SIG_DFL);
	mover->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (mover->signal_fd < 0)
		return complain("signalfd", -errno);
	mover->signal_ready =
		(struct loop_watch){ .fd = mover->signal_fd, .ready = signal_arrived };
	return loop_watch(mover->loop, &mover->signal_ready, EPOLLIN);
}

/* What the next decider believes is read from there: sockets, rules, the values to restore. */
static int check_directory(const char *path)
{
	struct stat found;

	if (stat(path, &found) < 0)
		return complain(path, -errno);
	if (!S_ISDIR(found.st_mode))
		return complain(path, -ENOTDIR);
	if (found.st_uid == 0 && !(found.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	log_error("the run directory %s belongs to user %u with mode %04o: expected root's own, "
		  "where nobody else may write",
		  path, (unsigned int)found.st_uid, (unsigned int)(found.st_mode & 07777));
	return -EPERM;
}

static int prepare_host(struct mover *mover)
{
	int error;

	if (geteuid() != 0)
		return complain("aditd starts as root and gives up what it does not need", -EPERM);
	error = limit_resources();
	if (error)
		return error;
	error = make_directories(mover->options.run_dir);
	if (error)
		return complain(mover->options.run_dir, error);
	error = check_directory(mover->options.run_dir);
	if (!error)
		error = take_lock(mover);
	if (!error)
		error = take_namespace(mover);
	if (!error)
		error = load_module(mover);
	if (error)
		return error;
	error = caps_drop_mover();
	return error ? complain("giving up privileges", error) : 0;
}

static int open_parts(struct mover *mover)
{
	struct watch_events kernel = { mover, dispatch_kernel_message,
					dispatch_kernel_gather };
	struct datapath_events events = dispatch_datapath_events;
	struct bus_events calls = dispatch_bus_events;
	int error = loop_new(&mover->loop);

	events.arg = calls.arg = mover;
	if (!error)
		error = nl_socket_open(NETLINK_ROUTE, &mover->netlink);
	if (!error)
		error = watch_signals(mover);
	if (!error)
		error = nft_new(mover->loop, &mover->nft);
	if (!error)
		error = ct_new(mover->loop, &mover->ct);
	if (!error)
		error = watch_new(mover->loop, &kernel, &mover->watch);
	if (!error)
		error = bus_new(mover->loop, &calls, &mover->bus);
	if (!error)
		error = datapath_new(mover->loop, &events, &mover->datapath);
	return error ? complain("starting", error) : 0;
}

static void close_parts(struct mover *mover)
{
	int fds[] = { mover->signal_fd, mover->program_fd, mover->namespace_fd, mover->lock_fd };

	control_free(mover);
	datapath_free(mover->datapath);
	bus_free(mover->bus);
	watch_free(mover->watch);
	ct_free(mover->ct);
	nft_free(mover->nft);
	nl_socket_close(mover->netlink);
	loop_free(mover->loop);
	free(mover->module);
	free(mover->prelude);
	free(mover->config);
	free(mover->script);
	free(mover->flow_rows);
	free(mover->part.data);
	free(mover->reply.data);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* At most 53 bits: the decider keeps it as a number of JavaScript. */
static uint64_t random_life(void)
{
	uint64_t life = 0;

	CHECK(getrandom(&life, sizeof(life), 0) == sizeof(life));
	life >>= 11;
	return life > 0 ? life : 1;
}

static int run(struct mover *mover)
{
	int error;

	decider_init(mover);
	mover->life = random_life();
	mover->farewell = (struct loop_timer){ .fired = farewell_is_over, .name = "farewell" };
	mover->started_us = loop_now_us(mover->loop);
	quota_begin(mover);
	block_begin(mover);
	decider_start(mover);
	error = loop_run(mover->loop);
	decider_reap(mover);
	writer_note(mover, mover->lock_fd);
	loop_timer_stop(&mover->farewell);
	return error ? 1 : mover->exit_status;
}

int entry_daemon(int argc, char **argv)
{
	static struct mover mover = { .signal_fd = -1, .program_fd = -1, .namespace_fd = -1,
				      .lock_fd = -1 };
	char text[OPTIONS_TEXT_MAX];
	int status = 1;

	if (proc_fill_standard_files() < 0)
		return 1;
	log_open("aditd", LOG_LEVEL_INFO);
	if (options_parse(argc, argv, &mover.options, text) < 0) {
		fprintf(stderr, "aditd: %s\n", text);
		return 2;
	}
	if (mover.options.help || mover.options.version) {
		printf("%s", mover.options.help ? options_help() : "aditd " ADIT_VERSION "\n");
		return 0;
	}
	if (options_resolve(&mover.options, text) < 0) {
		fprintf(stderr, "aditd: %s\n", text);
		return 2;
	}
	log_open("aditd", mover.options.log_level);
	if (prepare_host(&mover) == 0 && open_parts(&mover) == 0)
		status = run(&mover);
	close_parts(&mover);
	return status;
}
