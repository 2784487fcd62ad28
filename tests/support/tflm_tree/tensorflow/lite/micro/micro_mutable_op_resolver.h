/* Stand-in for tests; see tensorflow/lite/c/common.h. It counts what is added. */
#ifndef STAND_IN_RESOLVER_H
#define STAND_IN_RESOLVER_H

#include "tensorflow/lite/c/common.h"

namespace tflite {

class MicroOpResolver {
public:
    virtual ~MicroOpResolver() {}
};

template <unsigned int count>
class MicroMutableOpResolver : public MicroOpResolver {
public:
    TfLiteStatus AddAdd() { return add(); }
    TfLiteStatus AddAveragePool2D() { return add(); }
    TfLiteStatus AddConcatenation() { return add(); }
    TfLiteStatus AddConv2D() { return add(); }
    TfLiteStatus AddDepthwiseConv2D() { return add(); }
    TfLiteStatus AddDequantize() { return add(); }
    TfLiteStatus AddFullyConnected() { return add(); }
    TfLiteStatus AddHardSwish() { return add(); }
    TfLiteStatus AddLogistic() { return add(); }
    TfLiteStatus AddMaxPool2D() { return add(); }
    TfLiteStatus AddMean() { return add(); }
    TfLiteStatus AddMul() { return add(); }
    TfLiteStatus AddPack() { return add(); }
    TfLiteStatus AddPad() { return add(); }
    TfLiteStatus AddPadV2() { return add(); }
    TfLiteStatus AddQuantize() { return add(); }
    TfLiteStatus AddReduceMax() { return add(); }
    TfLiteStatus AddRelu() { return add(); }
    TfLiteStatus AddRelu6() { return add(); }
    TfLiteStatus AddReshape() { return add(); }
    TfLiteStatus AddShape() { return add(); }
    TfLiteStatus AddSoftmax() { return add(); }
    TfLiteStatus AddSqueeze() { return add(); }
    TfLiteStatus AddStridedSlice() { return add(); }
    TfLiteStatus AddSub() { return add(); }
    TfLiteStatus AddSum() { return add(); }
    TfLiteStatus AddTanh() { return add(); }
    TfLiteStatus AddTranspose() { return add(); }

private:
    TfLiteStatus add() { return added_++ < count ? kTfLiteOk : kTfLiteError; }

    unsigned int added_ = 0;
};

}  // namespace tflite

#endif
