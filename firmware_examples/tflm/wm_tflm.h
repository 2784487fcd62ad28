/* TFLite Micro behind wm_edge.h: what a program does before the first wafer. */
#ifndef WM_TFLM_H
#define WM_TFLM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    WM_TFLM_OK,
    WM_TFLM_OPERATORS, /* the resolver refuses an operator */
    WM_TFLM_MEMORY,    /* the tensors do not fit into WM_TFLM_ARENA_BYTES */
    WM_TFLM_TENSORS    /* input or outputs are not what wm_model.h says */
} wm_tflm_status;

/* Build the interpreter and lay out its memory; once, before wm_infer and wm_classify. */
wm_tflm_status wm_tflm_start(void);

/* Bytes of the arena that are in use, after a start that went well. */
size_t wm_tflm_arena_used(void);

/* The program's own: a run has failed or nothing was started. Must not return. */
void wm_tflm_failed(void);

#ifdef __cplusplus
}
#endif

#endif
