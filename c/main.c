#include "mover/entry.h"

int main(int argc, char **argv)
{
	return entry_by_name(argc, argv);
}
