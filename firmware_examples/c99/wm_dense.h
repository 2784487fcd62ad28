/* The sum of one output of a dense layer, however it is rounded afterwards. */
#ifndef WM_DENSE_H
#define WM_DENSE_H

#include <stdint.h>

static inline int32_t wm_dense_sum(const int8_t *weights, const int8_t *in, uint32_t inputs,
                                   int32_t bias)
{
    int32_t sum = bias;

    for (uint32_t place = 0; place < inputs; place++) {
        sum += (int32_t)in[place] * weights[place];
    }
    return sum;
}

#endif
