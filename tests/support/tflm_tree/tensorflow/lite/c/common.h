/* Stand-in for tests: the names of TFLite Micro that exported firmware uses, and no more. */
#ifndef STAND_IN_COMMON_H
#define STAND_IN_COMMON_H

#include <cstddef>
#include <cstdint>

typedef enum { kTfLiteOk = 0, kTfLiteError = 1 } TfLiteStatus;
typedef enum { kTfLiteNoType = 0, kTfLiteFloat32 = 1, kTfLiteInt8 = 9 } TfLiteType;

typedef union {
    void *raw;
    float *f;
    int8_t *int8;
} TfLitePtrUnion;

typedef struct TfLiteTensor {
    TfLitePtrUnion data;
    TfLiteType type;
    size_t bytes;
} TfLiteTensor;

#endif
