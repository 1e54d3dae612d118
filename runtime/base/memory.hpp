// SPDX-License-Identifier: Apache-2.0
// Host memory of the library: every container and object goes through a std::pmr::memory_resource that ends at the
// engine's VkAllocationCallbacks.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <utility>

namespace saccade {

/// The memory resource over an engine's allocation callbacks, scope VK_SYSTEM_ALLOCATION_SCOPE_OBJECT. As safe to use
/// from several threads as the callbacks are (Vulkan asks that of them per object; the default one is).
class HostMemory final : public std::pmr::memory_resource {
public:
    /// Copies `*callbacks`; null means the C library's aligned allocation. Vulkan demands pfnAllocation,
    /// pfnReallocation and pfnFree: without one of them throws Error SAC_ERROR_INVALID_ARGUMENT.
    explicit HostMemory(const VkAllocationCallbacks* callbacks);

    HostMemory(const HostMemory&) = delete;
    HostMemory& operator=(const HostMemory&) = delete;

    /// For Vulkan's pAllocator parameters: the copied callbacks, or null where there are none.
    const VkAllocationCallbacks* callbacks() const noexcept { return hasCallbacks_ ? &callbacks_ : nullptr; }

private:
    /// Throws std::bad_alloc where the callback returns null or throws; Error SAC_ERROR_OUT_OF_HOST_MEMORY for memory
    /// that is not aligned as asked, which goes back.
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

    VkAllocationCallbacks callbacks_{};
    bool hasCallbacks_ = false;
};

/// Constructs one T in memory from `memory`. Where the constructor throws, the memory has gone back.
template <class T, class... Arguments>
[[nodiscard]] T* create(std::pmr::memory_resource* memory, Arguments&&... arguments) {
    void* place = memory->allocate(sizeof(T), alignof(T));
    try {
        return ::new (place) T(std::forward<Arguments>(arguments)...);
    } catch (...) {
        memory->deallocate(place, sizeof(T), alignof(T));
        throw;
    }
}

/// Ends what create<T> made in the same resource; null is allowed. T must be the type that was created, not a base of
/// it: its size goes back to the resource.
template <class T>
void destroy(std::pmr::memory_resource* memory, T* object) noexcept {
    if (!object)
        return;
    object->~T();
    memory->deallocate(object, sizeof(T), alignof(T));
}

template <class T>
struct Destroyer {
    std::pmr::memory_resource* memory = nullptr;

    void operator()(T* object) const noexcept { destroy(memory, object); }
};

template <class T>
using UniquePtr = std::unique_ptr<T, Destroyer<T>>;

template <class T, class... Arguments>
[[nodiscard]] UniquePtr<T> makeUnique(std::pmr::memory_resource* memory, Arguments&&... arguments) {
    return UniquePtr<T>(create<T>(memory, std::forward<Arguments>(arguments)...), Destroyer<T>{memory});
}

} // namespace saccade
