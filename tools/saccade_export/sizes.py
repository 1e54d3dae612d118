# SPDX-License-Identifier: Apache-2.0
"""Sizes that the plan fixes: integers that remember how they came of the free sizes of the inputs.

A Size is an int, so shape arithmetic, branches and torch itself work with it. It also has an Expression, which is what
the file says, and the Book of the export. A branch on a size is taken as the example has it, and the book requires
that.
"""

import math

from .expressions import FAR, Expression, Quotient, add, number


def expression_of(value):
    return value.expression if isinstance(value, Size) else number(int(value))


class Size(int):
    """An int that knows its expression. Comparing it records what the comparison found."""

    def __new__(cls, expression, book):
        self = int.__new__(cls, book.evaluate(expression))
        self.expression, self.book = expression, book
        return self

    def __reduce__(self):
        return int, (self.plain,)

    def __deepcopy__(self, memo):
        return self

    @property
    def plain(self):
        return int.__add__(self, 0)

    def made(self, expression):
        return expression.constant if expression.constant is not None else Size(expression, self.book)

    def with_other(self, other, operate, plain):
        if isinstance(other, int):
            return self.made(operate(self.expression, expression_of(other)))
        if isinstance(other, float):
            return plain(float(self), other)
        return NotImplemented

    def __add__(self, other):
        return self.with_other(other, add, lambda a, b: a + b)

    __radd__ = __add__

    def __sub__(self, other):
        return self.with_other(other, lambda a, b: add(a, b, -1), lambda a, b: a - b)

    def __rsub__(self, other):
        return self.with_other(other, lambda a, b: add(b, a, -1), lambda a, b: b - a)

    def __mul__(self, other):
        return self.with_other(other, self.book.multiply, lambda a, b: a * b)

    __rmul__ = __mul__

    def __floordiv__(self, other):
        return self.with_other(other, self.book.divide, lambda a, b: a // b)

    def __rfloordiv__(self, other):
        return self.with_other(other, lambda a, b: self.book.divide(b, a), lambda a, b: b // a)

    def __mod__(self, other):
        return self.with_other(other, self.book.remainder, lambda a, b: a % b)

    def __rmod__(self, other):
        return self.with_other(other, lambda a, b: self.book.remainder(b, a), lambda a, b: b % a)

    def __divmod__(self, other):
        return self // other, self % other

    def __neg__(self):
        return 0 - self

    def __pos__(self):
        return self

    def __abs__(self):
        return self if self >= 0 else -self

    def __truediv__(self, other):
        if isinstance(other, int):
            return Ratio(self, other)
        return float(self) / other if isinstance(other, float) else NotImplemented

    def __rtruediv__(self, other):
        return other / float(self) if isinstance(other, (int, float)) else NotImplemented

    def __pow__(self, power, modulus=None):
        if type(power) is int and 0 < power < 8:
            return math.prod([self] * power)
        return float(self) ** power

    def __rpow__(self, base):
        return base ** int(self)

    def __int__(self):
        self.book.fix(self)
        return self.plain

    __trunc__ = __int__

    def __float__(self):
        self.book.fix(self)
        return float(self.plain)

    def __round__(self, digits=None):
        return self

    def __ceil__(self):
        return self

    __floor__ = __ceil__

    def order(self, other):
        """-1, 0 or 1 as self is less than, equal to or more than other, which is then required."""
        difference = self.book.normal(add(self.expression, expression_of(other), -1))
        value = self.book.evaluate(difference)
        if difference.constant is None:
            if value == 0:
                self.book.equal(self, other)
            elif not self.book.never_negative(add(number(-1), difference, 1 if value > 0 else -1)):
                if value > 0:
                    self.require_sign(add(difference, number(-1)), value)
                else:
                    self.require_sign(difference, value)
        return (value > 0) - (value < 0)

    def require_sign(self, difference, value):
        """That the difference is negative, or not."""
        by = Expression({(Quotient("//", difference, number(FAR)),): 1})
        self.book.required[by] = -1 if value < 0 else 0

    def __eq__(self, other):
        if isinstance(other, Size) and other.book is not self.book:
            return False  # of an earlier trace, in a table that somebody keeps
        return self.order(other) == 0 if isinstance(other, int) else int.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    def less(self, other, plus):
        """self < other + plus"""
        difference = self.book.normal(add(add(self.expression, expression_of(other), -1), number(-plus)))
        value = self.book.evaluate(difference)
        if (
            difference.constant is None
            and not self.book.never_negative(difference)
            and not self.book.never_negative(add(number(-1), difference, -1))
        ):
            self.require_sign(difference, value)
        return value < 0

    def __lt__(self, other):
        return self.less(other, 0) if isinstance(other, int) else float(self) < other

    def __le__(self, other):
        return self.less(other, 1) if isinstance(other, int) else float(self) <= other

    def __gt__(self, other):
        return not self <= other

    def __ge__(self, other):
        return not self < other

    def __bool__(self):
        return self != 0

    def __hash__(self):  # not that of the number: tables keyed by sizes keep expressions apart
        return hash((id(self.book), self.expression))


class Ratio:
    """A size divided by a number, whole or not, until it is rounded."""

    def __init__(self, size, by):
        self.size, self.by = size, by

    def __floor__(self):
        return self.size // self.by

    def __ceil__(self):
        return -(-self.size // self.by)

    def __float__(self):
        return float(self.size) / float(self.by)

    def __int__(self):
        return int(float(self))

    __trunc__ = __int__
    ceil, floor = __ceil__, __floor__

    def __mul__(self, other):
        return Ratio(self.size * other, self.by) if isinstance(other, int) else float(self) * other

    __rmul__ = __mul__

    def __truediv__(self, other):
        return Ratio(self.size, self.by * other) if isinstance(other, int) else float(self) / other

    def __add__(self, other):
        return float(self) + other

    def __radd__(self, other):
        return other + float(self)

    def __sub__(self, other):
        return float(self) - other

    def __rsub__(self, other):
        return other - float(self)

    def __rtruediv__(self, other):
        return other / float(self)

    def __floordiv__(self, other):
        return self.size // (self.by * other)

    def __pow__(self, power):
        return float(self) ** power

    def __lt__(self, other):
        return float(self) < other

    def __gt__(self, other):
        return float(self) > other

    def __le__(self, other):
        return float(self) <= other

    def __ge__(self, other):
        return float(self) >= other


class Shape(tuple):
    """A tuple of sizes with what torch.Size adds."""

    def numel(self):
        return math.prod(self)

    def __getitem__(self, place):
        item = tuple.__getitem__(self, place)
        return Shape(item) if isinstance(place, slice) else item

    def __add__(self, other):
        return Shape(tuple.__add__(self, tuple(other)))
