/* Self-test on a PC; with a number, also how long so many inferences take. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "golden_test.h"

#define BASE 10
#define MICROSECONDS 1e6

static int run_golden(void)
{
    int wrong = 0;

    for (int place = 0; place < GOLDEN_WAFERS; place++) {
        const char *what = golden_check(&golden_wafers[place]);

        if (what != NULL) {
            printf("golden wafer %d: wrong %s\n", place, what);
            wrong++;
        }
    }
    printf("%d of %d golden wafers right\n", GOLDEN_WAFERS - wrong, GOLDEN_WAFERS);
    return wrong;
}

static void measure(long runs)
{
    static int8_t input[WM_ENCODED_BYTES];
    static wm_grid grid;
    wm_result result;
    clock_t began = clock(), inferred;

    memset(input, -1, sizeof input);
    for (long run = 0; run < runs; run++) {
        wm_infer(input, result.logits, result.embedding);
    }
    inferred = clock();
    if (golden_load(&golden_wafers[GOLDEN_WAFERS - 2], &grid) != WM_OK) {
        return;
    }
    for (long run = 0; run < runs; run++) {
        wm_classify(&grid, &result);
    }
    printf("%.1f us an inference, ", (double)(inferred - began) / CLOCKS_PER_SEC * MICROSECONDS /
                                        (double)runs);
    printf("%.1f us a wafer\n", (double)(clock() - inferred) / CLOCKS_PER_SEC * MICROSECONDS /
                                    (double)runs);
}

int main(int count, char **arguments)
{
    int wrong = run_golden();
    long runs = count > 1 ? strtol(arguments[1], NULL, BASE) : 0;

    if (runs > 0) {
        measure(runs);
    }
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
