// SPDX-License-Identifier: Apache-2.0
// The form of a baked plan that a compiler reads.
#include <span>

#include "baked_plan.hpp"
#include "host/tensor_file.hpp"
#include "text.hpp"

namespace saccade::cli {

namespace {

constexpr const char* declarations = R"(#ifndef SACCADE_BAKED_H_
#define SACCADE_BAKED_H_
#include <stddef.h>
#include <stdint.h>

typedef struct SaccadeBakedShader {
    const char *name, *entryPoint;
    uint32_t workgroupSize[3];
    const uint32_t* code;
    size_t codeSize; /* bytes */
} SaccadeBakedShader;

typedef struct SaccadeBakedBuffer {
    const char* memory; /* "weights", "tables", "workspace", "state" or "parameters"; NULL: a tensor */
    uint32_t tensor;
    uint64_t size;
    const void* data; /* what it holds; NULL: state begins with zeros, others with anything */
} SaccadeBakedBuffer;

typedef struct SaccadeBakedTensor {
    const char* name;
    int input;        /* else an output */
    const char* type; /* "F32", "F16", "I32", "I64", "U8" or "BOOL" */
    uint32_t rank;
    uint64_t shape[8];
    uint64_t size;       /* bytes; 0: images */
    uint32_t imageCount; /* 0: a buffer */
} SaccadeBakedTensor;

typedef struct SaccadeBakedBinding {
    const char* kind;   /* "storage_buffer", "uniform_buffer", "sampled_image" or "storage_image" */
    const char* access; /* "read", "write", "read_write" or "unused" */
    uint32_t buffer;    /* of a buffer that is used */
    uint32_t tensor, image;
} SaccadeBakedBinding;

typedef struct SaccadeBakedDispatch {
    const char* name;
    uint32_t shader, groups[3], groupsPerEntry;
    int barrier;
    uint32_t bindingCount;
    const SaccadeBakedBinding* bindings;
} SaccadeBakedDispatch;

typedef struct SaccadeBaked {
    const char* module;
    uint32_t tensorCount, bufferCount, shaderCount, uploadCount, runCount;
    const SaccadeBakedTensor* tensors;
    const SaccadeBakedBuffer* buffers;
    const SaccadeBakedShader* shaders;
    const SaccadeBakedDispatch *upload, *run;
} SaccadeBaked;
#endif
)";

// Quoted, so that any name is one string.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == '?')
            out += format("\\%03o", static_cast<unsigned char>(c));
        else
            out += c;
    return out + "\"";
}

class HeaderWriter {
public:
    HeaderWriter(const BakedPlan& plan, const std::string& prefix) : plan_(plan), prefix_(prefix) {
        out_ =
            format("/* Made by saccade bake. Version %d of the format: docs/baked.md of Saccade. */\n", bakedVersion);
        out_ += declarations;
        for (size_t i = 0; i < plan.code.size(); ++i)
            addWords("code" + std::to_string(i), std::as_bytes(std::span(plan.code[i])));
        addWords("weights", plan.weights);
        addWords("parameters", plan.parameters);
        addTensors();
        addBuffers();
        addShaders();
        addDispatches("upload", plan.dispatches[SAC_COMMAND_UPLOAD]);
        addDispatches("run", plan.dispatches[SAC_COMMAND_RUN]);
        const auto list = [&](const char* name, size_t count) { return count ? prefix + "_" + name : "0"; };
        out_ += format("\nstatic const SaccadeBaked %s = {%s, %zu, %zu, %zu, %zu, %zu, %s, %s, %s, %s, %s};\n",
                       prefix.c_str(), quoted(plan.module).c_str(), plan.tensors.size(), plan.buffers.size(),
                       plan.shaders.size(), plan.dispatches[0].size(), plan.dispatches[1].size(),
                       list("tensors", 1).c_str(), list("buffers", plan.buffers.size()).c_str(),
                       list("shaders", plan.shaders.size()).c_str(), list("upload", plan.dispatches[0].size()).c_str(),
                       list("run", plan.dispatches[1].size()).c_str());
    }

    const std::string& text() const { return out_; }

private:
    void begin(const char* type, const std::string& name) {
        out_ += format("\nstatic const %s %s_%s[] = {\n", type, prefix_.c_str(), name.c_str());
    }
    void end() { out_ += "};\n"; }

