// torch.nn.functional.grid_sample as a model of one operator, without weights.
#include "base/error.hpp"
#include "kernels/grid_sample.hpp"
#include "modules/plan_builder.hpp"
#include "modules/registry.hpp"

namespace saccade {
namespace {

class GridSample final : public Module {
public:
    explicit GridSample(const ModuleSource& source) {
        Config& config = source.config;
        dims_ = static_cast<uint32_t>(config.integer("dims", 1, 3));
        mode_ = static_cast<SampleMode>(config.choice("mode", {"bilinear", "nearest", "bicubic"}, 0));
        padding_ = static_cast<SamplePadding>(config.choice("padding", {"zeros", "border", "reflection"}, 0));
        alignCorners_ = config.boolean("align_corners", false);
        if (mode_ == SampleMode::bicubic && dims_ != 2)
            throw Error(SAC_ERROR_INVALID_CONFIG, "config \"mode\": \"bicubic\" is for \"dims\": 2, not %u", dims_);
    }

    void build(PlanBuilder& plan) const override {
        const Shape x = plan.inputShape("x", dims_ + 2);
        const Shape grid = plan.inputShape("grid", dims_ + 2);
        plan.expectDimension("grid", 0, x[0], "the batch of \"x\"");
        plan.expectDimension("grid", dims_ + 1, dims_, "config \"dims\"");
        plan.setBatch(x[0]);

        GridSampleDesc desc;
        desc.storage = plan.storage();
        desc.dims = dims_;
        desc.mode = mode_;
        desc.padding = padding_;
        desc.alignCorners = alignCorners_;
        desc.batch = plan.batch();
        desc.channels = static_cast<uint32_t>(x[1]);
        Shape y{x[0], x[1]};
        for (uint32_t axis = 0; axis < dims_; ++axis) {
            desc.size[axis] = static_cast<uint32_t>(x[axis + 2]);
            desc.points *= static_cast<uint32_t>(grid[axis + 1]);
            y.push_back(grid[axis + 1]);
        }
        const TensorId tokens = plan.inputTokens("x", ChannelAxis::second);
        const TensorId positions = plan.inputPlain("grid", DataType::f32);
        plan.wantsOutput("y", true);
        const OutputTarget target = plan.beginOutput("y", y, ChannelAxis::second, false);
        plan.graph().add("grid_sample", gridSample(desc, plan.device()), {tokens, positions, target.tensor});
        plan.endOutput(target);
    }

private:
    uint32_t dims_ = 2;
    SampleMode mode_{};
    SamplePadding padding_{};
    bool alignCorners_ = false;
};

} // namespace

ModulePtr makeGridSample(const ModuleSource& source) { return makeModule<GridSample>(source); }

} // namespace saccade
