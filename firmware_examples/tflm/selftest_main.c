/* The self-test as a program for this machine; with a number, also how long an inference takes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "selftest.h"
#include "wm_tflm.h"
#include "wm_tflm_model.h"

#define BASE 10
#define MICROSECONDS 1e6

static void nothing(void)
{
}

void wm_tflm_failed(void)
{
    fputs("TFLite Micro has failed\n", stderr);
    exit(EXIT_FAILURE);
}

static void measure(long runs)
{
    static int8_t input[WM_ENCODED_BYTES];
    int8_t logits[WM_CLASSES], embedding[WM_EMBEDDING];
    clock_t began = clock();

    memset(input, -1, sizeof input);
    for (long run = 0; run < runs; run++) {
        wm_infer(input, logits, embedding);
    }
    printf("%.1f us an inference\n",
           (double)(clock() - began) / CLOCKS_PER_SEC * MICROSECONDS / (double)runs);
}

int main(int count, char **arguments)
{
    long runs = count > 1 ? strtol(arguments[1], NULL, BASE) : 0;
    wm_tflm_status status = wm_tflm_start();
    selftest_result found;

    if (status != WM_TFLM_OK) {
        fprintf(stderr, "TFLite Micro does not start: status %d\n", (int)status);
        return EXIT_FAILURE;
    }
    printf("%lu of %lu bytes of arena in use\n", (unsigned long)wm_tflm_arena_used(),
           (unsigned long)WM_TFLM_ARENA_BYTES);
    found = selftest_run(nothing);
    if (found.wrong != NULL) {
        printf("golden wafer %d: wrong %s\n", found.place, found.wrong);
    }
    printf("%d of %d golden wafers right\n", found.right, GOLDEN_WAFERS);
    if (runs > 0) {
        measure(runs);
    }
    return found.wrong == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}
