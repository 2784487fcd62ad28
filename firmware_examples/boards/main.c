/* The station on a board. */
#include "board.h"
#include "station.h"

/* Well above the longest classification, during which nobody feeds it. */
#define WATCHDOG_MS 10000u

int main(void)
{
    board_start(WATCHDOG_MS);
    station_run();
    return 0;
}
