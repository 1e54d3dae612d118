// SPDX-License-Identifier: Apache-2.0
// sacGetModuleDescription, sacGetModuleKeys and sacGetModuleTensors, none of which needs a device.
#include <gtest/gtest.h>

#include <saccade/saccade.h>

#include <set>
#include <string>
#include <vector>

namespace saccade::test {
namespace {

std::vector<std::string> moduleNames() {
    std::vector<std::string> names;
    for (uint32_t i = 0; const char* name = sacGetModuleName(i); ++i)
        names.push_back(name);
    return names;
}

SacModuleDescription describe(const std::string& module) {
    SacModuleDescription description{SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION};
    SacError error{};
    EXPECT_EQ(sacGetModuleDescription(module.c_str(), &description, &error), SAC_SUCCESS) << error.message;
    return description;
}

std::vector<SacKeyDescription> keysOf(const std::string& module, SacKeyUse use) {
    uint32_t count = 0;
    SacError error{};
    EXPECT_EQ(sacGetModuleKeys(module.c_str(), use, &count, nullptr, &error), SAC_SUCCESS) << error.message;
    std::vector<SacKeyDescription> keys(count, SacKeyDescription{SAC_STRUCTURE_TYPE_KEY_DESCRIPTION});
    EXPECT_EQ(sacGetModuleKeys(module.c_str(), use, &count, keys.data(), &error), SAC_SUCCESS) << error.message;
    return keys;
}

std::vector<SacTensorDescription> tensorsOf(const std::string& module) {
    uint32_t count = 0;
    SacError error{};
    EXPECT_EQ(sacGetModuleTensors(module.c_str(), &count, nullptr, &error), SAC_SUCCESS) << error.message;
    std::vector<SacTensorDescription> tensors(count, SacTensorDescription{SAC_STRUCTURE_TYPE_TENSOR_DESCRIPTION});
    EXPECT_EQ(sacGetModuleTensors(module.c_str(), &count, tensors.data(), &error), SAC_SUCCESS) << error.message;
    return tensors;
}

bool isText(const char* text) { return text && *text; }

void checkKey(const SacKeyDescription& key) {
    SCOPED_TRACE(key.name);
    EXPECT_TRUE(isText(key.name) && isText(key.meaning));
    EXPECT_FALSE((key.flags & SAC_KEY_REQUIRED_BIT) && (key.flags & SAC_KEY_DEFAULT_BIT));
    const bool isNumber =
        key.type == SAC_KEY_TYPE_INTEGER || key.type == SAC_KEY_TYPE_NUMBER || key.type == SAC_KEY_TYPE_INTEGERS;
    EXPECT_EQ(isNumber, key.minimum < key.maximum);
    if (isNumber && (key.flags & SAC_KEY_DEFAULT_BIT)) {
        EXPECT_GE(key.defaultValue, key.minimum);
        EXPECT_LE(key.defaultValue, key.maximum);
    }
    EXPECT_EQ(key.type == SAC_KEY_TYPE_CHOICE, key.choiceCount > 0);
    if (key.type == SAC_KEY_TYPE_CHOICE) {
        EXPECT_LT(key.defaultValue, key.choiceCount);
        for (uint32_t i = 0; i < key.choiceCount; ++i)
            EXPECT_TRUE(isText(key.choices[i]));
    }
    EXPECT_EQ(key.type == SAC_KEY_TYPE_INTEGERS, key.maximumCount > 0);
    EXPECT_LE(key.minimumCount, key.maximumCount);
}

TEST(ModuleDescription, everyModuleHasOne) {
    for (const std::string& name : moduleNames()) {
        SCOPED_TRACE(name);
        const SacModuleDescription description = describe(name);
        EXPECT_EQ(description.name, name);
        EXPECT_TRUE(isText(description.summary) && isText(description.origin));
        for (uint32_t i = 0; i < description.limitCount; ++i)
            EXPECT_TRUE(isText(description.limits[i]));
        for (const SacKeyUse use : {SAC_KEY_USE_CONFIG, SAC_KEY_USE_OPTIONS}) {
            const auto keys = keysOf(name, use);
            EXPECT_EQ(keys.size(), use == SAC_KEY_USE_CONFIG ? description.configKeyCount : description.optionKeyCount);
            std::set<std::string> names;
            for (const SacKeyDescription& key : keys) {
                checkKey(key);
                EXPECT_TRUE(names.insert(key.name).second) << key.name << " is there twice";
                EXPECT_EQ(key.sType, SAC_STRUCTURE_TYPE_KEY_DESCRIPTION);
            }
        }
        const auto tensors = tensorsOf(name);
        EXPECT_EQ(tensors.size(), description.inputCount + description.outputCount);
        EXPECT_GE(description.outputCount, 1u);
        for (uint32_t i = 0; i < tensors.size(); ++i) {
            SCOPED_TRACE(tensors[i].name);
            const bool isOutput = i >= description.inputCount;
            EXPECT_EQ(tensors[i].flags & ~VkFlags{SAC_TENSOR_HOST_BIT},
                      VkFlags(isOutput ? SAC_TENSOR_OUTPUT_BIT : SAC_TENSOR_INPUT_BIT));
            EXPECT_TRUE(isText(tensors[i].meaning) && isText(tensors[i].shape));
            EXPECT_GE(tensors[i].dataTypeCount, 1u);
            EXPECT_LE(tensors[i].dataTypeCount, 4u);
            if (isOutput) {
                EXPECT_EQ(tensors[i].optional, i > description.inputCount) << "the first output is the main result";
            }
        }
    }
}

TEST(ModuleDescription, saysWhatIsKnownOfAModule) {
    const auto keys = keysOf("DeformableAttention2D", SAC_KEY_USE_CONFIG);
    ASSERT_FALSE(keys.empty());
    EXPECT_STREQ(keys[0].name, "dim");
    EXPECT_EQ(keys[0].flags, SacKeyFlags{SAC_KEY_REQUIRED_BIT});
    const auto tensors = tensorsOf("MSDeformAttn");
    ASSERT_EQ(tensors.size(), 8u);
    EXPECT_STREQ(tensors[3].name, "spatial_shapes");
    EXPECT_TRUE(tensors[3].flags & SAC_TENSOR_HOST_BIT);
    EXPECT_FALSE(tensors[3].optional);
    EXPECT_STREQ(tensors[4].name, "level_start_index");
    EXPECT_TRUE(tensors[4].flags & SAC_TENSOR_HOST_BIT);
    EXPECT_TRUE(tensors[4].optional);
    EXPECT_TRUE(tensors[5].optional);
    EXPECT_EQ(tensors[5].dataTypes[0], SAC_DATA_TYPE_BOOL);
}

struct Refused {
    const char* what;
    SacResult (*call)(SacError*);
    SacResult result;
    const char* message;
};

TEST(ModuleDescription, refusesWrongArguments) {
    const Refused cases[] = {
        {"no name",
         [](SacError* e) {
             SacModuleDescription d{SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION};
             return sacGetModuleDescription(nullptr, &d, e);
         },
         SAC_ERROR_INVALID_ARGUMENT, "module is null"},
        {"unknown name",
         [](SacError* e) {
             SacModuleDescription d{SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION};
             return sacGetModuleDescription("Perceiver", &d, e);
         },
         SAC_ERROR_INVALID_CONFIG, "module \"Perceiver\" is unknown; there are \"DeformableAttention1D\""},
        {"no structure", [](SacError* e) { return sacGetModuleDescription("PEG", nullptr, e); },
         SAC_ERROR_INVALID_ARGUMENT, "description is null"},
        {"another structure",
         [](SacError* e) {
             SacModuleDescription d{SAC_STRUCTURE_TYPE_MODEL_INFO};
             return sacGetModuleDescription("PEG", &d, e);
         },
         SAC_ERROR_INVALID_ARGUMENT, "sType of description is 4, it must be SAC_STRUCTURE_TYPE_MODULE_DESCRIPTION"},
        {"no count", [](SacError* e) { return sacGetModuleKeys("PEG", SAC_KEY_USE_CONFIG, nullptr, nullptr, e); },
         SAC_ERROR_INVALID_ARGUMENT, "count is null"},
        {"no use",
         [](SacError* e) {
             uint32_t count = 0;
             return sacGetModuleKeys("PEG", static_cast<SacKeyUse>(2), &count, nullptr, e);
         },
         SAC_ERROR_INVALID_ARGUMENT, "use is 2"},
        {"too few keys",
         [](SacError* e) {
             uint32_t count = 1;
             SacKeyDescription key{SAC_STRUCTURE_TYPE_KEY_DESCRIPTION};
             return sacGetModuleKeys("PEG", SAC_KEY_USE_CONFIG, &count, &key, e);
         },
         SAC_ERROR_INVALID_ARGUMENT, "*count is 1, there are 3 keys"},
        {"an element without its type",
         [](SacError* e) {
             uint32_t count = 2;
             SacTensorDescription t[2] = {{SAC_STRUCTURE_TYPE_TENSOR_DESCRIPTION}, {}};
             return sacGetModuleTensors("PEG", &count, t, e);
         },
         SAC_ERROR_INVALID_ARGUMENT, "sType of tensors[1] is 0"},
    };
    for (const Refused& refused : cases) {
        SacError error{};
        EXPECT_EQ(refused.call(&error), refused.result) << refused.what;
        EXPECT_NE(std::string(error.message).find(refused.message), std::string::npos)
            << refused.what << ": " << error.message;
    }
}

} // namespace
} // namespace saccade::test
