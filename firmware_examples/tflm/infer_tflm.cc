// The network on TFLite Micro: the four functions of wm_network.h, under wm_infer and wm_classify.
#include "wm_tflm.h"

#include <cstdint>
#include <new>

#include "model_data.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "wm_model.h"
#include "wm_tflm_model.h"
#include "wm_tflm_resolver.h"

extern "C" {
#include "wm_network.h"
}

namespace {

alignas(16) uint8_t arena[WM_TFLM_ARENA_BYTES];

// Built in place and never torn down: a static object's destructor would want an exit handler,
// which firmware without an operating system has none of.
alignas(wm_tflm_resolver) uint8_t resolver_place[sizeof(wm_tflm_resolver)];
alignas(tflite::MicroInterpreter) uint8_t interpreter_place[sizeof(tflite::MicroInterpreter)];

tflite::MicroInterpreter *interpreter = nullptr;

bool is_int8(const TfLiteTensor *tensor, size_t bytes)
{
    return tensor != nullptr && tensor->type == kTfLiteInt8 && tensor->bytes == bytes;
}

bool right_tensors(tflite::MicroInterpreter *built)
{
    return is_int8(built->input(0), WM_ENCODED_BYTES) &&
           is_int8(built->output(WM_TFLM_LOGITS), WM_CLASSES) &&
           is_int8(built->output(WM_TFLM_EMBEDDING), WM_EMBEDDING);
}

tflite::MicroInterpreter &started()
{
    if (interpreter == nullptr) {
        wm_tflm_failed();
    }
    return *interpreter;
}

}  // namespace

wm_tflm_status wm_tflm_start(void)
{
    if (interpreter != nullptr) {
        return WM_TFLM_OK;
    }
    auto *resolver = new (resolver_place) wm_tflm_resolver();
    if (wm_tflm_register(*resolver) != kTfLiteOk) {
        return WM_TFLM_OPERATORS;
    }
    auto *built = new (interpreter_place) tflite::MicroInterpreter(
        tflite::GetModel(wm_model_data), *resolver, arena, sizeof arena);
    if (built->AllocateTensors() != kTfLiteOk) {
        return WM_TFLM_MEMORY;
    }
    if (!right_tensors(built)) {
        return WM_TFLM_TENSORS;
    }
    interpreter = built;
    return WM_TFLM_OK;
}

size_t wm_tflm_arena_used(void)
{
    return started().arena_used_bytes();
}

int8_t *wm_input(void)
{
    return started().input(0)->data.int8;
}

void wm_run(void)
{
    if (started().Invoke() != kTfLiteOk) {
        wm_tflm_failed();
    }
}

const int8_t *wm_logits(void)
{
    return started().output(WM_TFLM_LOGITS)->data.int8;
}

const int8_t *wm_embedding(void)
{
    return started().output(WM_TFLM_EMBEDDING)->data.int8;
}
