# nft with the libraries that it needs, linked into one program, in the folder of their sources: those
# build systems would have to be generated first. Called by test/malta/build-tools.
#
#   make -f test/malta/tools.mk CC=COMPILER -C FOLDER nft

JANSSON := $(wildcard jansson/src/*.c)
MNL := $(addprefix libmnl/src/,socket.c callback.c nlmsg.c attr.c)
NFTNL := $(wildcard libnftnl/src/*.c libnftnl/src/expr/*.c libnftnl/src/obj/*.c)
GRAMMAR := generated/parser_bison.c generated/scanner.c
NFT := $(filter-out %/cli.c %/parser_bison.c %/scanner.c,$(wildcard nftables/src/*.c)) $(GRAMMAR)
OBJECTS := $(patsubst %.c,objects/%.o,$(JANSSON) $(MNL) $(NFTNL) $(NFT))

COMMON := -O2 -w -D_GNU_SOURCE -DHAVE_STDINT_H -DHAVE_VISIBILITY_HIDDEN -Igenerated -Ijansson/src \
	-Ilibmnl/include
objects/libnftnl/%: OWN := -Ilibnftnl/include
objects/nftables/% objects/generated/%: OWN := -Inftables/include -Inftables \
	-idirafter libnftnl/include -DHAVE_LIBJANSSON -DHAVE_JSON -DHAVE_MINIGMP \
	-DDEFAULT_INCLUDE_PATH='"/etc"'

nft: $(OBJECTS)
	$(CC) -static -o $@ $^

objects/%.o: %.c $(GRAMMAR)
	@mkdir -p $(@D)
	$(CC) $(COMMON) $(OWN) -c -o $@ $<

# The grammar wants its tokens as macros, as yacc has them.
generated/parser_bison.c: nftables/src/parser_bison.y
	bison -y -d -o $@ $<

generated/scanner.c: nftables/src/scanner.l generated/parser_bison.c
	flex -t $< >$@
