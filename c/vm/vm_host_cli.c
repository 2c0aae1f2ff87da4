/* What adit:host offers to the command line client alone. A decider that calls any of these gets a
 * TypeError; its system call filter would end it otherwise. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../check.h"
#include "../errno_generic.h"
#include "../build_features.h"
#include "../tls/tls.h"
#include "vm_internal.h"

#define FILE_BYTES_MAX (1u << 20)
#define DAYS_MAX 36500
#define PIN_PREFIX "sha256/"
/* Four characters for each three bytes begun, and the NUL. */
#define PIN_TEXT_SIZE (sizeof(PIN_PREFIX) + (TLS_DIGEST_SIZE + 2) / 3 * 4)

static bool refuse_decider(JSContext *context)
{
	if (vm_of(context)->is_cli)
		return false;
	JS_ThrowTypeError(context, "only the command line client may do this");
	return true;
}

/* An argument as text, to be freed by JS_FreeCString; NULL with an exception, as a decider gets. */
static const char *client_text(JSContext *context, JSValueConst value)
{
	return refuse_decider(context) ? NULL : JS_ToCString(context, value);
}

/* A non-blocking connected socket, or -errno. */
static int connect_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Unix sockets connect at once or not at all, so blocking here means a full backlog. */
	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	if (r == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static JSValue host_connect_unix(JSContext *context, JSValueConst this, int argc,
				 JSValueConst *argv)
{
	const char *path;
	int fd, r;

	(void)this, (void)argc;
	path = client_text(context, argv[0]);
	if (path == NULL)
		return JS_EXCEPTION;
	fd = connect_path(path);
	JS_FreeCString(context, path);
	if (fd < 0)
		return JS_NewInt32(context, errno_generic(fd));
	r = vm_fd_add(vm_of(context), fd);
	return JS_NewInt32(context, r < 0 ? r : fd);
}

/* Reads to the end: special files of /proc and /sys call themselves empty. */
static int read_file(const char *path, uint8_t **ret_data, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint8_t *data = NULL;
	struct stat info;
	size_t size = 0;
	ssize_t n = -1;
	int r = 0;

	if (fd < 0 || fstat(fd, &info) < 0)
		r = -errno;
	else if (!S_ISREG(info.st_mode))
		r = S_ISDIR(info.st_mode) ? -EISDIR : -EINVAL;
	if (r < 0)
		goto cleanup;
	data = malloc(FILE_BYTES_MAX + 1);
	while (data != NULL && size <= FILE_BYTES_MAX &&
	       (n = read(fd, data + size, FILE_BYTES_MAX + 1 - size)) > 0)
		size += (size_t)n;
	if (data == NULL)
		r = -ENOMEM;
	else if (size > FILE_BYTES_MAX)
		r = -EFBIG;
	else if (n < 0)
		r = -errno;
cleanup:
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		free(data);
		return r;
	}
	*ret_data = data;
	*ret_size = size;
	return 0;
}

static JSValue host_read_file(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	const char *path;
	uint8_t *data;
	size_t size;
	JSValue bytes;
	int r;

	(void)this, (void)argc;
	path = client_text(context, argv[0]);
	if (path == NULL)
		return JS_EXCEPTION;
	r = read_file(path, &data, &size);
	JS_FreeCString(context, path);
	if (r < 0)
		return JS_NewInt32(context, errno_generic(r));
	bytes = vm_bytes_new(context, data, size);
	free(data);
	return bytes;
}

static JSValue host_file_facts(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	const char *path;
	struct stat info;
	JSValue facts;
	int r;

	(void)this, (void)argc;
	path = client_text(context, argv[0]);
	if (path == NULL)
		return JS_EXCEPTION;
	r = stat(path, &info) < 0 ? -errno : 0;
	JS_FreeCString(context, path);
	if (r < 0)
		return JS_NewInt32(context, errno_generic(r));
	facts = JS_NewObject(context);
	JS_SetPropertyStr(context, facts, "mode", JS_NewInt32(context, info.st_mode & 07777));
	JS_SetPropertyStr(context, facts, "owner", JS_NewUint32(context, info.st_uid));
	return facts;
}

