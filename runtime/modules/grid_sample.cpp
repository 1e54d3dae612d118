// SPDX-License-Identifier: Apache-2.0
// torch.nn.functional.grid_sample, and ONNX GridSample, which is the same under other names, as models of one operator.
#include "base/error.hpp"
#include "kernels/sampling.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

constexpr const char* torchModes[] = {"bilinear", "nearest", "bicubic"};
constexpr const char* onnxModes[] = {"linear", "nearest", "cubic", "bilinear", "bicubic"};
constexpr const char* paddings[] = {"zeros", "border", "reflection"};
constexpr const char* alignMeaning = "-1 and 1 are the centres of the outermost pixels instead of their outer edges";

constexpr Key torchConfig[] = {
    Key::integer("dims", 1, 3, "spatial dimensions"),
    Key::choice("mode", torchModes, "interpolation; bicubic with dims 2 only").orElse(0),
    Key::choice("padding", paddings, "what lies outside").orElse(0),
    Key::choice("padding_mode", paddings, "the same, by the name that PyTorch has for it").optional(),
    Key::boolean("align_corners", alignMeaning).orElse(false),
};
constexpr Key onnxConfig[] = {
    Key::choice("mode", onnxModes, "interpolation, as opset 20 or opset 16 spells it; cubic in two dimensions only")
        .orElse(0),
    Key::choice("padding_mode", paddings, "what lies outside").orElse(0),
    Key::integer("align_corners", 0, 1, alignMeaning).orElse(0),
};
constexpr const char* gridMeaning = "coordinates in [-1, 1], the last spatial dimension's first";
constexpr TensorDescription torchInputs[] = {
    {"x", Presence::required, floatTypes, "(b, c, *spatial)", "what is sampled"},
    {"grid", Presence::required, floatTypes, "(b, *points, dims)", gridMeaning},
};
constexpr TensorDescription torchOutputs[] = {{"y", Presence::required, floatTypes, "(b, c, *points)", "samples"}};
constexpr TensorDescription onnxInputs[] = {
    {"X", Presence::required, floatTypes, "(b, c, *spatial)", "what is sampled"},
    {"Grid", Presence::required, floatTypes, "(b, *points, dims)", gridMeaning},
};
constexpr TensorDescription onnxOutputs[] = {{"Y", Presence::required, floatTypes, "(b, c, *points)", "samples"}};
constexpr const char* limits[] = {"One to three spatial dimensions; points have as many as the sampled tensor."};

struct Names {
    const char *input, *grid, *output;
};

class GridSample final : public Module {
public:
    explicit GridSample(const ModuleSource& source) {
        if (source.type == "onnx.GridSample")
            readOnnx(source.config);
        else
            readTorch(source.config);
    }

    void build(PlanBuilder& plan) const override;

private:
    void readTorch(Config& config);
    void readOnnx(Config& config);

    Names names_{"x", "grid", "y"};
    uint32_t dims_ = 0; // 0: as many as the input has
    SampleMode mode_{};
    SamplePadding padding_{};
    bool alignCorners_ = false;
};

void GridSample::readTorch(Config& config) {
    dims_ = config.uint32("dims");
    mode_ = static_cast<SampleMode>(config.choice("mode"));
    padding_ = static_cast<SamplePadding>(config.choice("padding"));
    if (const auto named = config.optionalChoice("padding_mode")) {
        if (config.has("padding") && static_cast<SamplePadding>(*named) != padding_)
            throw Error(SAC_ERROR_INVALID_CONFIG,
                        "config \"padding\": \"%s\" and \"padding_mode\": \"%s\" are the same argument and differ",
                        paddings[static_cast<size_t>(padding_)], paddings[*named]);
        padding_ = static_cast<SamplePadding>(*named);
    }
    alignCorners_ = config.boolean("align_corners");
    if (mode_ == SampleMode::bicubic && dims_ != 2)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"mode\": \"bicubic\" is for \"dims\": 2, not %u", dims_);
}

// Opsets 16 to 22: the first of them spelt the modes as PyTorch does.
void GridSample::readOnnx(Config& config) {
    names_ = {"X", "Grid", "Y"};
    constexpr SampleMode modes[] = {SampleMode::bilinear, SampleMode::nearest, SampleMode::bicubic,
                                    SampleMode::bilinear, SampleMode::bicubic};
    mode_ = modes[config.choice("mode")];
    padding_ = static_cast<SamplePadding>(config.choice("padding_mode"));
    alignCorners_ = config.integer("align_corners") == 1;
}

void GridSample::build(PlanBuilder& plan) const {
    const Shape x = plan.inputShape(names_.input, dims_ ? dims_ + 2 : 0);
    if (x.size() < 3 || x.size() > 5)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "input \"%s\" has rank %zu, the module wants 3, 4 or 5", names_.input,
                    x.size());
    const uint32_t dims = static_cast<uint32_t>(x.size() - 2);
    if (mode_ == SampleMode::bicubic && dims != 2)
        throw Error(SAC_ERROR_UNSUPPORTED, "config \"mode\": cubic sampling is for two dimensions, input \"%s\" has %u",
                    names_.input, dims);
    const Shape grid = plan.inputShape(names_.grid, dims + 2);
    plan.expectDimension(names_.grid, 0, x[0], "the batch of the sampled input");
    plan.expectDimension(names_.grid, dims + 1, dims, "one coordinate per dimension");
    plan.setBatch(x[0]);

    GridSampleDesc desc;
    desc.storage = plan.storage();
    desc.dims = dims;
    desc.mode = mode_;
    desc.padding = padding_;
    desc.alignCorners = alignCorners_;
    desc.batch = plan.batch();
    desc.channels = static_cast<uint32_t>(x[1]);
    Shape y{x[0], x[1]};
    for (uint32_t axis = 0; axis < dims; ++axis) {
        desc.size[axis] = static_cast<uint32_t>(x[axis + 2]);
        desc.points *= static_cast<uint32_t>(grid[axis + 1]);
        y.push_back(grid[axis + 1]);
    }
    const InputMap map = plan.inputMap(names_.input);
    const TensorId positions = plan.inputFloats(names_.grid);
    const OutputTarget target = plan.beginOutput(names_.output, y, ChannelAxis::second, true);
    desc.input.channelMajor = map.channelMajor;
    desc.output.channelMajor = target.channelMajor;
    plan.graph().add("grid_sample", gridSample(desc, plan.device()), {map.tensor, positions, target.tensor});
    plan.endOutput(target);
}

} // namespace

constexpr ModuleDescription gridSampleDescription{"Samples a tensor at given coordinates.",
                                                  "torch.nn.functional.grid_sample",
                                                  torchConfig,
                                                  {},
                                                  torchInputs,
                                                  torchOutputs,
                                                  limits};
constexpr ModuleDescription onnxGridSampleDescription{"ONNX's GridSample as a model of one operator.",
                                                      "onnx.ai: GridSample, opsets 16 to 22",
                                                      onnxConfig,
                                                      {},
                                                      onnxInputs,
                                                      onnxOutputs,
                                                      limits};

ModulePtr makeGridSample(const ModuleSource& source) { return makeModule<GridSample>(source); }

} // namespace saccade
