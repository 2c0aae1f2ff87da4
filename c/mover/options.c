#define _GNU_SOURCE 1
#include "options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../check.h"
#include "../sys/file.h"

enum option_kind { OPTION_CONFIG, OPTION_MODULE, OPTION_PRELUDE, OPTION_RUN_DIR, OPTION_STATE_DIR,
		   OPTION_HOLD_WHILE, OPTION_LOG_LEVEL, OPTION_TEST_HOOKS, OPTION_VERSION,
		   OPTION_HELP };

static const struct option_row {
	enum option_kind kind;
	const char *brief; /* NULL: none */
	const char *name;
	const char *value; /* NULL: takes none */
} rows[] = {
	{ OPTION_CONFIG, "-c", "--config", "a path" },
	{ OPTION_MODULE, "-m", "--module", "a path" },
	{ OPTION_PRELUDE, NULL, "--prelude", "a path" },
	{ OPTION_RUN_DIR, NULL, "--run-dir", "a directory" },
	{ OPTION_STATE_DIR, NULL, "--state-dir", "a directory" },
	{ OPTION_HOLD_WHILE, NULL, "--hold-while", "a path" },
	{ OPTION_LOG_LEVEL, NULL, "--log-level", "error, warning, info or debug" },
	{ OPTION_TEST_HOOKS, NULL, "--test-hooks", NULL },
	{ OPTION_VERSION, NULL, "--version", NULL },
	{ OPTION_HELP, "-h", "--help", NULL },
};

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR },
	{ "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
};

const char *options_help(void)
{
	return "usage: aditd -c CONFIG [-m MODULE] [--run-dir DIR] [--log-level LEVEL]\n"
	       "\n"
	       "  -c, --config CONFIG   configuration file, JSON or UCI\n"
	       "  -m, --module MODULE   adit.mjs; default: beside the program, ../lib/adit,\n"
	       "                        /usr/share/adit\n"
	       "      --prelude FILE    policy.mjs, loaded before a policy script; default:\n"
	       "                        beside MODULE\n"
	       "      --run-dir DIR     sockets and volatile state; default " OPTIONS_RUN_DIR "\n"
	       "      --state-dir DIR   what survives a power cut; default: state, beside CONFIG\n"
	       "      --hold-while FILE SIGTERM undoes nothing while FILE exists: what blocks\n"
	       "                        stays in the kernel\n"
	       "      --log-level LEVEL error, warning, info (default) or debug\n"
	       "      --test-hooks      lets the module run the faults that tests ask for\n"
	       "      --version         prints the version\n"
	       "  -h, --help            prints this\n";
}

static const struct option_row *find_row(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(word, rows[i].name) == 0 ||
		    (rows[i].brief && strcmp(word, rows[i].brief) == 0))
			return &rows[i];
	return NULL;
}

static bool set_path(char *ret_path, const char *value)
{
	size_t length = strlen(value);

	if (length == 0 || length > OPTIONS_PATH_MAX)
		return false;
	memcpy(ret_path, value, length + 1);
	return true;
}

static bool set_level(struct options *options, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strcmp(value, levels[i].name) == 0) {
			options->log_level = levels[i].level;
			return true;
		}
	return false;
}

static bool set_option(struct options *options, enum option_kind kind, const char *value)
{
	switch (kind) {
	case OPTION_CONFIG:
		return set_path(options->config_path, value);
	case OPTION_MODULE:
		return set_path(options->module_path, value);
	case OPTION_PRELUDE:
		return set_path(options->prelude_path, value);
	case OPTION_RUN_DIR:
		return set_path(options->run_dir, value);
	case OPTION_STATE_DIR:
		return set_path(options->state_dir, value);
	case OPTION_HOLD_WHILE:
		return set_path(options->hold_path, value);
	case OPTION_LOG_LEVEL:
		return set_level(options, value);
	case OPTION_TEST_HOOKS:
		return options->test_hooks = true;
	case OPTION_VERSION:
		return options->version = true;
	case OPTION_HELP:
		return options->help = true;
	}
	return false;
}

static int refuse_value(const struct option_row *row, const char *value, char *ret_text)
{
	snprintf(ret_text, OPTIONS_TEXT_MAX, "%s: %.64s: expected %s", row->name,
		 value ? value : "nothing", row->value);
	return -EINVAL;
}

