// SPDX-License-Identifier: Apache-2.0
// saccade bake: a plan written down for renderers that run it without the library.
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "assignments.hpp"
#include "baked_plan.hpp"
#include "base/device_profile.hpp"
#include "commands.hpp"
#include "exit_code.hpp"
#include "host/golden_case.hpp"
#include "host/profile.hpp"
#include "settings.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

struct BakeOptions {
    std::vector<std::string> files;
    std::string input;
    std::string image;
    std::vector<std::string> shapes;
    std::string output;
    std::string header;
    std::string name = "baked";
    std::string profile;
    std::string device;
    PlanSettings plan;
};

constexpr VkFormat imageFormat = VK_FORMAT_R16G16B16A16_SFLOAT;
constexpr uint64_t imageChannels = 4;

// The device that the plan is for: one of this machine, or what Vulkan 1.1 guarantees with 8 storage buffers, as WebGPU
// does too; changed by --profile.
SacDeviceProfile profileOf(const BakeOptions& options) {
    SacDeviceProfile base = DeviceProfile();
    base.maxPerStageDescriptorStorageBuffers = 8;
    if (!options.device.empty()) {
        const host::Instance instance;
        base = host::chooseDevice(instance, options.device).support.profile;
    }
    return options.profile.empty() ? base : host::namedProfile(options.profile, base);
}

// The dimensions in "(b, dim, h, w)", the first of alternatives.
std::vector<std::string> dimensionsOf(std::string_view shape) {
    std::vector<std::string> out;
    for (const char c : shape) {
        if (c == '(')
            out.assign(1, "");
        else if (c == ')')
            break;
        else if (c == ',')
            out.emplace_back();
        else if (c != ' ' && !out.empty())
            out.back() += c;
    }
    return out;
}

// "256x128" as width and height.
std::array<uint64_t, 2> imageSize(const std::string& text) {
    const std::size_t cross = text.find('x');
    std::array<uint64_t, 2> size{};
    const std::string parts[] = {text.substr(0, cross), cross == std::string::npos ? "" : text.substr(cross + 1)};
    for (int i = 0; i < 2; ++i) {
        const char* end = parts[i].data() + parts[i].size();
        const auto [rest, failure] = std::from_chars(parts[i].data(), end, size[i]);
        if (failure != std::errc{} || rest != end || size[i] < 1 || size[i] > 65536)
            throw CLI::ValidationError("--image", "\"" + text + "\" is not WIDTHxHEIGHT, each 1 to 65536");
    }
    return size;
}

struct ImageRequest {
    std::string input, output;
    std::vector<uint64_t> shape;
    BakedImage image;
};

// How the model's first input is an image of --image's size. Its channels are those of the configuration.
ImageRequest imageRequest(const BakeOptions& options, const sac::Model& model, const nlohmann::json& config) {
    const auto [width, height] = imageSize(options.image);
    const auto tensors =
        sac::enumerate<SacTensorDescription>([&](uint32_t* count, SacTensorDescription* out, SacError* error) {
            return sacGetModelTensors(model, count, out, error);
        });
    ImageRequest request{"", "", {}, {sac::imageDesc(imageFormat), 0, 0}};
    std::vector<std::string> dimensions;
    for (const SacTensorDescription& tensor : tensors) {
        std::string& name = tensor.flags & SAC_TENSOR_INPUT_BIT ? request.input : request.output;
        if (name.empty() && &name == &request.input)
            dimensions = dimensionsOf(tensor.shape);
        if (name.empty())
            name = tensor.name;
    }
    const auto fail = [&](const std::string& why) {
        throw CLI::ValidationError("--image", "input \"" + request.input + "\" " + why);
    };
    if (dimensions.size() != 4)
        fail("is no feature map of four dimensions");
    const bool channelsLast = dimensions[1] == "h";
    const std::string& named = dimensions[channelsLast ? 3 : 1];
    uint64_t channels = 0;
    if (const auto found = config.find(named); found != config.end() && found->is_number_unsigned())
        channels = found->get<uint64_t>();
    else
        std::from_chars(named.data(), named.data() + named.size(), channels);
    if (channels == 0)
        fail("has \"" + named + "\" channels, which the configuration does not say");
    uint32_t shuffle = 1;
    if (channels > imageChannels) {
        shuffle = static_cast<uint32_t>(std::lround(std::sqrt(static_cast<double>(channels) / imageChannels)));
        if (imageChannels * shuffle * shuffle != channels)
            fail("has " + std::to_string(channels) + " channels; an image of 4 holds 1 to 4, 16, 36, 64, 100, ...");
    } else {
        request.image.desc.channels = static_cast<uint32_t>(channels);
    }
    request.image.desc.pixelShuffle = shuffle;
    request.image.width = width;
    request.image.height = height;
    const uint64_t h = (height + shuffle - 1) / shuffle, w = (width + shuffle - 1) / shuffle;
    request.shape = channelsLast ? std::vector<uint64_t>{1, h, w, channels} : std::vector<uint64_t>{1, channels, h, w};
    return request;
}

