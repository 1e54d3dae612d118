// SPDX-License-Identifier: Apache-2.0
// Which keys a query of a windowed attention sees, on a grid of up to three axes.
//
// Along an axis positions fall into `dilation` classes by their remainder, and a query sees keys of its own class only.
// Within a class the window has no gaps, so windows are counted in places: place p of class c is position
// c + p * dilation. A key is seen if it is seen along every axis.

// A box of places: first, and how many along each axis.
struct Window {
    uvec3 first;
    uvec3 count;
};

// Places of each class. `residue` is below both size and dilation.
uvec3 placesOfClass(uvec3 residue, uvec3 size, uvec3 dilation) { return (size - residue + dilation - 1u) / dilation; }

// What the queries at places from `low` to `high` see together; one query: low = high. `window` is odd. With `clamped`
// the window moves inwards at a border (neighborhood attention, arXiv 2204.07143, 2209.15001) and places >= window;
// without, the part outside is cut off.
Window seenFrom(uvec3 low, uvec3 high, uvec3 places, uvec3 window, bool clamped) {
    uvec3 reach = window / 2u;
    uvec3 first = low - min(low, reach);
    uvec3 last = min(high + reach, places - 1u);
    if (clamped) {
        first = min(first, places - window);
        last = max(last, window - 1u);
    }
    return Window(first, last - first + 1u);
}

bool isSeen(uvec3 place, Window window) { return all(lessThan(place - window.first, window.count)); }
