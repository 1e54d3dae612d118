// SPDX-License-Identifier: Apache-2.0
// What random networks are made with: node after node, each computed at once, so that the next one knows shapes and
// whether the numbers are worth comparing.
#pragma once

#include <string>
#include <vector>

#include "reference/random.hpp"
#include "reference/random_network.hpp"

namespace saccade::reference {

class NetworkBuilder {
public:
    explicit NetworkBuilder(uint64_t seed) : random(seed) {}

    Random random;

    /// A new input of normal numbers, or of uniform ones. `sizes` has what the file says of each dimension, null where
    /// that is the number itself.
    std::string input(const Shape& shape, const nlohmann::json& sizes = nullptr);
    std::string input(const Shape& shape, double low, double high);
    std::string state(const Shape& shape, const nlohmann::json& sizes);
    void setNext(const std::string& state, const std::string& value);
    /// A node's result, or "" where the operator refuses the node or its result is too large, not finite, nearly zero
    /// or badly conditioned; then nothing was added. `inputs`: names and numbers. `shared`: a node whose weights are
    /// read instead.
    std::string add(const std::string& op, const nlohmann::json& inputs,
                    const nlohmann::json& config = nlohmann::json::object(), const Tensors& weights = {},
                    const std::string& shared = "");
    /// A value becomes an output, unless it is one already.
    void output(const std::string& value);
    RandomNetwork finish(int runs);

    const Tensor& value(const std::string& name) const { return values_.at(name).exact; }
    const Shape& shape(const std::string& name) const { return value(name).shape; }
    std::vector<std::string> valuesOf(const Shape& shape) const;
    /// Earlier nodes of that operator which have weights of their own, with these weights.
    std::vector<std::pair<std::string, Tensors>> weightsOf(const std::string& op) const;
    bool flip() { return random.index(2) == 0; }

private:
    struct Value {
        Tensor exact, rough; ///< in float64; with every result rounded to half
    };
    struct Input {
        std::string name;
        Shape shape;
        double low = 0, high = 0; ///< both 0: normal numbers
    };

    Tensor draw(const Input& input);
    void describe(const Input& input, const nlohmann::json& sizes);
    std::string newName(const std::string& prefix);

    nlohmann::json inputs_ = nlohmann::json::array(), states_ = nlohmann::json::array(),
                   nodes_ = nlohmann::json::array(), outputs_ = nlohmann::json::array();
    std::vector<Input> inputShapes_;
    Tensors weights_, firstInputs_;
    std::map<std::string, Value> values_;
    int names_ = 0;
};

/// Adds nodes around one of operator `op` that reads `x`, with a random configuration and random operands. Returns the
/// result, or "" where `x` is no input for it.
std::string drawNode(NetworkBuilder& builder, const std::string& op, const std::string& x);
/// A new input of a random shape that suits the operator.
std::string drawInputFor(NetworkBuilder& builder, const std::string& op);

} // namespace saccade::reference
