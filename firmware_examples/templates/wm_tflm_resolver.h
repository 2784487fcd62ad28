/* The operators of this model and no others. */
#ifndef WM_TFLM_RESOLVER_H
#define WM_TFLM_RESOLVER_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

using wm_tflm_resolver = tflite::MicroMutableOpResolver<@COUNT@>;

inline TfLiteStatus wm_tflm_register(wm_tflm_resolver &resolver)
{
@CHECKS@    return kTfLiteOk;
}

#endif
