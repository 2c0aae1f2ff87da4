/* The engine's heap: blocks that do not touch each other, sizes, growth, pages that come back. */
#include <stdint.h>
#include <stdlib.h>

#include "../../c/vm/vm_heap.h"
#include "test.h"

#define HEAP_BYTES (1u << 20)
#define BLOCKS 4096
#define STEPS 200000

static struct {
	unsigned char *at;
	size_t size;
	unsigned char fill;
} blocks[BLOCKS];

static uintptr_t lowest = UINTPTR_MAX, highest;

static int holds(int i)
{
	for (size_t k = 0; k < blocks[i].size; k++)
		if (blocks[i].at[k] != blocks[i].fill)
			return 0;
	return 1;
}

static void fill(int i, unsigned char value)
{
	blocks[i].fill = value;
	memset(blocks[i].at, value, blocks[i].size);
}

static size_t any_size(unsigned int *seed)
{
	size_t max = rand_r(seed) % 8 == 0 ? 5000 : rand_r(seed) % 4 == 0 ? 1100 : 100;

	return 1 + (size_t)rand_r(seed) % max;
}

static void take(int i, size_t size)
{
	blocks[i].at = vm_heap_alloc(size);
	blocks[i].size = size;
}

static void before_it_is_open(void)
{
	take(0, 24);
	EXPECT(vm_heap_size(blocks[0].at) >= 24);
	blocks[0].at = vm_heap_resize(blocks[0].at, 2000);
	EXPECT(vm_heap_size(blocks[0].at) >= 2000);
	vm_heap_free(blocks[0].at);
	blocks[0].at = NULL;
}

static void every_size_fits(void)
{
	int bad = 0;

	for (size_t size = 1; size < 3000; size++) {
		take(0, size);
		bad += vm_heap_size(blocks[0].at) < size || (uintptr_t)blocks[0].at % 8 != 0;
		bad += size <= 512 && vm_heap_size(blocks[0].at) > size + size / 4 + 8;
		fill(0, (unsigned char)size);
		vm_heap_free(blocks[0].at);
	}
	blocks[0].at = NULL;
	EXPECT_EQUAL(bad, 0);
}

/* More than the heap has pages for, so that the C library helps out. */
static void random_use_keeps_what_is_written(void)
{
	unsigned int seed = 7;
	int bad = 0;

	for (int step = 0; step < STEPS; step++) {
		int i = rand_r(&seed) % BLOCKS;
		size_t kept, size = any_size(&seed);

		if (!blocks[i].at) {
			take(i, size);
		} else if (rand_r(&seed) % 3 == 0) {
			kept = size < blocks[i].size ? size : blocks[i].size;
			bad += !holds(i);
			blocks[i].at = vm_heap_resize(blocks[i].at, size);
			blocks[i].size = kept;
			bad += !holds(i);
			blocks[i].size = size;
		} else {
			bad += !holds(i);
			vm_heap_free(blocks[i].at);
			blocks[i].at = NULL;
			continue;
		}
		bad += vm_heap_size(blocks[i].at) < size;
		fill(i, (unsigned char)rand_r(&seed));
	}
	EXPECT_EQUAL(bad, 0);
}

static void free_all(void)
{
	int bad = 0;

	for (int i = 0; i < BLOCKS; i++) {
		if (!blocks[i].at)
			continue;
		bad += !holds(i);
		vm_heap_free(blocks[i].at);
		blocks[i].at = NULL;
	}
	EXPECT_EQUAL(bad, 0);
}

static void note_place(int i)
{
	uintptr_t at = (uintptr_t)blocks[i].at;

	lowest = at < lowest ? at : lowest;
	highest = at > highest ? at : highest;
}

/* What blocks of one size left is used for blocks of another: all of them lie in the same range. */
static void pages_come_back(void)
{
	for (size_t size = 16; size <= 512; size += 16) {
		for (int i = 0; i < 1000; i++) {
			take(i, size);
			fill(i, (unsigned char)i);
			note_place(i);
		}
		free_all();
	}
	EXPECT(highest - lowest < HEAP_BYTES);
}

int main(void)
{
	before_it_is_open();
	EXPECT_EQUAL(vm_heap_open(HEAP_BYTES), 0);
	every_size_fits();
	pages_come_back();
	random_use_keeps_what_is_written();
	free_all();
	pages_come_back();
	return test_summary();
}