int options_parse(int argc, char *const *argv, struct options *ret_options, char *ret_text)
{
	*ret_options = (struct options){ .run_dir = OPTIONS_RUN_DIR, .log_level = LOG_LEVEL_INFO };
	ret_text[0] = '\0';
	for (int i = 1; i < argc; i++) {
		const struct option_row *row = find_row(argv[i]);
		const char *value = row && row->value && i + 1 < argc ? argv[++i] : NULL;

		if (!row) {
			snprintf(ret_text, OPTIONS_TEXT_MAX,
				 "%.64s: unknown option; aditd --help lists all", argv[i]);
			return -EINVAL;
		}
		if ((row->value && !value) || !set_option(ret_options, row->kind, value))
			return refuse_value(row, value, ret_text);
	}
	if (!ret_options->config_path[0] && !ret_options->version && !ret_options->help) {
		snprintf(ret_text, OPTIONS_TEXT_MAX,
			 "--config: missing: expected the path of a file");
		return -EINVAL;
	}
	return 0;
}

/* A name that does not exist yet is taken as it stands below the working directory. */
static bool make_absolute(char *path)
{
	char joined[PATH_MAX];
	char cwd[PATH_MAX];
	size_t length;

	if (path[0] != '/') {
		if (!getcwd(cwd, sizeof(cwd)) ||
		    snprintf(joined, sizeof(joined), "%s/%s", cwd, path) >= (int)sizeof(joined) ||
		    !set_path(path, joined))
			return false;
	}
	for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	return true;
}

static int refuse_path(const char *option, const char *path, const char *expected, char *ret_text)
{
	snprintf(ret_text, OPTIONS_TEXT_MAX, "%s: %.128s: %s", option, path, expected);
	return -EINVAL;
}

static bool default_state_dir(struct options *options)
{
	const char *config = options->config_path;
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s/state", (int)(strrchr(config, '/') - config), config);
	return set_path(options->state_dir, dir);
}

/* The run directory keeps the name it was given, symbolic links and all: clients look there. */
int options_resolve(struct options *options, char *ret_text)
{
	char resolved[PATH_MAX];

	if (!realpath(options->config_path, resolved))
		return refuse_path("--config", options->config_path, strerror(errno), ret_text);
	if (!set_path(options->config_path, resolved))
		return refuse_path("--config", resolved, "expected at most 256 bytes", ret_text);
	if (!make_absolute(options->run_dir) || !file_path_is_clean(options->run_dir))
		return refuse_path("--run-dir", options->run_dir,
				   "expected a directory without . and .. in its path", ret_text);
	if (strlen(options->run_dir) > OPTIONS_RUN_DIR_MAX)
		return refuse_path("--run-dir", options->run_dir,
				   "expected at most 97 bytes, or sockets have no room in it",
				   ret_text);
	if (!options->state_dir[0] && !default_state_dir(options))
		return refuse_path("--state-dir", options->config_path,
				   "has no room for \"state\" beside it", ret_text);
	if (!make_absolute(options->state_dir) || !file_path_is_clean(options->state_dir))
		return refuse_path("--state-dir", options->state_dir,
				   "expected a directory without . and .. in its path", ret_text);
	if (options->hold_path[0] && !make_absolute(options->hold_path))
		return refuse_path("--hold-while", options->hold_path,
				   "expected at most 256 bytes", ret_text);
	if (options->module_path[0] && !make_absolute(options->module_path))
		return refuse_path("--module", options->module_path, "expected at most 256 bytes",
				   ret_text);
	if (options->prelude_path[0] && !make_absolute(options->prelude_path))
		return refuse_path("--prelude", options->prelude_path, "expected at most 256 bytes",
				   ret_text);
	return 0;
}

static bool program_dir(char *ret_dir, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", ret_dir, size - 1);

	if (length <= 0)
		return false;
	ret_dir[length] = '\0';
	*strrchr(ret_dir, '/') = '\0';
	return true;
}

int options_find_module(const char *name, char *ret_path, size_t size)
{
	static const char *const places[] = { "", "/../lib/adit" };
	char dir[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(places) && program_dir(dir, sizeof(dir)); i++) {
		int length = snprintf(ret_path, size, "%s%s/%s", dir, places[i], name);

		if (length > 0 && (size_t)length < size && access(ret_path, R_OK) == 0)
			return 0;
	}
	snprintf(ret_path, size, "/usr/share/adit/%s", name);
	return access(ret_path, R_OK) == 0 ? 0 : -ENOENT;
}