    void addWords(const std::string& name, std::span<const std::byte> bytes) {
        begin("uint32_t", name);
        std::vector<uint32_t> words((bytes.size() + 3) / 4);
        std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span(words)).begin());
        for (size_t i = 0; i < words.size(); ++i)
            out_ += format(i % 10 == 9 ? "0x%x,\n" : "0x%x,", words[i]);
        out_ += "0};\n";
    }

    void addTensors() {
        begin("SaccadeBakedTensor", "tensors");
        for (size_t i = 0; i < plan_.tensors.size(); ++i) {
            const SacTensorInfo& tensor = plan_.tensors[i];
            out_ += format("    {%s, %d, %s, %u, {", quoted(tensor.name).c_str(),
                           (tensor.flags & SAC_TENSOR_INPUT_BIT) != 0,
                           quoted(dataTypeName(host::fileType(tensor.dataType))).c_str(), tensor.rank);
            for (uint32_t d = 0; d < SAC_MAX_RANK; ++d)
                out_ += format(d ? ", %llu" : "%llu", static_cast<unsigned long long>(tensor.shape[d]));
            out_ += format("}, %llu, %zu},\n", static_cast<unsigned long long>(tensor.size), plan_.images[i].size());
        }
        end();
    }

    void addBuffers() {
        begin("SaccadeBakedBuffer", "buffers");
        for (const BakedBuffer& buffer : plan_.buffers) {
            const bool isTensor = buffer.type == SAC_RESOURCE_TYPE_TENSOR;
            const auto kind = static_cast<SacMemoryKind>(buffer.index);
            std::string data = "0";
            if (!isTensor && (kind == SAC_MEMORY_WEIGHTS || kind == SAC_MEMORY_PARAMETERS))
                data = format("%s_%s + %llu", prefix_.c_str(), bakedMemoryName(kind),
                              static_cast<unsigned long long>(buffer.offset / 4));
            out_ += format("    {%s, %u, %llu, %s},\n", isTensor ? "0" : quoted(bakedMemoryName(kind)).c_str(),
                           isTensor ? buffer.index : 0, static_cast<unsigned long long>(buffer.size), data.c_str());
        }
        end();
    }

    void addShaders() {
        begin("SaccadeBakedShader", "shaders");
        for (size_t i = 0; i < plan_.shaders.size(); ++i) {
            const SacShader& shader = plan_.shaders[i];
            out_ += format("    {%s, %s, {%u, %u, %u}, %s_code%zu, %zu},\n", quoted(shader.name).c_str(),
                           quoted(shader.entryPoint).c_str(), shader.workgroupSize[0], shader.workgroupSize[1],
                           shader.workgroupSize[2], prefix_.c_str(), i, shader.codeSize);
        }
        end();
    }

    void addDispatches(const char* list, const std::vector<SacDispatch>& dispatches) {
        if (dispatches.empty()) // C has no arrays of nothing
            return;
        begin("SaccadeBakedBinding", std::string(list) + "_bindings");
        for (const SacDispatch& dispatch : dispatches)
            for (const SacDispatchBinding& b : std::span(dispatch.bindings).first(dispatch.bindingCount)) {
                const bool isTensor = b.type == SAC_RESOURCE_TYPE_TENSOR;
                const uint32_t buffer = b.access ? plan_.bufferOf(b) : 0;
                out_ += format("    {%s, %s, %u, %u, %u},\n", quoted(bakedKindName(b.descriptorType)).c_str(),
                               quoted(bakedAccessName(b.access)).c_str(), buffer < plan_.buffers.size() ? buffer : 0,
                               isTensor ? b.index : 0, b.image);
            }
        end();
        begin("SaccadeBakedDispatch", list);
        size_t first = 0;
        for (const SacDispatch& d : dispatches) {
            out_ += format("    {%s, %u, {%u, %u, %u}, %u, %u, %u, %s_%s_bindings + %zu},\n", quoted(d.name).c_str(),
                           d.shader, d.groups[0], d.groups[1], d.groups[2], d.groupsPerEntry, d.barrier, d.bindingCount,
                           prefix_.c_str(), list, first);
            first += d.bindingCount;
        }
        end();
    }

    const BakedPlan& plan_;
    const std::string& prefix_;
    std::string out_;
};

} // namespace

void writeBakedHeader(const BakedPlan& plan, const std::string& prefix, const std::filesystem::path& path) {
    const HeaderWriter writer(plan, prefix);
    host::writeFile(path, std::as_bytes(std::span(writer.text())));
}

} // namespace saccade::cli
