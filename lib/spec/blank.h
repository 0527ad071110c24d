/* "Is this text blank?" as the programs of the original ask it: their languages count different
 * characters as white space. Pure. */
#ifndef DSE_SPEC_BLANK_H
#define DSE_SPEC_BLANK_H

#include <stdbool.h>

/* Empty, NULL, or all of it white space: as the scheduler (Java), as the program in the tasks (Go)
 * sees it. UTF-8. */
bool blank_java(const char *text);
bool blank_go(const char *text);

#endif
