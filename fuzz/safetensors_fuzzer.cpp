// SPDX-License-Identifier: Apache-2.0
// The reader of safetensors files: whatever it accepts can be read to the last byte, whatever it refuses is a malformed
// file.
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "bounded_memory.hpp"
#include "io/safetensors.hpp"

using namespace saccade;

namespace {

uint64_t readEverything(const Safetensors& file) {
    uint64_t sum = 0;
    for (const TensorView& tensor : file.tensors()) {
        if (file.find(tensor.name) != &tensor)
            fuzz::fail("find() has another \"%.*s\"", static_cast<int>(tensor.name.size()), tensor.name.data());
        for (uint64_t i = 0; i < tensor.bytes; ++i)
            sum += static_cast<uint64_t>(tensor.data[i]);
        for (const NonFinite policy : {NonFinite::accept, NonFinite::refuse}) {
            try {
                std::vector<float> values(tensor.elementCount());
                readFloats(tensor, values, policy);
            } catch (const Error& error) {
                if (error.code() != SAC_ERROR_INVALID_WEIGHTS)
                    fuzz::fail("readFloats: %d, %s", error.code(), error.what());
            }
        }
    }
    for (const JsonMember& entry : file.metadata())
        sum += entry.value.asString().size() + file.metadata(entry.key)->size();
    return sum;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::vector<uint8_t> exact(data, data + size); // a heap block of this size: AddressSanitizer sees its end
    fuzz::BoundedMemory memory(4096 + size * 64);
    try {
        const Safetensors file(std::as_bytes(std::span(exact)), &memory);
        [[maybe_unused]] volatile uint64_t sum = readEverything(file);
    } catch (const Error& error) {
        if (error.code() != SAC_ERROR_MALFORMED_FILE)
            fuzz::fail("%d, %s", error.code(), error.what());
    }
    return 0;
}
