// SPDX-License-Identifier: Apache-2.0
// Mutates a model file by its structure: byte by byte hardly any mutant would pass the reader's checks of offsets.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <saccade/saccade.h>

extern "C" std::size_t LLVMFuzzerMutate(uint8_t* data, std::size_t size, std::size_t maxSize);

namespace {

using Json = nlohmann::ordered_json;
using Random = std::mt19937;

constexpr int64_t numbers[] = {
    0,         1,   2,   3,         4,        5,   7,    8,    16,   17,    31,    32,      33,        64,
    65,        127, 128, 255,       256,      257, 1024, 1025, 4096, 65535, 65536, 1 << 24, INT32_MAX, int64_t{1} << 32,
    INT64_MAX, -1,  -2,  INT32_MIN, INT64_MIN};
constexpr const char* words[] = {"reference", "xyz",          "listing",    "sequence",  "exclude", "reference_add",
                                 "zeros",     "border",       "reflection", "bilinear",  "nearest", "bicubic",
                                 "cut",       "neighborhood", "topk",       "threshold", "rows",    "positions",
                                 ""};
constexpr const char* types[] = {"F32", "F16", "BF16", "F64", "BOOL", "U8",
                                 "I8",  "I16", "I32",  "I64", "U64",  "F8_E4M3"};
constexpr const char* tensorNames[] = {"in.x",
                                       "in.mask",
                                       "in.static_mask",
                                       "in.offset",
                                       "in.rotary_pos_emb",
                                       "in.context",
                                       "in.attn_bias",
                                       "in.layout",
                                       "in.grid",
                                       "in.spatial_shapes",
                                       "in.attn_mask",
                                       "in.past_key",
                                       "in.past_value",
                                       "in.nonpad_kv_seqlen",
                                       "in.position_ids",
                                       "out.y",
                                       "out.vgrid",
                                       "out.attention",
                                       "out.qk_matmul_output",
                                       "out.present_key"};
constexpr const char* optionNames[] = {"cache", "cache_length", "cache_steps", "video_shape", "shape", "i",
                                       "j",     "dimensions"};

template <class Values>
auto& pick(Random& random, Values& values) {
    return values[random() % std::size(values)];
}

Json anyValue(Random& random) {
    switch (random() % 8) {
    case 0:
        return nullptr;
    case 1:
        return random() % 2 == 0;
    case 2:
        return static_cast<double>(pick(random, numbers)) / 3;
    case 3:
        return pick(random, words);
    case 4: {
        Json list = Json::array();
        for (unsigned i = random() % 5; i > 0; --i)
            list.push_back(pick(random, numbers));
        return list;
    }
    default:
        return pick(random, numbers);
    }
}

void mutateNumber(Random& random, Json& value) {
    if (!value.is_number_integer() || random() % 3 == 0) {
        value = anyValue(random);
        return;
    }
    const auto old = value.get<uint64_t>();
    switch (random() % 4) {
    case 0:
        value = static_cast<int64_t>(old + 1);
        break;
    case 1:
        value = static_cast<int64_t>(old - 1);
        break;
    case 2:
        value = static_cast<int64_t>(old * 2);
        break;
    default:
        value = static_cast<int64_t>(old / 2);
    }
}

void collectTexts(const Json& value, std::vector<std::string>& texts) {
    if (value.is_string())
        texts.push_back(value);
    else if (value.is_structured())
        for (const Json& item : value)
            collectTexts(item, texts);
}

// Changes something within lists and objects, as the nodes of a network are; texts change places.
void mutateWithin(Random& random, Json& value, const std::vector<std::string>& texts) {
    if (value.is_structured() && !value.empty() && random() % 8) {
        const auto child = std::next(value.begin(), static_cast<std::ptrdiff_t>(random() % value.size()));
        switch (random() % 24) {
        case 0:
            value.erase(child);
            break;
        case 1:
            if (value.is_array())
                value.push_back(Json(*child));
            break;
        default:
            mutateWithin(random, *child, texts);
        }
    } else if (value.is_string() && !texts.empty() && random() % 4) {
        value = texts[random() % texts.size()];
    } else {
        mutateNumber(random, value);
    }
}

struct File {
    Json header;
    std::vector<uint8_t> data;

    std::vector<std::string> tensorKeys() const {
        std::vector<std::string> keys;
        for (const auto& [key, value] : header.items())
            if (key != "__metadata__" && value.is_object())
                keys.push_back(key);
        return keys;
    }

    void setMetadata(const char* key, const std::string& text) {
        Json& metadata = header["__metadata__"];
        if (!metadata.is_object())
            metadata = Json::object();
        metadata[key] = text;
    }

