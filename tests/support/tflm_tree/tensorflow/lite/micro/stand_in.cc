/* The stand-in's interpreter, for the model of the project that it is built into. A run is that of
 * the shared library that WM_STAND_IN names, which has wm_infer; without it a run fails. */
#include <cstring>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "wm_model.h"
#include "wm_tflm_model.h"

#ifdef __linux__
#include <dlfcn.h>

#include <cstdlib>
#endif

namespace {

/* Logits and embedding are outputs 0 and 1, in an order of the model's own. */
const size_t kSizes[] = {WM_ENCODED_BYTES, WM_TFLM_LOGITS == 0 ? WM_CLASSES : WM_EMBEDDING,
                         WM_TFLM_LOGITS == 0 ? WM_EMBEDDING : WM_CLASSES};

typedef void (*run_function)(const int8_t *, int8_t *, int8_t *);

run_function find()
{
#ifdef __linux__
    const char *name = std::getenv("WM_STAND_IN");
    void *library = name == nullptr ? nullptr : dlopen(name, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == nullptr ? nullptr : dlsym(library, "wm_infer");
    return reinterpret_cast<run_function>(symbol);
#else
    return nullptr;
#endif
}

}  // namespace

namespace tflite {

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &, uint8_t *arena,
                                   size_t arena_bytes)
    : tensors_{}, model_(model), arena_(arena), arena_bytes_(arena_bytes)
{
}

TfLiteStatus MicroInterpreter::AllocateTensors()
{
    uint8_t *place = arena_;

    if (std::memcmp(model_->head + 4, "TFL3", 4) != 0 || arena_used_bytes() > arena_bytes_) {
        return kTfLiteError;
    }
    if (reinterpret_cast<uintptr_t>(model_) % 16 != 0 ||
        reinterpret_cast<uintptr_t>(arena_) % 16 != 0) {
        return kTfLiteError;
    }
    for (int index = 0; index < 3; index++) {
        tensors_[index].data.raw = place;
        tensors_[index].type = kTfLiteInt8;
        tensors_[index].bytes = kSizes[index];
        place += kSizes[index];
    }
    return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke()
{
    static run_function run = find();

    if (run == nullptr) {
        return kTfLiteError;
    }
    run(tensors_[0].data.int8, tensors_[1 + WM_TFLM_LOGITS].data.int8,
        tensors_[1 + WM_TFLM_EMBEDDING].data.int8);
    std::memset(tensors_[0].data.raw, 0, tensors_[0].bytes); /* a run uses its input up */
    return kTfLiteOk;
}

TfLiteTensor *MicroInterpreter::input(size_t)
{
    return &tensors_[0];
}

TfLiteTensor *MicroInterpreter::output(size_t index)
{
    return &tensors_[1 + index];
}

size_t MicroInterpreter::arena_used_bytes() const
{
    return kSizes[0] + kSizes[1] + kSizes[2];
}

}  // namespace tflite
