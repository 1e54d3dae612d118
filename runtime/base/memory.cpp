// SPDX-License-Identifier: Apache-2.0
#include "base/memory.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(_WIN32)
#include <malloc.h>
#endif

#include "base/error.hpp"

namespace saccade {

HostMemory::HostMemory(const VkAllocationCallbacks* callbacks) {
    if (!callbacks)
        return;
    const char* missing = !callbacks->pfnAllocation     ? "pfnAllocation"
                          : !callbacks->pfnReallocation ? "pfnReallocation"
                          : !callbacks->pfnFree         ? "pfnFree"
                                                        : nullptr;
    if (missing)
        throw Error(SAC_ERROR_INVALID_ARGUMENT, "allocation callbacks: %s is null", missing);
    callbacks_ = *callbacks;
    hasCallbacks_ = true;
}

void* HostMemory::do_allocate(std::size_t bytes, std::size_t alignment) {
    // Containers may ask for nothing, and no callback has to answer that.
    bytes = std::max<std::size_t>(bytes, 1);
    void* memory = nullptr;
    if (hasCallbacks_) {
        try {
            memory =
                callbacks_.pfnAllocation(callbacks_.pUserData, bytes, alignment, VK_SYSTEM_ALLOCATION_SCOPE_OBJECT);
        } catch (...) { // whatever it was, there is no memory
        }
        if (reinterpret_cast<std::uintptr_t>(memory) % alignment) {
            do_deallocate(memory, bytes, alignment);
            throw Error(SAC_ERROR_OUT_OF_HOST_MEMORY,
                        "allocation callbacks: pfnAllocation returned memory that is not aligned to %zu bytes",
                        alignment);
        }
    } else {
#if defined(_WIN32)
        memory = _aligned_malloc(bytes, alignment);
#else
        if (posix_memalign(&memory, std::max(alignment, sizeof(void*)), bytes) != 0)
            memory = nullptr;
#endif
    }
    if (!memory)
        throw std::bad_alloc();
    return memory;
}

void HostMemory::do_deallocate(void* memory, std::size_t, std::size_t) {
    if (hasCallbacks_) {
        try {
            callbacks_.pfnFree(callbacks_.pUserData, memory);
        } catch (...) { // destructors call this: there is nobody to tell
        }
        return;
    }
#if defined(_WIN32)
    _aligned_free(memory);
#else
    std::free(memory);
#endif
}

} // namespace saccade
