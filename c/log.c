#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "utf8.h"

#define LINE_BYTES_MAX 2048
/* Bounded lines: so many at once, then one in so much time. */
#define BOUNDED_LINES_MAX 1000
#define BOUNDED_LINE_US UINT64_C(50000)
#define SYSLOG_PATH "/dev/log"
/* LOG_DAEMON of syslog.h, whose macro names would collide with ours. */
#define SYSLOG_FACILITY (3 << 3)

static const char *log_ident = "adit";
static enum log_level log_level_max = LOG_LEVEL_INFO;
static int log_syslog_fd = -1;
static bool log_bounded;
static uint64_t log_due_us; /* when the next bounded line would be in time */
static unsigned int log_lost;

void log_open(const char *ident, enum log_level max_level)
{
	log_ident = ident;
	log_level_max = max_level;
	if (log_syslog_fd < 0)
		log_syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A reader of our stderr that does not read must not stop the packets: what does not fit is lost.
 * POLLOUT of a pipe promises PIPE_BUF bytes, which is more than a line. */
static void write_stderr(const char *text)
{
	char line[LINE_BYTES_MAX + 64];
	struct pollfd stderr_poll = { .fd = STDERR_FILENO, .events = POLLOUT };
	int length = snprintf(line, sizeof(line), "%s: %s\n", log_ident, text);
	ssize_t written;

	if (length < 0 || poll(&stderr_poll, 1, 0) != 1 || !(stderr_poll.revents & POLLOUT))
		return;
	written = write(STDERR_FILENO, line, (size_t)length);
	(void)written;
}

/* The unconnected socket makes a restarted syslog daemon the same as the first one. Daemons expect
 * a time and most put their own in its place, so it is universal, as musl's syslog(3) has it: local
 * time would bring the rules of time zones into a program that needs them nowhere else. */
static void write_syslog(enum log_level level, const char *text)
{
	static const struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = SYSLOG_PATH };
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char line[LINE_BYTES_MAX + 128];
	struct tm utc;
	time_t now = time(NULL);
	int length;

	if (log_syslog_fd < 0 || !gmtime_r(&now, &utc))
		return;
	length = snprintf(line, sizeof(line), "<%d>%.3s %2d %02d:%02d:%02d %s[%d]: %s",
			  SYSLOG_FACILITY | (int)level, months + 3 * utc.tm_mon, utc.tm_mday,
			  utc.tm_hour, utc.tm_min, utc.tm_sec, log_ident, (int)getpid(), text);
	if (length > 0)
		sendto(log_syslog_fd, line, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (const struct sockaddr *)&addr, sizeof(addr));
}

void log_bound(bool on)
{
	log_bounded = on;
}

static bool is_in_bounds(void)
{
	struct timespec now;
	uint64_t now_us;

	if (!log_bounded)
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	if (log_due_us < now_us)
		log_due_us = now_us;
	if (log_due_us - now_us > BOUNDED_LINES_MAX * BOUNDED_LINE_US) {
		log_lost++;
		return false;
	}
	log_due_us += BOUNDED_LINE_US;
	return true;
}

static void write_line(enum log_level level, char *text)
{
	utf8_make_showable((uint8_t *)text, strlen(text));
	write_stderr(text);
	write_syslog(level, text);
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LINE_BYTES_MAX];
	va_list args;

	if (level > log_level_max || !is_in_bounds())
		return;
	if (log_lost) {
		snprintf(text, sizeof(text), "%u lines were too many and are left out", log_lost);
		log_lost = 0;
		write_line(LOG_LEVEL_WARNING, text);
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_line(level, text);
}
