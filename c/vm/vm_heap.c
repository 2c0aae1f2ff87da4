#include "vm_heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../check.h"

#define PAGE_BYTES 4096
#define GRAIN 8
#define CLASSES_MAX 40
#define BYTES_MAX (64u << 20)
/* Empty pages that keep their memory, because the next block needs one. */
#define SPARES_WARM 16

struct slot {
	struct slot *next;
};

/* At the start of each page. A page with room is in the list of its class. */
struct page {
	struct page *next;
	struct page *previous; /* NULL for the first */
	struct slot *freed;
	uint16_t block_bytes;
	uint16_t used;
	uint16_t fresh; /* offset of the first block that was never in use */
	uint8_t class;
	bool has_room;
};

#define FIRST_BLOCK ((sizeof(struct page) + GRAIN - 1) / GRAIN * GRAIN)

/* Zero until it is opened, and then mostly untouched. */
static struct {
	char *base;
	size_t bytes; /* 0: not open */
	size_t pages_begun;
	struct page *open[CLASSES_MAX];
	uint16_t class_bytes[CLASSES_MAX];
	uint8_t class_of[VM_HEAP_SMALL_MAX / GRAIN + 1]; /* by size in grains */
	size_t spares;
	uint16_t spare[BYTES_MAX / PAGE_BYTES]; /* numbers of empty pages */
} heap;

/* From one size to the next: a grain, later an eighth, at last what fills a page well. */
static unsigned int next_class(unsigned int bytes)
{
	static const uint16_t last[] = { 576, 672, 808, VM_HEAP_SMALL_MAX };

	if (bytes < 128)
		return bytes + GRAIN;
	if (bytes < 512)
		return bytes + (bytes < 256 ? 16 : 64);
	for (size_t i = 0; i < ARRAY_SIZE(last); i++)
		if (bytes < last[i])
			return last[i];
	return 0;
}

static void make_classes(void)
{
	unsigned int grains = 0;
	uint8_t class = 0;

	for (unsigned int bytes = GRAIN; bytes > 0; bytes = next_class(bytes), class++) {
		CHECK(class < CLASSES_MAX);
		heap.class_bytes[class] = (uint16_t)bytes;
		while (grains <= bytes / GRAIN)
			heap.class_of[grains++] = class;
	}
}

int vm_heap_open(size_t bytes)
{
	char *base;

	if (bytes > BYTES_MAX)
		bytes = BYTES_MAX;
	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	heap.base = base;
	heap.bytes = bytes;
	make_classes();
	return 0;
}

static bool is_small(const void *block)
{
	return (uintptr_t)block - (uintptr_t)heap.base < heap.bytes;
}

static struct page *page_of(const void *block)
{
	return (struct page *)((uintptr_t)block & ~(uintptr_t)(PAGE_BYTES - 1));
}

static void list(struct page *page)
{
	struct page **first = &heap.open[page->class];

	page->previous = NULL;
	page->next = *first;
	if (*first)
		(*first)->previous = page;
	*first = page;
	page->has_room = true;
}

static void unlist(struct page *page)
{
	if (page->next)
		page->next->previous = page->previous;
	if (page->previous)
		page->previous->next = page->next;
	else
		heap.open[page->class] = page->next;
	page->has_room = false;
}

/* NULL if all pages are in use. */
static struct page *begin_page(uint8_t class)
{
	struct page *page;
	size_t number;

	if (heap.spares > 0)
		number = heap.spare[--heap.spares];
	else if (heap.pages_begun < heap.bytes / PAGE_BYTES)
		number = heap.pages_begun++;
	else
		return NULL;
	page = (struct page *)(heap.base + number * PAGE_BYTES);
	*page = (struct page){ .block_bytes = heap.class_bytes[class],
			       .fresh = FIRST_BLOCK,
			       .class = class };
	list(page);
	return page;
}

static void end_page(struct page *page)
{
	unlist(page);
	if (heap.spares >= SPARES_WARM)
		madvise(page, PAGE_BYTES, MADV_DONTNEED); /* saves memory, or does not */
	heap.spare[heap.spares++] = (uint16_t)(((char *)page - heap.base) / PAGE_BYTES);
}

void *vm_heap_alloc(size_t size)
{
	struct page *page;
	struct slot *slot;
	uint8_t class;

	if (size > VM_HEAP_SMALL_MAX || heap.bytes == 0)
		return malloc(size);
	class = heap.class_of[(size + GRAIN - 1) / GRAIN];
	page = heap.open[class];
	if (!page) {
		page = begin_page(class);
		if (!page)
			return malloc(size);
	}
	slot = page->freed;
	if (slot) {
		page->freed = slot->next;
	} else {
		slot = (struct slot *)((char *)page + page->fresh);
		page->fresh = (uint16_t)(page->fresh + page->block_bytes);
	}
	page->used++;
	if (!page->freed && page->fresh + page->block_bytes > PAGE_BYTES)
		unlist(page);
	return slot;
}

void vm_heap_free(void *block)
{
	struct page *page = page_of(block);
	struct slot *slot = block;

	if (!is_small(block)) {
		free(block);
		return;
	}
	CHECK(page->used > 0);
	slot->next = page->freed;
	page->freed = slot;
	if (!page->has_room)
		list(page);
	/* The last page of a class stays, so that one block does not come and go with it. */
	if (--page->used == 0 && (page->next || page->previous))
		end_page(page);
}

size_t vm_heap_size(const void *block)
{
	if (!is_small(block))
		return malloc_usable_size((void *)block);
	return page_of(block)->block_bytes;
}

void *vm_heap_resize(void *block, size_t size)
{
	size_t old = vm_heap_size(block);
	void *moved;

	if (!is_small(block) && size > VM_HEAP_SMALL_MAX)
		return realloc(block, size);
	if (size <= VM_HEAP_SMALL_MAX && is_small(block) &&
	    heap.class_bytes[heap.class_of[(size + GRAIN - 1) / GRAIN]] == old)
		return block;
	moved = vm_heap_alloc(size);
	if (!moved)
		return NULL;
	memcpy(moved, block, old < size ? old : size);
	vm_heap_free(block);
	return moved;
}
