#include "ifname.h"

#include <string.h>

bool ifname_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > IFNAME_BYTES_MAX)
		return false;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if (name[i] <= 0x20 || name[i] >= 0x7f || strchr("/:\"'\\", name[i]))
			return false;
	return true;
}
