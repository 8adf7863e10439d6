/* Tells callgrind from inside the measured program what to count; without callgrind each call does nothing. */
#include <valgrind/callgrind.h>

int marks_present(void) { return RUNNING_ON_VALGRIND != 0; }
void marks_begin(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void marks_end(const char *name) { CALLGRIND_DUMP_STATS_AT(name); CALLGRIND_STOP_INSTRUMENTATION; }
