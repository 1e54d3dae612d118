// SPDX-License-Identifier: Apache-2.0
// A vector whose capacity is part of its type: elements live inside the object and nothing is ever allocated.
// Used wherever a small bound is known (bindings of a dispatch, dimensions of a shape), so that such values can be
// copied freely and built while recording.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <span>

namespace saccade {

template <class T, std::size_t Capacity>
class FixedVector {
public:
    constexpr FixedVector() = default;

    constexpr FixedVector(std::initializer_list<T> items) {
        for (const T& item : items)
            push_back(item);
    }

    constexpr explicit FixedVector(std::span<const T> items) {
        for (const T& item : items)
            push_back(item);
    }

    static constexpr std::size_t capacity() { return Capacity; }
    constexpr std::size_t size() const { return size_; }
    constexpr bool empty() const { return size_ == 0; }
    constexpr bool full() const { return size_ == Capacity; }

    /// Appends `item`. The caller knows the bound: what comes from outside is checked before it gets here. Exceeding it
    /// is a defect of the library, answered by std::abort rather than by a write past the end.
    constexpr T& push_back(const T& item) {
        if (size_ == Capacity)
            std::abort();
        items_[size_] = item;
        return items_[size_++];
    }

    constexpr void resize(std::size_t size, const T& fill = T{}) {
        if (size > Capacity)
            std::abort();
        for (std::size_t i = size_; i < size; ++i)
            items_[i] = fill;
        size_ = size;
    }

    constexpr void clear() { size_ = 0; }

    constexpr T& operator[](std::size_t i) { return items_[i]; }
    constexpr const T& operator[](std::size_t i) const { return items_[i]; }
    constexpr T& back() { return items_[size_ - 1]; }
    constexpr const T& back() const { return items_[size_ - 1]; }
    constexpr T* data() { return items_.data(); }
    constexpr const T* data() const { return items_.data(); }
    constexpr T* begin() { return items_.data(); }
    constexpr T* end() { return items_.data() + size_; }
    constexpr const T* begin() const { return items_.data(); }
    constexpr const T* end() const { return items_.data() + size_; }

    friend constexpr bool operator==(const FixedVector& a, const FixedVector& b) {
        if (a.size_ != b.size_)
            return false;
        for (std::size_t i = 0; i < a.size_; ++i)
            if (!(a.items_[i] == b.items_[i]))
                return false;
        return true;
    }

private:
    std::array<T, Capacity> items_{};
    std::size_t size_ = 0;
};

} // namespace saccade
