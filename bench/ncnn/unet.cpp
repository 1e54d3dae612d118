// SPDX-License-Identifier: Apache-2.0
// ncnn's Vulkan time for the U-Net of bench/networks.py: `unet SIZE REPEATS` prints the median in milliseconds.
//
// The weights are zeros: they do not change the time. Built apart from the project, against an installed ncnn with
// Vulkan: `cmake -S bench/ncnn -B build-ncnn -Dncnn_DIR=... && cmake --build build-ncnn`.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <datareader.h>
#include <gpu.h>
#include <net.h>

namespace {

// Zeros for weights of any size, each tensor being tagged as float32.
class Zeros : public ncnn::DataReader {
public:
    int scan(const char*, void*) const override { return 0; }
    size_t read(void* bytes, size_t size) const override {
        std::memset(bytes, 0, size);
        return size;
    }
};

// A network in ncnn's text format, layer by layer.
class Text {
public:
    std::string add(const char* type, const std::vector<std::string>& inputs, const std::string& parameters,
                    size_t outputs = 1) {
        std::string names;
        const std::string name = "b" + std::to_string(blobs_);
        for (size_t i = 0; i < outputs; ++i)
            names += " " + name + (outputs > 1 ? "_" + std::to_string(i) : "");
        blobs_ += outputs;
        std::string line = std::string(type) + " l" + std::to_string(layers_++) + " " + std::to_string(inputs.size()) +
                           " " + std::to_string(outputs);
        for (const std::string& input : inputs)
            line += " " + input;
        lines_ += line + names + " " + parameters + "\n";
        return name;
    }
    std::string conv(const std::string& x, int from, int to, bool relu = true) {
        return add("Convolution", {x},
                   "0=" + std::to_string(to) + " 1=3 4=1 5=1 6=" + std::to_string(from * to * 9) +
                       (relu ? " 9=1" : ""));
    }
    std::string pool(const std::string& x) { return add("Pooling", {x}, "0=0 1=2 2=2"); }
    std::string up(const std::string& x) { return add("Interp", {x}, "0=1 1=2.0 2=2.0"); }
    std::string text() const {
        return "7767517\n" + std::to_string(layers_) + " " + std::to_string(blobs_) + "\n" + lines_;
    }

private:
    std::string lines_;
    size_t layers_ = 0, blobs_ = 0;
};

std::string unet(int size, std::string& input, std::string& output) {
    const int w[] = {32, 48, 64, 80, 96}, d[] = {112, 96, 64, 32};
    Text n;
    const std::string side = std::to_string(size);
    input = n.add("Input", {}, "0=" + side + " 1=" + side + " 2=9");
    const std::string x0 = n.add("Split", {input}, "", 2);
    std::string x = n.pool(n.conv(n.conv(x0 + "_0", 9, w[0]), w[0], w[0]));
    const std::string x1 = n.add("Split", {x}, "", 2);
    x = n.pool(n.conv(x1 + "_0", w[0], w[1]));
    const std::string x2 = n.add("Split", {x}, "", 2);
    x = n.pool(n.conv(x2 + "_0", w[1], w[2]));
    const std::string x3 = n.add("Split", {x}, "", 2);
    x = n.pool(n.conv(x3 + "_0", w[2], w[3]));
    x = n.conv(n.conv(x, w[3], w[4]), w[4], w[4]);
    const std::string skips[] = {x3, x2, x1, x0};
    const int widths[] = {w[2], w[1], w[0], 9};
    for (int i = 0, from = w[4]; i < 4; from = d[i++]) {
        x = n.add("Concat", {n.up(x), skips[i] + "_1"}, "0=0");
        x = n.conv(n.conv(x, from + widths[i], d[i]), d[i], d[i]);
    }
    output = n.conv(x, d[3], 3, false);
    return n.text();
}

} // namespace

int main(int argumentCount, char** arguments) {
    if (argumentCount != 3) {
        std::fprintf(stderr, "usage: unet SIZE REPEATS\n");
        return 2;
    }
    const int size = std::atoi(arguments[1]), repeats = std::atoi(arguments[2]);
    ncnn::create_gpu_instance();
    std::vector<double> times;
    {
        ncnn::Net net;
        net.opt.use_vulkan_compute = true;
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = false;
        std::string input, output;
        const std::string text = unet(size, input, output);
        if (net.load_param_mem(text.c_str()) || net.load_model(Zeros())) {
            std::fprintf(stderr, "ncnn does not take the network\n");
            return 1;
        }
        ncnn::Mat image(size, size, 9);
        image.fill(0.5f);
        for (int i = 0; i <= repeats; ++i) { // the first warms up
            const auto begin = std::chrono::steady_clock::now();
            ncnn::Extractor extractor = net.create_extractor();
            ncnn::Mat result;
            extractor.input(input.c_str(), image);
            if (extractor.extract(output.c_str(), result) || result.w != size || result.h != size || result.c != 3) {
                std::fprintf(stderr, "ncnn does not run the network\n");
                return 1;
            }
            if (i)
                times.push_back(
                    std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
        }
    }
    ncnn::destroy_gpu_instance();
    std::sort(times.begin(), times.end());
    std::printf("%.1f\n", times[times.size() / 2]);
    return 0;
}