    // Changes a member of an object that metadata holds as text: "config" or "options".
    void mutateText(Random& random, const char* name, const std::string& newKey) {
        const Json old = header["__metadata__"].is_object() ? header["__metadata__"].value(name, Json()) : Json();
        Json object;
        if (old.is_string())
            object = Json::parse(old.get<std::string>(), nullptr, false);
        if (!object.is_object())
            object = Json::object();
        std::string key = newKey;
        if (!object.empty() && random() % 4)
            key = std::next(object.begin(), static_cast<std::ptrdiff_t>(random() % object.size())).key();
        std::vector<std::string> texts;
        collectTexts(object, texts);
        if (random() % 10 == 0)
            object.erase(key);
        else
            mutateWithin(random, object[key], texts);
        setMetadata(name, object.dump(-1, ' ', false, Json::error_handler_t::replace));
    }

    void mutateShape(Random& random, Json& tensor) {
        if (!tensor.contains("shape") || !tensor["shape"].is_array())
            return;
        Json& shape = tensor["shape"];
        const unsigned what = random() % 6;
        if (what == 0 || shape.empty())
            shape.push_back(1 + random() % 4);
        else if (what == 1)
            shape.erase(shape.size() - 1);
        else
            mutateNumber(random, shape[random() % shape.size()]);
    }

    void mutate(Random& random) {
        const std::vector<std::string> keys = tensorKeys();
        switch (random() % 9) {
        case 0:
        case 1:
        case 2:
            mutateText(random, "config", "dim");
            break;
        case 3:
            mutateText(random, "options", pick(random, optionNames));
            break;
        case 4:
            if (!keys.empty())
                mutateShape(random, header[pick(random, keys)]);
            break;
        case 5:
            if (!keys.empty())
                header[pick(random, keys)]["dtype"] = pick(random, types);
            break;
        case 6: {
            const char* const key = pick(random, tensorNames);
            if (header.contains(key))
                header.erase(key);
            else if (!keys.empty())
                header[key] = header[pick(random, keys)];
            break;
        }
        case 7:
            setMetadata("fuzz", std::to_string(random() % 128));
            break;
        default: {
            uint32_t modules = 0;
            while (sacGetModuleName(modules))
                ++modules;
            setMetadata("module", sacGetModuleName(static_cast<uint32_t>(random() % modules)));
        }
        }
    }

    // Lays the tensors out anew, each with as many bytes as its shape says; empty where that is too much.
    std::vector<uint8_t> pack(std::size_t maxSize) {
        std::vector<uint8_t> body;
        for (auto& [key, tensor] : header.items()) {
            if (key == "__metadata__" || !tensor.is_object() || !tensor.contains("shape"))
                continue;
            uint64_t bytes = sizeOf(tensor.value("dtype", Json("")));
            for (const Json& dimension : tensor["shape"])
                bytes = dimension.is_number_unsigned() && dimension.get<uint64_t>() <= maxSize
                            ? bytes * dimension.get<uint64_t>()
                            : maxSize + 1;
            if (bytes > maxSize || body.size() + bytes > maxSize)
                continue; // keeps its offsets, and the reader will say so
            const std::size_t begin = body.size();
            body.resize(begin + bytes);
            copyOld(tensor, body.data() + begin, bytes);
            tensor["data_offsets"] = {begin, begin + bytes};
        }
        std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
        text.resize((text.size() + 7) / 8 * 8, ' ');
        std::vector<uint8_t> file(8);
        const uint64_t length = text.size();
        std::memcpy(file.data(), &length, sizeof(length));
        file.insert(file.end(), text.begin(), text.end());
        file.insert(file.end(), body.begin(), body.end());
        return file.size() <= maxSize ? file : std::vector<uint8_t>{};
    }

    static uint64_t sizeOf(const Json& type) {
        const std::string name = type.is_string() ? type.get<std::string>() : "";
        const auto digits = name.find_first_of("0123456789");
        if (name == "BOOL" || digits == name.npos)
            return 1;
        return std::max<uint64_t>(std::strtoul(name.c_str() + digits, nullptr, 10) / 8, 1);
    }

    void copyOld(const Json& tensor, uint8_t* to, uint64_t bytes) const {
        const Json offsets = tensor.value("data_offsets", Json());
        if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
            !offsets[1].is_number_unsigned())
            return;
        const auto begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
        if (bytes && begin < end && end <= data.size())
            std::memcpy(to, data.data() + begin, std::min(bytes, end - begin));
    }
};

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(uint8_t* bytes, std::size_t size, std::size_t maxSize, unsigned seed) {
    Random random(seed);
    uint64_t length = 0;
    if (size > 8)
        std::memcpy(&length, bytes, sizeof(length));
    if (size <= 8 || length > size - 8 || random() % 8 == 0)
        return LLVMFuzzerMutate(bytes, size, maxSize);
    const uint8_t *const text = bytes + 8, *const end = bytes + size;
    File file{Json::parse(text, text + length, nullptr, false), {text + length, end}};
    if (!file.header.is_object())
        return LLVMFuzzerMutate(bytes, size, maxSize);
    for (unsigned rounds = 1 + random() % 3; rounds > 0; --rounds)
        file.mutate(random);
    const std::vector<uint8_t> mutant = file.pack(maxSize);
    if (mutant.empty())
        return LLVMFuzzerMutate(bytes, size, maxSize);
    std::memcpy(bytes, mutant.data(), mutant.size());
    return mutant.size();
}
