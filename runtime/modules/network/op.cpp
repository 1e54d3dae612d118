// SPDX-License-Identifier: Apache-2.0
#include "modules/network/op.hpp"

#include <cstdarg>

#include "base/error.hpp"

namespace saccade::network {

const OpType* findOp(std::string_view name) {
    for (const std::span<const OpType> types : {viewOps(), elementwiseOps(), reductionOps(), linearOps(),
                                                convolutionOps(), normOps(), mapOps(), attentionOps()})
        for (const OpType& type : types)
            if (name == type.name)
                return &type;
    return nullptr;
}

bool takeActivation(Activation& own, const Activation& next) {
    if (own != ActivationKind::none)
        return false;
    own = next;
    return true;
}

void refuseShape(const char* format, ...) {
    char message[Error::messageCapacity];
    std::va_list arguments;
    va_start(arguments, format);
    formatMessage(message, format, arguments);
    va_end(arguments);
    throw Error(SAC_ERROR_INVALID_ARGUMENT, "%s", message);
}

void broadcastResidual(Inference& shapes) {
    Shape& result = shapes.results[0];
    const std::optional<Shape> sum = broadcastShape(result, shapes.inputs.back());
    if (!sum)
        refuseShape("shapes %s and %s, which are added, do not broadcast", ShapeText(result).text(),
                    ShapeText(shapes.inputs.back()).text());
    result = *sum;
}

void requireRank(const Inference& shapes, size_t input, size_t rank) {
    if (shapes.rank(input) != rank)
        refuseShape("input %zu has shape %s, %zu dimensions are wanted", input, ShapeText(shapes.inputs[input]).text(),
                    rank);
}

uint32_t dimensionOf(int64_t dim, size_t rank, const char* key) {
    const int64_t count = static_cast<int64_t>(rank);
    if (dim < -count || dim >= count)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"%s\": %lld is not within %lld to %lld", key, wide(dim),
                    wide(-count), wide(count - 1));
    return static_cast<uint32_t>(dim < 0 ? dim + count : dim);
}

} // namespace saccade::network
