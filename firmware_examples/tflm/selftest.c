#include "selftest.h"

#include <stddef.h>

#include "golden_test.h"

selftest_result selftest_run(void (*between)(void))
{
    selftest_result found = {0, -1, NULL};

    for (int place = 0; place < GOLDEN_WAFERS; place++) {
        const char *wrong;

        between();
        wrong = golden_check(&golden_wafers[place]);
        if (wrong == NULL) {
            found.right++;
        } else if (found.wrong == NULL) {
            found.place = place;
            found.wrong = wrong;
        }
    }
    return found;
}
