// JSON, merged configurations and the getters modules read them with. An input is one text, or two divided by a byte
// 0xff, which no UTF-8 has: the file's configuration and the caller's.
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "bounded_memory.hpp"
#include "io/config.hpp"
#include "io/json.hpp"

using namespace saccade;

namespace {

constexpr const char* keys[] = {"dim", "heads", "downsample_factor", "axis_order", "causal", "scale"};

// Visits every value and checks what the tree promises.
void walk(const JsonValue& value) {
    if (value.isNumber() && !std::isfinite(value.asNumber()))
        fuzz::fail("a number is not finite");
    for (const JsonValue& item : value.items())
        walk(item);
    const JsonMember* before = nullptr;
    for (const JsonMember& member : value.members()) {
        if (before && !(before->key < member.key))
            fuzz::fail("members are not sorted, or one is there twice");
        if (value.find(member.key) != &member.value)
            fuzz::fail("find() has another member");
        before = &member;
        walk(member.value);
    }
}

template <class Getter>
void get(Getter getter) {
    try {
        getter();
    } catch (const Error& error) {
        if (error.code() != SAC_ERROR_INVALID_CONFIG)
            fuzz::fail("%d, %s", error.code(), error.what());
    }
}

void readAsModulesDo(const JsonValue& root, std::pmr::memory_resource* memory) {
    Config config(root, memory);
    const auto read = [&](std::string_view key) {
        get([&] { config.integer(key, -5, INT64_MAX); });
        get([&] { config.number(key, -1e4, 1e4); });
        get([&] { config.boolean(key); });
        get([&] { config.choice(key, {"reference", "xyz"}); });
        get([&] { config.integers(key, {0, Config::maxIntegers}, INT64_MIN, INT64_MAX, Scalar::broadcast); });
        get([&] { config.integers(key, {3, 3}, 0, 9); });
        get([&] { config.optionalInteger(key, 1, 1024); });
    };
    for (const char* key : keys)
        read(key);
    get([&] { config.finish(); });
    for (const JsonMember& member : root.members())
        read(member.key);
    config.finish(); // every member was asked for
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
    const std::vector<char> exact(data, data + size);
    const std::string_view all(exact.data(), exact.size());
    const std::size_t cut = all.find('\xff');
    fuzz::BoundedMemory memory(65536 + size * 512);
    try {
        const JsonDocument file = parseJson(all.substr(0, cut), &memory);
        walk(file.root());
        const JsonDocument caller = parseJson(cut == all.npos ? "{}" : all.substr(cut + 1), &memory);
        const JsonDocument merged = mergeObjects(file.root(), caller.root(), &memory);
        walk(merged.root());
        readAsModulesDo(merged.root(), &memory);
    } catch (const Error& error) {
        if (error.code() != SAC_ERROR_INVALID_CONFIG)
            fuzz::fail("%d, %s", error.code(), error.what());
    }
    return 0;
}
