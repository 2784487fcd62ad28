#include "wm_kernels.h"
#include "wm_network.h"

/* Word-aligned, for kernels that load words. */
static union {
    int32_t words[@WORDS@];
    int8_t bytes[@BYTES@];
} arena;
@PATCH@@CONSTANTS@
void wm_run(void)
{
@CALLS@}

int8_t *wm_input(void)
{
    return arena.bytes + @INPUT@;
}

const int8_t *wm_logits(void)
{
    return arena.bytes + @LOGITS@;
}

const int8_t *wm_embedding(void)
{
    return arena.bytes + @EMBEDDING@;
}
