/* The int8 operators. Each gives the bytes that TFLite's reference kernel gives; the _micro ones
 * those of TensorFlow Lite Micro, where the two differ.
 *
 * Images are [rows][columns][channels]. Parameters are constants that wm-edge export-firmware
 * computes; it also makes sure that no sum overflows and that an output which lies over its own
 * input (see convert/firmware/step.py) never overwrites what is still to be read.
 */
#ifndef WM_KERNELS_H
#define WM_KERNELS_H

#include <stdint.h>

/* A positive real number as multiplier * 2^(shift - 31). */
typedef struct {
    int32_t multiplier;
    int8_t shift;
} wm_scale;

/* A window that slides over an image; top and left count its first positions outside. */
typedef struct {
    uint16_t in_rows, in_columns, in_channels;
    uint16_t out_rows, out_columns, out_channels;
    uint8_t rows, columns;
    uint8_t row_stride, column_stride;
    uint8_t row_dilation, column_dilation;
    uint8_t top, left;
} wm_window;

/* Sums of products; the bias has the input's zero point folded in: fill stands for it outside. */
typedef struct {
    wm_window window;
    const int8_t *weights; /* [out channels][rows][columns][in channels] */
    const int32_t *bias;
    const int32_t *multipliers;
    const int8_t *shifts;
    int16_t *patch; /* as many values as an output channel has weights */
    int8_t fill, zero, low, high;
} wm_conv_2d_op;

typedef struct {
    wm_window window;
    const int8_t *weights; /* [rows][columns][out channels] */
    const int32_t *bias;
    const int32_t *multipliers;
    const int8_t *shifts;
    int8_t fill, zero, low, high;
} wm_depthwise_conv_2d_op;

/* An output's scale is mantissa * 2^-shift: all bits of a double. */
typedef struct {
    uint32_t inputs, outputs;
    const int8_t *weights; /* [outputs][inputs] */
    const int32_t *bias;
    const uint64_t *mantissas;
    const int8_t *shifts;
    int8_t zero, low, high;
} wm_fully_connected_op;

typedef struct {
    uint32_t inputs, outputs;
    const int8_t *weights; /* [outputs][inputs] */
    const int32_t *bias;
    const int32_t *multipliers;
    const int8_t *shifts;
    int8_t zero, low, high;
} wm_fully_connected_micro_op;

typedef struct {
    wm_window window;
    int8_t low, high;
} wm_pool_op;
typedef wm_pool_op wm_max_pool_2d_op;
typedef wm_pool_op wm_average_pool_2d_op;

typedef struct {
    uint32_t elements;
    wm_scale left_scale, right_scale, out_scale;
    int8_t left_zero, right_zero, zero, low, high;
} wm_add_op;

typedef struct {
    uint32_t elements;
    wm_scale scale;
    int8_t left_zero, right_zero, zero, low, high;
} wm_mul_op;

/* offset: less the input's zero point, once for each position. */
typedef struct {
    uint32_t positions, channels;
    int32_t offset;
    wm_scale scale;
    int8_t zero;
} wm_mean_op;

typedef struct {
    uint32_t positions, channels;
} wm_reduce_max_op;

/* One input of several: rows of so many bytes, at offset in output rows of stride bytes. */
typedef struct {
    uint32_t rows, bytes, stride, offset;
} wm_concatenation_op;

/* Sides in rows above and below, in bytes left and right. */
typedef struct {
    uint32_t rows, bytes, top, bottom, left, right;
    int8_t fill;
} wm_pad_op;

void wm_conv_2d(const wm_conv_2d_op *op, const int8_t *in, int8_t *out);
void wm_depthwise_conv_2d(const wm_depthwise_conv_2d_op *op, const int8_t *in, int8_t *out);
void wm_fully_connected(const wm_fully_connected_op *op, const int8_t *in, int8_t *out);
void wm_fully_connected_micro(const wm_fully_connected_micro_op *op, const int8_t *in, int8_t *out);
void wm_max_pool_2d(const wm_max_pool_2d_op *op, const int8_t *in, int8_t *out);
void wm_average_pool_2d(const wm_average_pool_2d_op *op, const int8_t *in, int8_t *out);
void wm_add(const wm_add_op *op, const int8_t *left, const int8_t *right, int8_t *out);
void wm_mul(const wm_mul_op *op, const int8_t *left, const int8_t *right, int8_t *out);
void wm_mean(const wm_mean_op *op, const int8_t *in, int8_t *out);
void wm_reduce_max(const wm_reduce_max_op *op, const int8_t *in, int8_t *out);
void wm_concatenation(const wm_concatenation_op *op, const int8_t *in, int8_t *out);
void wm_pad(const wm_pad_op *op, const int8_t *in, int8_t *out);

#endif
