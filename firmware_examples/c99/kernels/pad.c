/* PAD of rows and columns with the zero point. */
#include <string.h>

#include "wm_kernels.h"

void wm_pad(const wm_pad_op *op, const int8_t *in, int8_t *out)
{
    uint32_t stride = op->left + op->bytes + op->right;

    memset(out, op->fill, (op->top + op->rows + op->bottom) * stride);
    out += op->top * stride + op->left;
    for (uint32_t row = 0; row < op->rows; row++) {
        memcpy(out + row * stride, in + row * op->bytes, op->bytes);
    }
}
