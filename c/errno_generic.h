/* Error numbers that mean the same on every machine. */
#ifndef ADIT_ERRNO_GENERIC_H
#define ADIT_ERRNO_GENERIC_H

/* The module knows the numbers of asm-generic/errno.h; a MIPS has others from 35 on. Takes and
 * gives 0 or a negative errno; one that is not in the table stays as it is. */
int errno_generic(int error);

#endif
