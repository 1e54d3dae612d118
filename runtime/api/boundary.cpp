#include "api/boundary.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace saccade {

void Log::write(const char* what, const Warnings& warnings) const {
    char text[2 * SAC_MAX_MESSAGE_LENGTH];
    for (const std::pmr::string& message : warnings.messages()) {
        std::snprintf(text, sizeof(text), "%.*s: %s", clip(what), what, message.c_str());
        write(SAC_LOG_WARNING, text);
    }
}

SacResult report(SacResult result, const char* message, SacError* error, const Log* log) {
    if (error) {
        error->result = result;
        const size_t length = std::min(std::strlen(message), sizeof(error->message) - 1);
        std::memcpy(error->message, message, length);
        error->message[length] = '\0';
    }
    if (log && result != SAC_SUCCESS)
        log->write(SAC_LOG_ERROR, message);
    return result;
}

} // namespace saccade

extern "C" SAC_API const char* sacResultString(SacResult result) {
    switch (result) {
#define SAC_NAME(name)                                                                                                 \
    case name:                                                                                                         \
        return #name;
        SAC_NAME(SAC_SUCCESS)
        SAC_NAME(SAC_ERROR_INVALID_ARGUMENT)
        SAC_NAME(SAC_ERROR_MALFORMED_FILE)
        SAC_NAME(SAC_ERROR_INVALID_CONFIG)
        SAC_NAME(SAC_ERROR_INVALID_WEIGHTS)
        SAC_NAME(SAC_ERROR_UNSUPPORTED)
        SAC_NAME(SAC_ERROR_OUT_OF_HOST_MEMORY)
        SAC_NAME(SAC_ERROR_OUT_OF_DEVICE_MEMORY)
        SAC_NAME(SAC_ERROR_DEVICE_LOST)
        SAC_NAME(SAC_ERROR_CANCELLED)
        SAC_NAME(SAC_ERROR_VULKAN)
        SAC_NAME(SAC_ERROR_INTERNAL)
#undef SAC_NAME
    case SAC_RESULT_MAX_ENUM:
        break;
    }
    return "unknown SacResult";
}

extern "C" SAC_API uint32_t sacGetVersion(void) { return SAC_VERSION; }
