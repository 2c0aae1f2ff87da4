/* The memory of an engine that is trusted: small blocks by size in pages of one range of addresses,
 * so that the size of a block is read from its page, large ones from the C library.
 *
 * An engine asks for the size of each block when it gets and when it frees it, for its accounts.
 * With the C library of small routers that is a third of all it computes. */
#ifndef ADIT_VM_HEAP_H
#define ADIT_VM_HEAP_H

#include <stddef.h>

/* Larger blocks are the C library's. */
#define VM_HEAP_SMALL_MAX 1008

/* From here on small blocks come from the heap's own pages, of which there are `bytes`, at most
 * 64 MiB; before, and beyond, they are the C library's. 0 or -ENOMEM. For the life of the process;
 * nothing was allocated yet. */
int vm_heap_open(size_t bytes);
/* Aligned to 8 bytes; NULL if the system has no memory. */
void *vm_heap_alloc(size_t size);
/* As realloc() of a block, neither NULL nor to no size: on NULL the old block stays. */
void *vm_heap_resize(void *block, size_t size);
void vm_heap_free(void *block);
/* What may be used of the block. */
size_t vm_heap_size(const void *block);

#endif
