/* The module adit:host as ts/host/adit-host.d.ts declares it: what a decider and the client have in
 * common. */
#define _GNU_SOURCE /* accept4 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../check.h"
#include "../contract.gen.h"
#include "../errno_generic.h"
#include "../tls/ed25519.h"
#include "../tls/tls.h"
#include "../utf8.h"
#include "vm_internal.h"

#define READ_BYTES_MAX 65536
#define RANDOM_BYTES_MAX 256
#define DIGEST_BYTES 32

JSValue vm_bytes_new(JSContext *context, const uint8_t *data, size_t size)
{
	/* The constructor reads all three of its arguments (buffer, offset, length) unasked. */
	JSValue args[3] = { JS_UNDEFINED, JS_UNDEFINED, JS_UNDEFINED };
	JSValue array;

	args[0] = JS_NewArrayBufferCopy(context, data, size);
	if (JS_IsException(args[0]))
		return JS_EXCEPTION;
	array = JS_NewTypedArray(context, 3, args, JS_TYPED_ARRAY_UINT8);
	JS_FreeValue(context, args[0]);
	return array;
}

bool vm_bytes_get(JSContext *context, JSValueConst value, const uint8_t **ret_data,
		  size_t *ret_size)
{
	size_t offset, length, width, total;
	JSValue buffer = JS_GetTypedArrayBuffer(context, value, &offset, &length, &width);
	const uint8_t *data;

	if (JS_IsException(buffer))
		return false;
	/* The view keeps its buffer alive for as long as the caller holds the argument. */
	data = JS_GetArrayBuffer(context, &total, buffer);
	JS_FreeValue(context, buffer);
	if (data == NULL && length > 0)
		return false;
	if (width != 1) {
		JS_ThrowTypeError(context, "a Uint8Array is needed");
		return false;
	}
	*ret_data = data != NULL ? data + offset : (const uint8_t *)"";
	*ret_size = length;
	return true;
}

/* The entry of a descriptor argument; NULL with a RangeError pending if it is not ours. */
static struct vm_fd *get_fd(JSContext *context, JSValueConst value)
{
	struct vm_fd *entry;
	int32_t fd;

	if (JS_ToInt32(context, &fd, value) < 0)
		return NULL;
	entry = vm_fd_find(vm_of(context), fd);
	if (entry == NULL)
		JS_ThrowRangeError(context, "no descriptor %d", fd);
	return entry;
}

/* --------------------------------------------------------------- clocks and chance */

static JSValue host_monotonic_ms(JSContext *context, JSValueConst this, int argc,
				 JSValueConst *argv)
{
	(void)this, (void)argc, (void)argv;
	return JS_NewFloat64(context, (double)vm_monotonic_us() / 1000);
}

