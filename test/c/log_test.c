/* A line of the log is one line, and a terminal shows it as it is. */
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "test.h"

static char said[4096];

/* What a line with `text` in it writes to standard error. */
static const char *line_of(const char *text)
{
	int kept = dup(STDERR_FILENO);
	int ends[2];
	ssize_t size;

	if (kept < 0 || pipe(ends) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return "no pipe";
	log_line(LOG_LEVEL_ERROR, "name %s.", text);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[1]);
	size = read(ends[0], said, sizeof(said) - 1);
	close(ends[0]);
	said[size > 0 ? size : 0] = '\0';
	return said;
}

static void what_a_terminal_would_obey_is_replaced(void)
{
	EXPECT_TEXT(line_of("tv \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
		    "adit: name tv \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80.\n");
	EXPECT_TEXT(line_of("a\x1b[2J\r\n\x7f"), "adit: name a?[2J???.\n");
	/* C1, as UTF-8 and as bare bytes: CSI, NEL */
	EXPECT_TEXT(line_of("a\xc2\x9b" "2J\xc2\x85\x9b"), "adit: name a??2J???.\n");
	/* right-to-left override and isolate, marks, a paragraph's end */
	EXPECT_TEXT(line_of("a\xe2\x80\xaetxt.exe"), "adit: name a???txt.exe.\n");
	EXPECT_TEXT(line_of("\xe2\x81\xa7\xe2\x80\x8f\xd8\x9c\xe2\x80\xa9"),
		    "adit: name ???????????.\n");
	/* their neighbours stay: no-break space, hyphen, ellipsis, joiner */
	EXPECT_TEXT(line_of("\xc2\xa0\xe2\x80\x90\xe2\x80\xa6\xe2\x80\x8d\xe2\x81\xa5"),
		    "adit: name \xc2\xa0\xe2\x80\x90\xe2\x80\xa6\xe2\x80\x8d\xe2\x81\xa5.\n");
	/* a sequence that is cut, an overlong one */
	EXPECT_TEXT(line_of("\xe2\x82"), "adit: name ??.\n");
	EXPECT_TEXT(line_of("\xc0\xaf"), "adit: name ??.\n");
}

int main(void)
{
	what_a_terminal_would_obey_is_replaced();
	return test_summary();
}
