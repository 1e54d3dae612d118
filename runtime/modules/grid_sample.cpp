// torch.nn.functional.grid_sample, and ONNX GridSample, which is the same under other names, as models of one operator.
#include "kernels/grid_sample.hpp"
#include "base/error.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

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
    dims_ = static_cast<uint32_t>(config.integer("dims", 1, 3));
    mode_ = static_cast<SampleMode>(config.choice("mode", {"bilinear", "nearest", "bicubic"}, 0));
    padding_ = static_cast<SamplePadding>(config.choice("padding", {"zeros", "border", "reflection"}, 0));
    alignCorners_ = config.boolean("align_corners", false);
    if (mode_ == SampleMode::bicubic && dims_ != 2)
        throw Error(SAC_ERROR_INVALID_CONFIG, "config \"mode\": \"bicubic\" is for \"dims\": 2, not %u", dims_);
}

// Opsets 16 to 22: the first of them spelt the modes as PyTorch does.
void GridSample::readOnnx(Config& config) {
    names_ = {"X", "Grid", "Y"};
    constexpr SampleMode modes[] = {SampleMode::bilinear, SampleMode::nearest, SampleMode::bicubic,
                                    SampleMode::bilinear, SampleMode::bicubic};
    mode_ = modes[config.choice("mode", {"linear", "nearest", "cubic", "bilinear", "bicubic"}, 0)];
    padding_ = static_cast<SamplePadding>(config.choice("padding_mode", {"zeros", "border", "reflection"}, 0));
    alignCorners_ = config.integer("align_corners", 0, 1, 0) == 1;
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
    const TensorId tokens = plan.inputTokens(names_.input, ChannelAxis::second);
    const TensorId positions = plan.inputFloats(names_.grid);
    plan.wantsOutput(names_.output, true);
    const OutputTarget target = plan.beginOutput(names_.output, y, ChannelAxis::second, false);
    plan.graph().add("grid_sample", gridSample(desc, plan.device()), {tokens, positions, target.tensor});
    plan.endOutput(target);
}

} // namespace

ModulePtr makeGridSample(const ModuleSource& source) { return makeModule<GridSample>(source); }

} // namespace saccade
