/* Rescaling of sums to int8, as tflite/kernels/internal/common.cc does it with double rounding:
 * MultiplyByQuantizedMultiplier = SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT.
 */
#ifndef WM_FIXED_H
#define WM_FIXED_H

#include <stdint.h>

/* Bits behind the point of a multiplier. */
#define WM_FRACTION_BITS 31

/* x * multiplier / 2^31, halves rounded up. The original divides towards zero after adding
 * +-2^30, which comes to the same. Its saturation needs two factors of -2^31; multipliers are
 * positive. Shifting a negative number right keeps its sign in every compiler this is meant for. */
static inline int32_t wm_high_product(int32_t x, int32_t multiplier)
{
    int64_t product = (int64_t)x * multiplier;

    return (int32_t)((product + ((int64_t)1 << (WM_FRACTION_BITS - 1))) >> WM_FRACTION_BITS);
}

/* x / 2^exponent, halves rounded away from zero; exponent 0..31. */
static inline int32_t wm_divide_by_power(int32_t x, int exponent)
{
    int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1);
    int32_t remainder = x & mask;
    int32_t threshold = (mask >> 1) + (x < 0);

    return (x >> exponent) + (remainder > threshold);
}

/* x * multiplier * 2^(shift - 31). Bits that a left shift pushes out are lost, as in TFLite. */
static inline int32_t wm_rescale(int32_t x, int32_t multiplier, int shift)
{
    int left = shift > 0 ? shift : 0;
    int right = shift > 0 ? 0 : -shift;

    return wm_divide_by_power(wm_high_product((int32_t)((uint32_t)x << left), multiplier), right);
}

static inline int8_t wm_clamp(int32_t x, int32_t low, int32_t high)
{
    int32_t floored = x < low ? low : x;

    return (int8_t)(floored > high ? high : floored);
}

#endif
