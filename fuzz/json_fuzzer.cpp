// SPDX-License-Identifier: Apache-2.0
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
#include "modules/registry.hpp"

using namespace saccade;

namespace {

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

void read(Config& config, const Key& key) {
    switch (key.type) {
    case KeyType::integer:
        key.absent == Absent::allowed ? config.optionalInteger(key.name).value_or(0) : config.integer(key.name);
        break;
    case KeyType::number:
        config.number(key.name);
        break;
    case KeyType::boolean:
        config.boolean(key.name);
        break;
    case KeyType::choice:
        key.absent == Absent::allowed ? config.optionalChoice(key.name).value_or(0) : config.choice(key.name);
        break;
    case KeyType::integers:
        config.integers(key.name);
        break;
    default:
        config.has(key.name);
    }
}

// As the configuration of each module, and as its forward arguments.
void readAsModulesDo(const JsonValue& root, std::pmr::memory_resource* memory) {
    for (const ModuleType& type : moduleTypes())
        for (const std::span<const Key> keys : {type.description.config, type.description.options}) {
            try {
                Config config(root, {"config", keys, nullptr, {}}, memory);
                for (const Key& key : keys)
                    read(config, key);
            } catch (const Error& error) {
                if (error.code() != SAC_ERROR_INVALID_CONFIG)
                    fuzz::fail("%s: %d, %s", type.name, error.code(), error.what());
            }
        }
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