static JSValue host_wall_ms(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct timespec now;

	(void)this, (void)argc, (void)argv;
	clock_gettime(CLOCK_REALTIME, &now);
	return JS_NewFloat64(context, (double)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static JSValue host_random(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	uint8_t bytes[RANDOM_BYTES_MAX];
	uint32_t count;

	(void)this, (void)argc;
	if (JS_ToUint32(context, &count, argv[0]) < 0)
		return JS_EXCEPTION;
	if (count > RANDOM_BYTES_MAX)
		return JS_ThrowRangeError(context, "%u random bytes, at most %d", count,
					  RANDOM_BYTES_MAX);
	/* Requests of up to 256 bytes are never cut short, random(7). */
	CHECK(getrandom(bytes, count, 0) == (ssize_t)count);
	return vm_bytes_new(context, bytes, count);
}

static JSValue host_sha256(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	uint8_t digest[DIGEST_BYTES];
	const uint8_t *data;
	size_t size;

	(void)this, (void)argc;
	if (!vm_bytes_get(context, argv[0], &data, &size))
		return JS_EXCEPTION;
	tls_sha256(data, size, digest);
	return vm_bytes_new(context, digest, sizeof(digest));
}

static JSValue host_verify_ed25519(JSContext *context, JSValueConst this, int argc,
				   JSValueConst *argv)
{
	const uint8_t *key, *signature, *data;
	size_t key_size, signature_size, size;

	(void)this, (void)argc;
	if (!vm_bytes_get(context, argv[0], &key, &key_size) ||
	    !vm_bytes_get(context, argv[1], &signature, &signature_size) ||
	    !vm_bytes_get(context, argv[2], &data, &size))
		return JS_EXCEPTION;
	if (key_size != ED25519_KEY_SIZE || signature_size != ED25519_SIGNATURE_SIZE)
		return JS_FALSE;
	return JS_NewBool(context, ed25519_verify(key, signature, data, size));
}

/* ---------------------------------------------------------------------------- text */

static JSValue host_utf8_encode(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	size_t size;
	const char *text = JS_ToCStringLen(context, &size, argv[0]);
	JSValue bytes;
	const uint8_t *copy;

	(void)this, (void)argc;
	if (text == NULL)
		return JS_EXCEPTION;
	bytes = vm_bytes_new(context, (const uint8_t *)text, size);
	JS_FreeCString(context, text);
	if (!JS_IsException(bytes) && vm_bytes_get(context, bytes, &copy, &size))
		utf8_repair((uint8_t *)copy, size);
	return bytes;
}

static JSValue host_utf8_decode(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	const uint8_t *data;
	size_t size;

	(void)this, (void)argc;
	if (!vm_bytes_get(context, argv[0], &data, &size))
		return JS_EXCEPTION;
	if (!utf8_valid(data, size))
		return JS_UNDEFINED;
	return JS_NewStringLen(context, (const char *)data, size);
}

/* ------------------------------------------------------------ channel, descriptors */

static JSValue host_send(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct vm *vm = vm_of(context);
	const uint8_t *data;
	size_t size;

	(void)this, (void)argc;
	if (vm->is_cli)
		return JS_ThrowTypeError(context, "send: there is no mover");
	if (!vm_bytes_get(context, argv[0], &data, &size))
		return JS_EXCEPTION;
	if (size < CODEC_HEADER_BYTES || size > MSG_BYTES_MAX)
		return JS_ThrowRangeError(context, "a message of %zu bytes", size);
	return JS_NewInt32(context, errno_generic(vm_send(vm, data, size)));
}

static JSValue host_watch(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct vm_fd *entry = get_fd(context, argv[0]);

	(void)this, (void)argc;
	if (entry == NULL)
		return JS_EXCEPTION;
	entry->events = 0;
	if (JS_ToBool(context, argv[1]))
		entry->events |= POLLIN;
	if (JS_ToBool(context, argv[2]))
		entry->events |= POLLOUT;
	return JS_UNDEFINED;
}

static JSValue host_accept(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct vm_fd *entry = get_fd(context, argv[0]);
	int fd, r;

	(void)this, (void)argc;
	if (entry == NULL)
		return JS_EXCEPTION;
	fd = accept4(entry->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return JS_NewInt32(context, errno_generic(-errno));
	r = vm_fd_add(vm_of(context), fd);
	return JS_NewInt32(context, r < 0 ? r : fd);
}

static JSValue host_read(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	static uint8_t buffer[READ_BYTES_MAX];
	struct vm_fd *entry = get_fd(context, argv[0]);
	uint32_t max;
	ssize_t r;

	(void)this, (void)argc;
	if (entry == NULL || JS_ToUint32(context, &max, argv[1]) < 0)
		return JS_EXCEPTION;
	if (max == 0 || max > READ_BYTES_MAX)
		return JS_ThrowRangeError(context, "read of %u bytes, at most %d", max,
					  READ_BYTES_MAX);
	r = recv(entry->fd, buffer, max, MSG_DONTWAIT);
	return r < 0 ? JS_NewInt32(context, errno_generic(-errno)) :
		       vm_bytes_new(context, buffer, (size_t)r);
}

static JSValue host_write(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct vm_fd *entry = get_fd(context, argv[0]);
	const uint8_t *data;
	size_t size;
	ssize_t r;

	(void)this, (void)argc;
	if (entry == NULL || !vm_bytes_get(context, argv[1], &data, &size))
		return JS_EXCEPTION;
	r = send(entry->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	return JS_NewInt32(context, r < 0 ? errno_generic(-errno) : (int)r);
}

static JSValue host_close(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct vm_fd *entry = get_fd(context, argv[0]);

	(void)this, (void)argc;
	if (entry == NULL)
		return JS_EXCEPTION;
	vm_fd_close(vm_of(context), entry);
	return JS_UNDEFINED;
}

static JSValue host_exit(JSContext *context, JSValueConst this, int argc, JSValueConst *argv)
{
	struct vm *vm = vm_of(context);
	int32_t status;

	(void)this, (void)argc;
	if (JS_ToInt32(context, &status, argv[0]) < 0)
		return JS_EXCEPTION;
	if (status < 0 || status > 255)
		return JS_ThrowRangeError(context, "exit status %d", status);
	vm->exiting = true;
	vm->exit_status = status;
	return JS_UNDEFINED;
}

/* -------------------------------------------------------------------------- module */

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("monotonicMs", 0, host_monotonic_ms),
	JS_CFUNC_DEF("wallMs", 0, host_wall_ms),
	JS_CFUNC_DEF("random", 1, host_random),
	JS_CFUNC_DEF("sha256", 1, host_sha256),
	JS_CFUNC_DEF("verifyEd25519", 3, host_verify_ed25519),
	JS_CFUNC_DEF("utf8Encode", 1, host_utf8_encode),
	JS_CFUNC_DEF("utf8Decode", 1, host_utf8_decode),
	JS_CFUNC_DEF("send", 1, host_send),
	JS_CFUNC_DEF("watch", 3, host_watch),
	JS_CFUNC_DEF("accept", 1, host_accept),
	JS_CFUNC_DEF("read", 2, host_read),
	JS_CFUNC_DEF("write", 2, host_write),
	JS_CFUNC_DEF("close", 1, host_close),
	JS_CFUNC_DEF("exit", 1, host_exit),
	JS_PROP_STRING_DEF("hostVersion", ADIT_VERSION, 0),
};

static int define_arguments(JSContext *context, JSModuleDef *module)
{
	struct vm *vm = vm_of(context);
	JSValue words = JS_NewArray(context);

	for (int i = 0; i < vm->argc; i++)
		JS_SetPropertyUint32(context, words, (uint32_t)i,
				     JS_NewString(context, vm->argv[i]));
	if (JS_SetModuleExport(context, module, "args", words) < 0)
		return -1;
	return JS_SetModuleExport(context, module, "mode", JS_NewString(context, vm->role));
}

static int define(JSContext *context, JSModuleDef *module)
{
	if (JS_SetModuleExportList(context, module, functions, ARRAY_SIZE(functions)) < 0 ||
	    define_arguments(context, module) < 0)
		return -1;
	return vm_host_cli_define(context, module);
}

int vm_host_register(JSContext *context)
{
	JSModuleDef *module = JS_NewCModule(context, "adit:host", define);

	if (module == NULL ||
	    JS_AddModuleExportList(context, module, functions, ARRAY_SIZE(functions)) < 0 ||
	    JS_AddModuleExport(context, module, "args") < 0 ||
	    JS_AddModuleExport(context, module, "mode") < 0)
		return -1;
	return vm_host_cli_declare(context, module);
}