// --shape x=1,64,32,32, over inputs that a file has.
void addShapes(const BakeOptions& options, host::TensorMap& inputs) {
    const nlohmann::json given = parseAssignments(options.shapes, "--shape");
    for (const auto& [name, value] : given.items()) {
        const nlohmann::json list = value.is_array() ? value : nlohmann::json::array({value});
        host::Tensor tensor;
        uint64_t bytes = dataTypeSize(tensor.type);
        for (const nlohmann::json& dimension : list) {
            if (!dimension.is_number_unsigned() || dimension.get<uint64_t>() == 0 || bytes > uint64_t{1} << 40)
                throw CLI::ValidationError("--shape", name + "=" + list.dump() + " is no list of positive integers");
            tensor.shape.push_back(dimension.get<uint64_t>());
            bytes *= tensor.shape.back();
        }
        inputs[name] = std::move(tensor); // its values do not matter
    }
}

int run(BakeOptions& options) {
    options.plan.separateFiles(options.files);
    separateFiles(options.shapes, options.files);
    const std::string& path = options.plan.onlyFile(options.files);
    if (options.output.empty() && options.header.empty())
        throw CLI::ValidationError("--output", "or --header is required");
    const host::GoldenCase file(path);
    host::TensorMap inputs = options.input.empty() ? file.inputs : host::readInputs(options.input);
    addShapes(options, inputs);
    const host::ModelSource source = options.plan.source(file.file, inputs);

    const sac::Context context(profileOf(options), [](SacLogSeverity severity, const char* message) {
        if (severity == SAC_LOG_WARNING)
            std::fprintf(stderr, "warning: %s\n", message);
    });
    const sac::Model model(context, source.info());
    Progress progress(file.file.name());
    host::PlanOptions planOptions = options.plan.planOptions(progress);
    planOptions.flags = SAC_PLAN_WHOLE_BUFFERS_BIT;
    planOptions.outputs = host::outputsLike(file.references);
    std::optional<ImageRequest> image;
    if (!options.image.empty())
        image = imageRequest(options, model, options.plan.model.configOf(file.file));
    sac::PlanBuilder builder;
    if (image) {
        inputs.erase(image->input);
        planOptions.outputs.clear();
        builder.input(image->input, image->shape, {image->image.desc}).output(image->output, {image->image.desc});
    }
    const sac::Plan plan = host::makePlan(model, inputs, planOptions, builder);
    progress.clear();

    std::vector<std::vector<BakedImage>> images;
    for (const SacTensorInfo& tensor : plan.tensors())
        images.emplace_back(tensor.imageCount, image ? image->image : BakedImage{});
    const BakedPlan baked(plan, model.module(), std::move(images));
    if (!options.output.empty())
        writeBakedFolder(baked, options.output);
    if (!options.header.empty())
        writeBakedHeader(baked, options.name, options.header);
    std::printf("%s: %zu upload and %zu run dispatches, %zu shaders, %zu buffers, weights %s, workspace %s\n",
                model.module(), baked.dispatches[SAC_COMMAND_UPLOAD].size(), baked.dispatches[SAC_COMMAND_RUN].size(),
                baked.shaders.size(), baked.buffers.size(), bytesText(baked.weights.size()).c_str(),
                bytesText(plan.memory(SAC_MEMORY_WORKSPACE).size).c_str());
    return exitOk;
}

std::string checkName(const std::string& name) {
    const bool letters = std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    return letters && !name.empty() && (name[0] < '0' || name[0] > '9') ? "" : "\"" + name + "\" is no name of C";
}

} // namespace

Command addBakeCommand(CLI::App& app) {
    const auto options = std::make_shared<BakeOptions>();
    CLI::App* command =
        app.add_subcommand("bake", "Write what a renderer dispatches to run a model without the library");
    command->add_option("FILE", options->files, "Model file; inputs may lie in it as in.*, of which shapes are taken")
        ->type_name("")
        ->expected(0, 1);
    command->add_option("--input", options->input, "Take the inputs from this safetensors file")->type_name("FILE");
    command->add_option("--shape", options->shapes, "Shapes of inputs, of floats: --shape x=1,64,32,32")
        ->type_name("NAME=SHAPE");
    command
        ->add_option("--image", options->image,
                     "Bind the first input and the main result as images of this size, R16G16B16A16_SFLOAT, with the "
                     "pixel shuffle that the model's channels take")
        ->type_name("WIDTHxHEIGHT");
    command->add_option("-o,--output", options->output, "Folder for dispatches.json, shaders and weights")
        ->type_name("DIR");
    command->add_option("--header", options->header, "The same as one header for C and C++")->type_name("FILE");
    command->add_option("--name", options->name, "What names in the header begin with; default: baked")
        ->check(CLI::Validator(checkName, ""))
        ->type_name("NAME");
    command
        ->add_option("--profile", options->profile,
                     "The device to bake for: cpu, gpu, weak, minimum, or a JSON file; what it leaves out is as Vulkan "
                     "1.1 guarantees it, but for 8 storage buffers, or as --device has it")
        ->type_name("NAME|FILE");
    command
        ->add_option("--device", options->device,
                     "Bake for a device of this machine: its index, type or part of its name")
        ->type_name("DEVICE");
    options->plan.addTo(*command);
    return {command, [options] { return run(*options); }};
}

} // namespace saccade::cli
