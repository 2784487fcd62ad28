/* CONV_2D (tflite/kernels/internal/reference/integer_ops/conv.h, ConvPerChannel).
 *
 * What a window covers is copied into a patch, outside filled with the input's zero point, so that
 * each output channel is one sum of products over neighbouring bytes.
 */
#include "wm_channels.h"
#include "wm_kernels.h"

static int16_t *widen(const int8_t *from, uint32_t count, int16_t *to)
{
    for (uint32_t place = 0; place < count; place++) {
        to[place] = from[place];
    }
    return to + count;
}

static int16_t *fill(int8_t value, uint32_t count, int16_t *to)
{
    for (uint32_t place = 0; place < count; place++) {
        to[place] = value;
    }
    return to + count;
}

/* One row of the window, from the given row and first column of the image, which may be outside. */
static int16_t *copy_row(const wm_conv_2d_op *op, const int8_t *in, int row, int column,
                         int16_t *to)
{
    const wm_window *w = &op->window;
    uint32_t channels = w->in_channels;

    if (row < 0 || row >= w->in_rows) {
        return fill(op->fill, w->columns * channels, to);
    }
    in += (uint32_t)row * w->in_columns * channels;
    if (w->column_dilation == 1 && column >= 0 && column + w->columns <= w->in_columns) {
        return widen(in + (uint32_t)column * channels, w->columns * channels, to);
    }
    for (int x = 0; x < w->columns; x++, column += w->column_dilation) {
        int outside = column < 0 || column >= w->in_columns;

        to = outside ? fill(op->fill, channels, to)
                     : widen(in + (uint32_t)column * channels, channels, to);
    }
    return to;
}

static void copy_patch(const wm_conv_2d_op *op, const int8_t *in, int out_row, int out_column)
{
    const wm_window *w = &op->window;
    int row = out_row * w->row_stride - w->top;
    int column = out_column * w->column_stride - w->left;
    int16_t *to = op->patch;

    for (int y = 0; y < w->rows; y++, row += w->row_dilation) {
        to = copy_row(op, in, row, column, to);
    }
}

void wm_conv_2d(const wm_conv_2d_op *op, const int8_t *in, int8_t *out)
{
    const wm_window *w = &op->window;
    const wm_channels all = {
        .weights = op->weights,
        .bias = op->bias,
        .multipliers = op->multipliers,
        .shifts = op->shifts,
        .count = (uint32_t)w->rows * w->columns * w->in_channels,
        .channels = w->out_channels,
        .zero = op->zero,
        .low = op->low,
        .high = op->high,
    };

    for (int row = 0; row < w->out_rows; row++) {
        for (int column = 0; column < w->out_columns; column++, out += w->out_channels) {
            copy_patch(op, in, row, column);
            wm_dot_arrange(op->patch, all.count);
            wm_all_channels(&all, op->patch, out);
        }
    }
}
