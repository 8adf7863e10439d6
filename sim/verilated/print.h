// Included before everything of Verilator's: what a design prints is kept for the exception that may follow.
#pragma once
#ifdef __cplusplus
extern "C"
#endif
int meltica_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
#define VL_PRINTF meltica_print
