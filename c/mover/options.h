/* The command line of aditd. */
#ifndef ADIT_MOVER_OPTIONS_H
#define ADIT_MOVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "../log.h"

#define OPTIONS_PATH_MAX 256
#define OPTIONS_TEXT_MAX 256
#define OPTIONS_RUN_DIR "/var/run/adit"
/* A socket's name has 107 bytes (unix(7)), and "/adit.sock" is in the directory. */
#define OPTIONS_RUN_DIR_MAX 97

struct options {
	char config_path[OPTIONS_PATH_MAX + 1];
	char module_path[OPTIONS_PATH_MAX + 1]; /* empty: options_find_module */
	char prelude_path[OPTIONS_PATH_MAX + 16]; /* empty: policy.mjs beside the module */
	char run_dir[OPTIONS_PATH_MAX + 1];
	char state_dir[OPTIONS_PATH_MAX + 1]; /* empty: "state" beside the configuration */
	char hold_path[OPTIONS_PATH_MAX + 1]; /* empty: none */
	enum log_level log_level;
	bool test_hooks;
	bool version;
	bool help;
};

/* Reads the words after the program's name. Pure. 0, or -EINVAL with a sentence of OPTIONS_TEXT_MAX
 * bytes that names the word and what was expected. */
int options_parse(int argc, char *const *argv, struct options *ret_options, char *ret_text);
/* Text of --help. Static. */
const char *options_help(void);
/* Makes the configuration's path absolute and free of symbolic links, the others absolute. 0, or
 * -EINVAL with a sentence. */
int options_resolve(struct options *options, char *ret_text);
/* Modules of the daemon and of the command line client. */
#define OPTIONS_MODULE "adit.mjs"
#define OPTIONS_MODULE_CLIENT "adit-cli.mjs"

/* Finds a module: beside the program, in ../lib/adit of it, in /usr/share/adit. 0 or -ENOENT. */
int options_find_module(const char *name, char *ret_path, size_t size);

#endif
