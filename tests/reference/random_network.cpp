// SPDX-License-Identifier: Apache-2.0
#include "reference/random_network.hpp"

#include <algorithm>
#include <cmath>

#include "reference/network_builder.hpp"

namespace saccade::reference {
namespace {

using nlohmann::json;

/// Operators by what a real network has of them.
std::string randomOp(Random& random) {
    static const std::vector<std::string> frequent = {"conv2d",
                                                      "conv2d",
                                                      "conv2d",
                                                      "linear",
                                                      "add",
                                                      "add",
                                                      "mul",
                                                      "relu",
                                                      "gelu",
                                                      "silu",
                                                      "concat",
                                                      "concat",
                                                      "slice",
                                                      "permute",
                                                      "reshape",
                                                      "layer_norm",
                                                      "group_norm",
                                                      "scaled_dot_product_attention",
                                                      "softmax",
                                                      "interpolate",
                                                      "LocalAttention2D",
                                                      "DeformableAttention2D",
                                                      "ShiftedWindowAttention",
                                                      "GEGLU"};
    const auto& all = networkOperators();
    return random.index(3) == 0
               ? all[static_cast<std::size_t>(random.index(static_cast<int64_t>(all.size())))]
               : frequent[static_cast<std::size_t>(random.index(static_cast<int64_t>(frequent.size())))];
}

/// A value for a state of the shape of `like`: bounded, so that it does not grow from run to run.
std::string nextOf(NetworkBuilder& builder, const std::string& state, const std::vector<std::string>& values) {
    const Shape& shape = builder.shape(state);
    for (std::size_t i = values.size(); i-- > 0;) {
        const Shape& other = builder.shape(values[i]);
        if (other.size() != 4 || other[0] != shape[0] || other[2] != shape[2] || other[3] != shape[3])
            continue;
        const std::string mapped =
            builder.add("conv2d", {values[i]}, json::object(),
                        {{"weight", builder.random.uniformTensor({shape[1], other[1], 1, 1}, -1, 1)},
                         {"bias", builder.random.uniformTensor({shape[1]}, -1, 1)}});
        if (mapped.empty())
            continue;
        const std::string bounded = builder.add("tanh", {mapped});
        if (!bounded.empty())
            return bounded;
    }
    return state; // nothing was kept that has its size
}

} // namespace

RandomNetwork randomOperator(const std::string& op, uint64_t seed) {
    NetworkBuilder builder(seed);
    const int64_t wanted = 1 + builder.random.index(3);
    std::vector<std::string> results;
    for (int attempt = 0; attempt < 200 && static_cast<int64_t>(results.size()) < wanted; ++attempt) {
        // What a draw that failed left, an input that nobody reads, goes with the copy.
        NetworkBuilder next = builder;
        next.random = Random(seed * 1000 + static_cast<uint64_t>(attempt));
        const std::string result = drawNode(next, op, drawInputFor(next, op));
        if (result.empty())
            continue;
        builder = next;
        results.push_back(result);
    }
    if (results.empty())
        throw std::invalid_argument("no random configuration of " + op);
    for (const std::string& result : results)
        builder.output(result);
    return builder.finish(1);
}

RandomNetwork randomNetwork(uint64_t seed) {
    NetworkBuilder builder(seed);
    Random& random = builder.random;
    const int64_t batch = 1 + random.index(2), height = 5 + random.index(8), width = 5 + random.index(8);
    std::vector<std::string> values;
    values.push_back(builder.input({batch, 2 + random.index(7), height, width}, {"b", nullptr, "h", "w"}));
    if (random.index(2) == 0)
        values.push_back(builder.input({batch, 1 + random.index(5), height, width}, {"b", nullptr, "h", "w"}));
    if (random.index(4) == 0)
        values.push_back(builder.input({batch, 3 + random.index(9), 4 + random.index(9)}, {"b", "n", nullptr}));
    std::vector<std::string> states;
    for (int64_t count = random.index(3); count > 0; --count) {
        const bool half = height % 2 == 0 && width % 2 == 0 && random.index(3) == 0;
        states.push_back(
            builder.state({batch, 1 + random.index(6), half ? height / 2 : height, half ? width / 2 : width},
                          half ? json{"b", nullptr, "h // 2", "w // 2"} : json{"b", nullptr, "h", "w"}));
    }
    values.insert(values.end(), states.begin(), states.end());

    const std::size_t size = values.size() + 8 + static_cast<std::size_t>(random.index(14));
    for (int attempt = 0; attempt < 400 && values.size() < size; ++attempt) {
        // The last values more often than early ones, which makes chains with branches.
        const auto back = std::min(random.index(static_cast<int64_t>(values.size())),
                                   random.index(static_cast<int64_t>(values.size())));
        const std::string x = values[values.size() - 1 - static_cast<std::size_t>(back)];
        NetworkBuilder next = builder;
        const std::string result = drawNode(next, randomOp(next.random), x);
        if (result.empty()) {
            random = next.random;
            continue;
        }
        builder = next;
        values.push_back(result);
        if (builder.shape(result) == builder.shape(x) && random.index(2) == 0)
            if (const std::string sum = builder.add("add", {x, result}); !sum.empty())
                values.push_back(sum);
    }

    for (std::size_t i = 0; i < states.size(); ++i) // the second sometimes holds what the first held a run before
        builder.setNext(states[i], i == 1 && builder.shape(states[0]) == builder.shape(states[1])
                                       ? states[0]
                                       : nextOf(builder, states[i], values));
    builder.output(values.back());
    for (int64_t more = random.index(4); more > 0; --more)
        builder.output(values[static_cast<std::size_t>(random.index(static_cast<int64_t>(values.size())))]);
    return builder.finish(states.empty() ? 1 : 4);
}

} // namespace saccade::reference
