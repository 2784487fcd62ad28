/* Sums of products of int16 with int8, four rows of weights at a time: each value is loaded once for
 * all. The values are int16 because every vector unit has a multiply and add of those. They are
 * arranged once, by wm_dot_arrange, for all the sums that they go into. */
#ifndef WM_DOT_H
#define WM_DOT_H

#include <stdint.h>

#if defined(__ARM_FEATURE_SIMD32) && defined(__ARM_FEATURE_UNALIGNED)
#include <arm_acle.h>
#include <string.h>
#define WM_DOT_SIMD32 1
#endif

#define WM_DOT_ROWS 4

static inline int32_t wm_dot_plain(const int16_t *values, const int8_t *weights, uint32_t count)
{
    int32_t sum = 0;

    for (uint32_t place = 0; place < count; place++) {
        sum += (int32_t)values[place] * weights[place];
    }
    return sum;
}

#ifdef WM_DOT_SIMD32

/* Two products are one instruction (Cortex-M4, M7, M33), and four weights one word. */
#define WM_DOT_STEP 4
#define WM_BYTE_BITS 8

static inline uint32_t wm_load_word(const void *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Bring values 0, 1, 2, 3 into the order 0, 2, 1, 3 in which the weights of a word are widened. */
static inline void wm_dot_arrange(int16_t *values, uint32_t count)
{
    for (; count >= WM_DOT_STEP; count -= WM_DOT_STEP, values += WM_DOT_STEP) {
        int16_t second = values[1];

        values[1] = values[2];
        values[2] = second;
    }
}

static inline int32_t wm_dot_word(int16x2_t even, int16x2_t odd, const int8_t *weights, int32_t sum)
{
    uint32_t word = wm_load_word(weights);

    sum = __smlad(even, __sxtb16((int8x4_t)word), sum);
    return __smlad(odd, __sxtb16((int8x4_t)(word >> WM_BYTE_BITS)), sum);
}

static inline int32_t wm_dot(const int16_t *values, const int8_t *weights, uint32_t count)
{
    int32_t sum = 0;

    for (; count >= WM_DOT_STEP; count -= WM_DOT_STEP) {
        sum = wm_dot_word((int16x2_t)wm_load_word(values), (int16x2_t)wm_load_word(values + 2),
                          weights, sum);
        values += WM_DOT_STEP;
        weights += WM_DOT_STEP;
    }
    return sum + wm_dot_plain(values, weights, count);
}

/* Add to sums the products of count values with each of four rows, which are count apart. */
static inline void wm_dot_rows(const int16_t *values, const int8_t *weights, uint32_t count,
                               int32_t sums[WM_DOT_ROWS])
{
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    uint32_t rest = count % WM_DOT_STEP;
    const int8_t *end = weights + (count - rest);

    for (; weights != end; weights += WM_DOT_STEP, values += WM_DOT_STEP) {
        int16x2_t even = (int16x2_t)wm_load_word(values);
        int16x2_t odd = (int16x2_t)wm_load_word(values + 2);

        sum0 = wm_dot_word(even, odd, weights, sum0);
        sum1 = wm_dot_word(even, odd, weights + count, sum1);
        sum2 = wm_dot_word(even, odd, weights + 2 * count, sum2);
        sum3 = wm_dot_word(even, odd, weights + 3 * count, sum3);
    }
    sums[0] = sum0 + wm_dot_plain(values, weights, rest);
    sums[1] = sum1 + wm_dot_plain(values, weights + count, rest);
    sums[2] = sum2 + wm_dot_plain(values, weights + 2 * count, rest);
    sums[3] = sum3 + wm_dot_plain(values, weights + 3 * count, rest);
}

#else

/* Values are taken as they come. */
static inline void wm_dot_arrange(int16_t *values, uint32_t count)
{
    (void)values;
    (void)count;
}

static inline int32_t wm_dot(const int16_t *values, const int8_t *weights, uint32_t count)
{
    return wm_dot_plain(values, weights, count);
}

/* Add to sums the products of count values with each of four rows, which are count apart. */
static inline void wm_dot_rows(const int16_t *values, const int8_t *weights, uint32_t count,
                               int32_t sums[WM_DOT_ROWS])
{
    const int8_t *row1 = weights + count, *row2 = row1 + count, *row3 = row2 + count;
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];

    for (uint32_t place = 0; place < count; place++) {
        /* As int16, so that compilers see the multiply and add of their vector unit. */
        int16_t value = values[place];
        int16_t weight0 = weights[place], weight1 = row1[place];
        int16_t weight2 = row2[place], weight3 = row3[place];

        sum0 += (int32_t)value * weight0;
        sum1 += (int32_t)value * weight1;
        sum2 += (int32_t)value * weight2;
        sum3 += (int32_t)value * weight3;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

#endif

#endif
