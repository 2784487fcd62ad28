/* The golden wafers on TFLite Micro. */
#ifndef SELFTEST_H
#define SELFTEST_H

#include "golden.h"

typedef struct {
    int right;         /* golden wafers that came out right */
    int place;         /* of the first wrong one; -1 where none is */
    const char *wrong; /* what is wrong with it; NULL where none is */
} selftest_result;

/* Run them all; `between` is called before each, to feed a watchdog. */
selftest_result selftest_run(void (*between)(void));

#endif
