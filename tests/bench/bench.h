/* What the benchmarks share: clocks and medians. */
#ifndef DSE_BENCH_H
#define DSE_BENCH_H

#include <stdlib.h>
#include <time.h>

static inline double bench_seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Of this process, in seconds; differences count. */
static inline double cpu_s(void)
{
    return bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* Time of the wall, in seconds; differences count. */
static inline double now_s(void)
{
    return bench_seconds(CLOCK_MONOTONIC);
}

static inline int bench_ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts the values. */
static inline double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, bench_ascending);
    return values[count / 2];
}

#endif
