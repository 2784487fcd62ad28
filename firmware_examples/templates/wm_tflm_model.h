#ifndef WM_TFLM_MODEL_H
#define WM_TFLM_MODEL_H

@ORIGIN@#ifndef WM_TFLM_ARENA_BYTES
#define WM_TFLM_ARENA_BYTES @BYTES@
#endif
#define WM_TFLM_ARENA_MEASURED @MEASURED@

/* Places among the outputs of the network. */
#define WM_TFLM_LOGITS @LOGITS@
#define WM_TFLM_EMBEDDING @EMBEDDING@

#endif
