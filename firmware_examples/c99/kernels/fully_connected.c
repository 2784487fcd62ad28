/* FULLY_CONNECTED (tflite/kernels/internal/reference/integer_ops/fully_connected.h).
 *
 * LiteRT's reference kernel rounds the double product of sum and scale to a whole number, halves
 * away from zero. Whole numbers do the same here: first the rounding to the 53 bits of a double.
 */
#include "wm_dense.h"
#include "wm_fixed.h"
#include "wm_kernels.h"

#define WORD_BITS 32
/* Bits of a double's mantissa that do not fit into a word. */
#define HIGH_BITS 21
/* What is halved that often is 0, whatever it was. */
#define MOST_BITS 62

/* A product with its lowest bits cut off, as a double holds it. */
typedef struct {
    uint64_t mantissa;
    int cut;
} product;

/* mantissa * size, rounded to 53 bits, halves to even. */
static product multiply(uint64_t mantissa, uint32_t size)
{
    uint64_t low = (mantissa & UINT32_MAX) * size;
    uint64_t high = (mantissa >> WORD_BITS) * size + (low >> WORD_BITS);
    product found = {0, 0};
    uint32_t rest, half;

    low &= UINT32_MAX;
    while (high >> (HIGH_BITS + found.cut) != 0) {
        found.cut++;
    }
    found.mantissa = high << (WORD_BITS - found.cut) | low >> found.cut;
    rest = (uint32_t)low & (uint32_t)(((uint64_t)1 << found.cut) - 1);
    half = found.cut > 0 ? (uint32_t)1 << (found.cut - 1) : UINT32_MAX;
    found.mantissa += rest > half || (rest == half && found.mantissa % 2 == 1);
    return found;
}

static int32_t scaled(int32_t sum, uint64_t mantissa, int shift)
{
    uint32_t size = sum < 0 ? 0 - (uint32_t)sum : (uint32_t)sum;
    product whole = multiply(mantissa, size);
    int halvings = shift - whole.cut; /* at least 1: a scale is at most 1 */
    int32_t result;

    if (halvings > MOST_BITS) {
        return 0;
    }
    result = (int32_t)((whole.mantissa + ((uint64_t)1 << (halvings - 1))) >> halvings);
    return sum < 0 ? -result : result;
}

void wm_fully_connected(const wm_fully_connected_op *op, const int8_t *in, int8_t *out)
{
    for (uint32_t place = 0; place < op->outputs; place++) {
        const int8_t *weights = op->weights + place * op->inputs;
        int32_t sum = wm_dense_sum(weights, in, op->inputs, op->bias[place]);
        int32_t value = scaled(sum, op->mantissas[place], op->shifts[place]);

        out[place] = wm_clamp(value + op->zero, op->low, op->high);
    }
}