static JSValue host_has_interface(JSContext *context, JSValueConst this, int argc,
				  JSValueConst *argv)
{
	const char *name;
	bool is_here;

	(void)this, (void)argc;
	name = client_text(context, argv[0]);
	if (name == NULL)
		return JS_EXCEPTION;
	is_here = if_nametoindex(name) != 0;
	JS_FreeCString(context, name);
	return JS_NewBool(context, is_here);
}

static JSValue host_environment(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	const char *name;
	const char *value;

	(void)this, (void)argc;
	name = client_text(context, argv[0]);
	if (name == NULL)
		return JS_EXCEPTION;
	value = getenv(name);
	JS_FreeCString(context, name);
	return value != NULL ? JS_NewString(context, value) : JS_UNDEFINED;
}

static JSValue host_is_terminal(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	(void)this, (void)argc, (void)argv;
	if (refuse_decider(context))
		return JS_EXCEPTION;
	return JS_NewBool(context, isatty(STDOUT_FILENO));
}

static JSValue host_terminal_columns(JSContext *context, JSValueConst this, int argc,
				     JSValueConst *argv)
{
	struct winsize size = { 0 };

	(void)this, (void)argc, (void)argv;
	if (refuse_decider(context))
		return JS_EXCEPTION;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		size.ws_col = 0;
	return JS_NewInt32(context, size.ws_col);
}

/* 0 or -errno. A reader may be slow: a pager is, by design. */
static int write_all(int fd, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size > 0) {
		ssize_t r = write(fd, at, size);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0) {
			at += r;
			size -= (size_t)r;
		}
	}
	return 0;
}

/* Nothing can be told any more where nothing can be written: a full disk, a pipe whose reader left.
 * The latter is no mistake of anybody's. */
static void end_unwritten(int error)
{
	if (error != -EPIPE)
		dprintf(STDERR_FILENO, "adit: the output cannot be written: %s\n",
			strerror(-error));
	_exit(EXIT_FAILURE);
}

static JSValue write_text(JSContext *context, int fd, JSValueConst value)
{
	struct vm *vm = vm_of(context);
	const char *text;
	size_t size;
	int r;

	if (refuse_decider(context))
		return JS_EXCEPTION;
	text = JS_ToCStringLen(context, &size, value);
	if (text == NULL)
		return JS_EXCEPTION;
	vm_end_call(vm);
	r = write_all(fd, text, size);
	vm_begin_call(vm);
	JS_FreeCString(context, text);
	if (r < 0)
		end_unwritten(r);
	return JS_UNDEFINED;
}

static JSValue host_write_out(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	(void)this, (void)argc;
	return write_text(context, STDOUT_FILENO, argv[0]);
}

static JSValue host_write_err(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	(void)this, (void)argc;
	return write_text(context, STDERR_FILENO, argv[0]);
}

#if ADIT_HAS_GATEWAY
/* "sha256/" and base64 (RFC 4648 section 4), as the configuration takes it; NUL-terminated. */
static void pin_text(const uint8_t digest[static TLS_DIGEST_SIZE],
		     char ret_text[static PIN_TEXT_SIZE])
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t padded[TLS_DIGEST_SIZE + 1] = { 0 };
	char *at = ret_text + strlen(PIN_PREFIX);

	memcpy(ret_text, PIN_PREFIX, strlen(PIN_PREFIX));
	memcpy(padded, digest, TLS_DIGEST_SIZE);
	for (size_t i = 0; i < sizeof(padded); i += 3) {
		uint32_t bits = (uint32_t)padded[i] << 16 | padded[i + 1] << 8 | padded[i + 2];

		for (int shift = 18; shift >= 0; shift -= 6)
			*at++ = digits[bits >> shift & 63];
	}
	at[-1] = '='; /* 32 bytes leave one position of the last group empty */
	*at = '\0';
}

