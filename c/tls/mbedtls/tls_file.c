/* Files with keys and certificates: the library is built without files of its own, so that it needs
 * no more than what it is handed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/stat.h>

#include <mbedtls/platform_util.h>

#include "internal.h"

static int read_all(int fd, uint8_t *data, size_t capacity, size_t *ret_size)
{
	size_t size = 0;

	while (size < capacity) {
		ssize_t got = read(fd, data + size, capacity - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		size += (size_t)got;
	}
	*ret_size = size;
	return size == capacity ? -EFBIG : 0;
}

int tls_read_file(const char *path, size_t size_max, uint8_t **ret_data, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *data = NULL;
	struct stat stat;
	size_t size = 0, capacity = 0;
	int error = fd < 0 ? -errno : 0;

	if (error == 0 && fstat(fd, &stat) != 0)
		error = -errno;
	if (error == 0 && (stat.st_size < 0 || (size_t)stat.st_size > size_max))
		error = -EFBIG;
	if (error != 0)
		goto out;
	/* One byte beyond the end tells whether the file grew meanwhile. */
	capacity = (size_t)stat.st_size + 1;
	data = malloc(capacity);
	error = data != NULL ? read_all(fd, data, capacity, &size) : -ENOMEM;
	if (error != 0)
		goto out;
	data[size] = '\0';
	*ret_data = data;
	*ret_size = size + 1;
	data = NULL;
out:
	tls_forget(data, capacity);
	if (fd >= 0)
		close(fd);
	return error;
}

void tls_forget(uint8_t *data, size_t size)
{
	if (data != NULL)
		mbedtls_platform_zeroize(data, size);
	free(data);
}
