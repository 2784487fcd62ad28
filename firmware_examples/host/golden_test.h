/* The golden wafers, run through everything. */
#ifndef GOLDEN_TEST_H
#define GOLDEN_TEST_H

#include "golden.h"

/* Unpack a golden wafer into a grid. */
wm_status golden_load(const golden_wafer *wafer, wm_grid *grid);

/* What a golden wafer gives wrong, as a name; NULL where all is right. */
const char *golden_check(const golden_wafer *wafer);

#endif