static JSValue certificate_object(JSContext *context, const char *certificate, const char *key,
				  const char *pin)
{
	JSValue object = JS_NewObject(context);

	JS_SetPropertyStr(context, object, "certificate", JS_NewString(context, certificate));
	JS_SetPropertyStr(context, object, "key", JS_NewString(context, key));
	JS_SetPropertyStr(context, object, "pin", JS_NewString(context, pin));
	return object;
}

static JSValue host_generate_certificate(JSContext *context, JSValueConst this, int argc,
					 JSValueConst *argv)
{
	char *certificate = NULL, *key = NULL;
	uint8_t digest[TLS_DIGEST_SIZE];
	char pin[PIN_TEXT_SIZE];
	struct vm *vm = vm_of(context);
	const char *name;
	uint32_t days;
	JSValue result;
	int r;

	(void)this, (void)argc;
	if (refuse_decider(context) || JS_ToUint32(context, &days, argv[1]) < 0)
		return JS_EXCEPTION;
	if (days == 0 || days > DAYS_MAX)
		return JS_ThrowRangeError(context, "a certificate for %u days", days);
	name = JS_ToCString(context, argv[0]);
	if (name == NULL)
		return JS_EXCEPTION;
	vm_end_call(vm); /* a key takes seconds on the slowest router */
	r = tls_generate_certificate(name, days, &certificate, &key, digest);
	vm_begin_call(vm);
	JS_FreeCString(context, name);
	if (r < 0)
		return JS_ThrowInternalError(context, "certificate: %s", strerror(-r));
	pin_text(digest, pin);
	result = certificate_object(context, certificate, key, pin);
	explicit_bzero(key, strlen(key));
	free(certificate);
	free(key);
	return result;
}
#endif

/* 0 or -errno; a file that could not be written whole is removed again. */
static int create_file(const char *path, mode_t mode, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r < 0)
		unlink(path);
	return r;
}

static JSValue host_create_file(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct vm *vm = vm_of(context);
	const uint8_t *data;
	const char *path;
	uint32_t mode;
	size_t size;
	int r;

	(void)this, (void)argc;
	if (refuse_decider(context) || JS_ToUint32(context, &mode, argv[1]) < 0 ||
	    !vm_bytes_get(context, argv[2], &data, &size))
		return JS_EXCEPTION;
	if (mode > 0777)
		return JS_ThrowRangeError(context, "mode %o", mode);
	path = JS_ToCString(context, argv[0]);
	if (path == NULL)
		return JS_EXCEPTION;
	vm_end_call(vm);
	r = create_file(path, mode, data, size);
	vm_begin_call(vm);
	JS_FreeCString(context, path);
	return JS_NewInt32(context, errno_generic(r));
}

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("connectUnix", 1, host_connect_unix),
	JS_CFUNC_DEF("readFile", 1, host_read_file),
	JS_CFUNC_DEF("environment", 1, host_environment),
	JS_CFUNC_DEF("fileFacts", 1, host_file_facts),
	JS_CFUNC_DEF("hasInterface", 1, host_has_interface),
	JS_CFUNC_DEF("isTerminal", 0, host_is_terminal),
	JS_CFUNC_DEF("terminalColumns", 0, host_terminal_columns),
	JS_CFUNC_DEF("writeOut", 1, host_write_out),
	JS_CFUNC_DEF("writeErr", 1, host_write_err),
#if ADIT_HAS_GATEWAY
	JS_CFUNC_DEF("generateCertificate", 2, host_generate_certificate),
#endif
	JS_CFUNC_DEF("createFile", 3, host_create_file),
};

int vm_host_cli_declare(JSContext *context, JSModuleDef *module)
{
	return JS_AddModuleExportList(context, module, functions, ARRAY_SIZE(functions));
}

int vm_host_cli_define(JSContext *context, JSModuleDef *module)
{
	return JS_SetModuleExportList(context, module, functions, ARRAY_SIZE(functions));
}
