/* Text for people: aligned tables, box-drawing trees, colour rules. */
#ifndef DSE_BASE_TEXT_H
#define DSE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

/* True when stdout is a terminal and NO_COLOR is unset or empty and TERM is not "dumb". */
bool text_colour(void);
bool text_colour_on(FILE *to); /* the same for another stream */
/* Colours the status at the end of each line, `name (STATUS)`: green for what is done or runs, cyan
 * for what is on its way, yellow for what waits, red for what failed. Others stay as they are. */
void text_paint(struct buf *text);
/* True in a UTF-8 locale (LC_ALL, LC_CTYPE, LANG); trees fall back to ASCII otherwise. */
bool text_utf8(void);

/* Trees: text_tree_branch() appends the prefix of one child line: `last[i]` says for each level
 * above and of the child itself whether it is the last of its siblings. `├─ `, `└─ `, `│  `, three
 * blanks; ASCII: `|- `, `` `- ``, `|  `. */
void text_tree_branch(struct buf *out, const bool *last, size_t depth, bool utf8);

/* Tables: columns are as wide as their widest cell, two blanks between, no trailing blanks. */
struct text_table;
struct text_table *text_table_new(size_t columns, const char *const *headings);
void text_table_row(struct text_table *table, const char *const *cells); /* copies */
void text_table_print(const struct text_table *table, bool headings, struct buf *out);
void text_table_free(struct text_table *table);

/* All texts behind each other, in the arena or new: what names and paths are made of, for every
 * offer and every launch, so without printf. */
#define text_join(arena, ...) text_join_all((arena), (const char *const[]){__VA_ARGS__, NULL})
#define text_join_new(...) text_join_all(NULL, (const char *const[]){__VA_ARGS__, NULL})
char *text_join_all(struct arena *arena, const char *const *parts); /* NULL: from xmalloc() */
/* Decimal; in the arena, or somewhere in the room. */
char *text_number(struct arena *arena, int64_t number);
enum { TEXT_NUMBER = 21 };
const char *text_of_number(int64_t number, char room[TEXT_NUMBER]);

/* A hash for tables of this process; of several texts, each with the hash of those before. */
uint64_t text_hash(uint64_t before, const char *text);

/* Copies as much of the text as `size` bytes hold, NUL included; size > 0. */
void text_copy(char *to, size_t size, const char *text);

/* Appends foreign text with control characters replaced by '?'. */
void text_clean(struct buf *out, const char *s);

/* Length of the well-formed UTF-8 sequence at s, 0 when there is none. len > 0. */
size_t text_utf8_sequence(const unsigned char *s, size_t len);

#endif
