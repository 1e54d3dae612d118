# SPDX-License-Identifier: Apache-2.0
"""Which sizes of the inputs a plan may choose, and other ones to try a network at."""

import math

from checkpoints import require

from .expressions import FAR, Expression, Quotient
from .sizes import Size

AXES = {4: {2: "h", 3: "w"}, 5: {3: "h", 4: "w"}}  # free sizes of an input by its rank


class FreeSizes:
    """Chooses the names of free sizes: equal sizes of the same axis have the same name."""

    def __init__(self, book, free):
        self.book, self.free, self.made = book, free, {}

    def shape_of(self, name, tensor, channels):
        axes = {}
        if self.free is True:
            axes = AXES.get(tensor.dim(), {})
            if channels == "last":
                axes = {axis - 1: free for axis, free in axes.items()}
        elif isinstance(self.free, dict):
            given = self.free.get(name, {})
            axes = dict(given) if isinstance(given, dict) else dict(enumerate(given))
            axes = {axis % tensor.dim(): free for axis, free in axes.items() if isinstance(free, str)}
        shape = []
        for axis, size in enumerate(tensor.shape):
            if axis not in axes:
                shape.append(size)
                continue
            label = axes[axis]
            if self.free is True and self.made.get(label, size) != size:
                label = next(
                    (other for other, value in self.made.items() if other.split("_")[0] == label and value == size),
                    f"{label}_{name}",
                )
            require(
                self.made.setdefault(label, size) == size,
                f"free: {label!r} is {self.made[label]} and, in {name!r}, {size}",
            )
            shape.append(self.book.free(label, size))
        return shape


def state_shape(book, sizes, name, tensor):
    """A state's sizes: of the names that it is given, or parts and multiples of the inputs' height and width."""
    given = sizes.free.get(name, {}) if isinstance(sizes.free, dict) else {}
    shape = []
    for axis, size in enumerate(tensor.shape):
        label = given.get(axis) if given else AXES.get(tensor.dim(), {}).get(axis) if sizes.free is True else None
        shape.append(like(book, size, [free for free in sizes.made if label in (free, free.split("_")[0])]))
    return shape


def like(book, size, names):
    """A size as one of these, a whole part of it or a multiple; else as it is."""
    for name in names:
        whole = Size(Expression({(name,): 1}), book)
        value = book.values[name]
        if value % size == 0:
            return whole // (value // size) if value != size else whole
        if size % value == 0:
            return whole * (size // value)
    return size


def divisors(expression):
    """The numbers that an expression divides by."""
    for atoms in expression.terms:
        for atom in atoms:
            if isinstance(atom, Quotient):
                if atom.by.constant not in (None, FAR):
                    yield atom.by.constant
                yield from divisors(atom.of)


def other_sizes(book):
    """Values of the free sizes that keep what is required: smaller ones first, then larger ones."""
    free = {name: value for name, value in book.values.items() if name not in book.fixed}
    if not free:
        return
    step = math.lcm(*book.multiples.values(), *(by for expression in book.required for by in divisors(expression)))
    smaller = {name: value - step * max(1, value // (2 * step)) for name, value in free.items()}
    if min(smaller.values()) <= 0:
        smaller = {}
    for found in (
        smaller,
        {name: value + step for name, value in free.items()},
        {name: value + (2 + place) * step for place, (name, value) in enumerate(free.items())},
    ):
        sizes = {**book.values, **found}
        held = all(book.evaluate(expression, sizes) % by == 0 for expression, by in book.multiples.items()) and all(
            book.evaluate(expression, sizes) == value for expression, value in book.required.items()
        )
        if found and held:
            yield sizes
