/* The station on TFLite Micro. It answers nobody before every golden wafer came out right. */
#include "port.h"
#include "selftest.h"
#include "station.h"
#include "wm_tflm.h"

#ifdef WM_BOARD
#include "board.h"
#else
#include <stdio.h>
#include <stdlib.h>
#endif

/* Well above the longest classification, during which nobody feeds it. */
#define WATCHDOG_MS 10000u
#define EXIT_WRONG 1

static void begin(void)
{
#ifdef WM_BOARD
    board_start(WATCHDOG_MS);
#endif
}

/* A board starts again, and never speaks; a program ends. */
static void give_up(const char *why)
{
#ifdef WM_BOARD
    (void)why;
    board_reset(BOARD_FAULT);
#else
    fprintf(stderr, "wm_station: %s\n", why);
    exit(EXIT_WRONG);
#endif
    for (;;) {
    }
}

void wm_tflm_failed(void)
{
    give_up("TFLite Micro has failed");
}

int main(void)
{
    selftest_result found;

    begin();
    if (wm_tflm_start() != WM_TFLM_OK) {
        give_up("TFLite Micro does not start");
    }
    found = selftest_run(port_feed_watchdog);
    if (found.wrong != NULL) {
        give_up(found.wrong);
    }
    station_run();
    return 0;
}
