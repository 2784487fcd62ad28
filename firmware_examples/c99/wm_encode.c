/* Wafer map -> network input, as edge/wafer/encoding.py defines it, in whole numbers.
 *
 * Output cell i of a side of n positions covers floor(i * n / WM_SIDE) up to, not including,
 * ceil((i + 1) * n / WM_SIDE). A share is 255 * count / area, halves rounded up.
 */
#include <string.h>

#include "wm_grid.h"

#define FULL_SHARE 255

/* Fails and dies of each column over the rows of one row of cells. */
typedef struct {
    uint16_t fails[WM_MAX_SIDE];
    uint16_t dies[WM_MAX_SIDE];
} column_sums;

static uint32_t first_of(uint32_t cell, uint32_t length)
{
    return cell * length / WM_SIDE;
}

static uint32_t end_of(uint32_t cell, uint32_t length)
{
    return ((cell + 1) * length + WM_SIDE - 1) / WM_SIDE;
}

static uint8_t share(uint32_t count, uint32_t area)
{
    return (uint8_t)((2 * FULL_SHARE * count + area) / (2 * area));
}

static void add_row(const wm_grid *grid, const wm_extent *extent, uint32_t row, column_sums *sums)
{
    uint32_t width = (uint32_t)extent->right - extent->left;
    uint32_t index = row * grid->columns + extent->left;

    for (uint32_t column = 0; column < width; column++, index++) {
        uint8_t state = wm_grid_get(grid, index);

        sums->fails[column] = (uint16_t)(sums->fails[column] + (state == WM_FAIL));
        sums->dies[column] = (uint16_t)(sums->dies[column] + (state != WM_NO_DIE));
    }
}

static void encode_row(const column_sums *sums, uint32_t height, uint32_t width, uint8_t *encoded)
{
    for (uint32_t cell = 0; cell < WM_SIDE; cell++) {
        uint32_t first = first_of(cell, width), end = end_of(cell, width);
        uint32_t fails = 0, dies = 0, area = height * (end - first);

        for (uint32_t column = first; column < end; column++) {
            fails += sums->fails[column];
            dies += sums->dies[column];
        }
        *encoded++ = share(fails, area);
        *encoded++ = share(dies, area);
    }
}

void wm_encode(const wm_grid *grid, uint8_t *encoded)
{
    static column_sums sums; /* static: half a board's usual stack otherwise */
    wm_extent extent;
    uint32_t height, width;

    if (wm_grid_measure(grid, &extent) != WM_OK || extent.dies == 0) {
        memset(encoded, 0, WM_ENCODED_BYTES);
        return;
    }
    height = (uint32_t)extent.bottom - extent.top;
    width = (uint32_t)extent.right - extent.left;
    for (uint32_t cell = 0; cell < WM_SIDE; cell++) {
        uint32_t first = first_of(cell, height), end = end_of(cell, height);

        memset(&sums, 0, sizeof sums);
        for (uint32_t row = first; row < end; row++) {
            add_row(grid, &extent, extent.top + row, &sums);
        }
        encode_row(&sums, end - first, width, encoded + cell * WM_SIDE * WM_PLANES);
    }
}
