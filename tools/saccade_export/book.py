# SPDX-License-Identifier: Apache-2.0
"""What is known of the sizes of an export, and their arithmetic with it: x // 4 * 4 is x where x is a multiple of 4."""

import math
from fractions import Fraction

from .expressions import FAR, Expression, Quotient, add, lasting, number, text
from .sizes import Size, expression_of


class Book:
    """What is known of an export's sizes: their values in the example, which are fixed, and what must hold."""

    def __init__(self):
        self.values = {}  # free name -> its size in the example
        self.fixed = {}  # free name -> the number it has to be
        self.multiples = {}  # expression -> the number that it is a multiple of
        self.required = {}  # expression -> its value

    def free(self, name, value):
        self.values[name] = int(value)
        return Size(Expression({(name,): 1}), self)

    # ---- Arithmetic

    def multiply(self, a, b):
        total = number(0)
        for left, p in a.terms.items():
            for right, q in b.terms.items():
                total = add(total, self.monomial(left + right, p * q))
        return total

    def monomial(self, atoms, factor):
        for place, atom in enumerate(atoms):
            if (
                isinstance(atom, Quotient)
                and atom.sign == "//"
                and atom.by.constant
                and factor % atom.by.constant == 0
                and self.divides(atom.of, atom.by.constant)
            ):
                rest = Expression({atoms[:place] + atoms[place + 1 :]: factor // atom.by.constant})
                return self.multiply(rest, atom.of)
        return Expression({tuple(sorted(atoms, key=repr)): factor})

    def divides(self, expression, by):
        """Whether the expression is known to be a multiple of a number."""
        if self.multiples.get(expression, 1) % by == 0:
            return True
        return all(
            not atoms
            and factor % by == 0
            or atoms
            and self.multiples.get(Expression({atoms: 1}), 1) % (by // math.gcd(by, factor)) == 0
            for atoms, factor in expression.terms.items()
        )

    def divide(self, a, b):
        by = b.constant
        if by is None or by < 0:
            return self.divide_exactly(a, b) or Expression({(Quotient("//", a, b),): 1})
        if by == FAR:  # a comparison, kept readable
            return number(a.constant // by) if a.constant is not None else Expression({(Quotient("//", a, b),): 1})
        if (
            by > 1 and a.constant is None and all(factor < 0 for atoms, factor in a.terms.items() if atoms)
        ):  # rounded up
            up = self.divide(add(number(by - 1), a, -1), b)
            return add(number(0), up, -1)
        whole = Expression({atoms: factor // by for atoms, factor in a.terms.items()})
        rest = Expression({atoms: factor % by for atoms, factor in a.terms.items()})
        if rest.constant is not None:
            return whole
        common = math.gcd(lasting(rest), by)
        if common > 1:
            rest, by = Expression({atoms: factor // common for atoms, factor in rest.terms.items()}), by // common
        shift = rest.terms.get((), 0)
        inner = add(rest, number(-shift))
        if shift and self.divides(inner, by):
            return add(whole, self.divide(inner, number(by)))
        if len(inner.terms) == 1:
            ((atoms, factor),) = inner.terms.items()
            atom = atoms[0]
            if (
                factor == 1
                and len(atoms) == 1
                and isinstance(atom, Quotient)
                and atom.sign == "//"
                and (atom.by.constant or 0) > 0
            ):  # (x // a + c) // b = (x + a * c) // (a * b)
                numerator = add(atom.of, number(shift * atom.by.constant))
                return add(whole, self.divide(numerator, number(by * atom.by.constant)))
        known = self.multiples.get(rest, 1)
        if known > by and known % by == 0:
            quotient = Expression({(Quotient("//", rest, number(known)),): known // by})
        else:
            quotient = Expression({(Quotient("//", rest, number(by)),): 1})
        return add(whole, quotient)

    def divide_exactly(self, a, b):
        """a / b where b is one term that is a factor of every term of a; else None."""
        if a == b:
            return number(1)
        if len(b.terms) != 1:
            return None
        ((by, divisor),) = b.terms.items()
        terms = {}
        for atoms, factor in a.terms.items():
            rest = list(atoms)
            for atom in by:
                if atom not in rest:
                    return None
                rest.remove(atom)
            if factor % divisor:
                return None
            terms[tuple(rest)] = factor // divisor
        return Expression(terms)

    def remainder(self, a, b):
        by = b.constant
        if by is None or by < 0:
            return number(0) if self.divide_exactly(a, b) else Expression({(Quotient("%", a, b),): 1})
        rest = number(0)
        for atoms, factor in a.terms.items():
            factor = factor % by - (by if 2 * (factor % by) > by and atoms else 0)
            inner = atoms[0] if len(atoms) == 1 else None
            if isinstance(inner, Quotient) and inner.sign == "%" and inner.by == b:
                rest = add(rest, inner.of, factor)
            else:
                rest = add(rest, Expression({atoms: factor}))
        if rest.constant is not None or self.divides(rest, by):
            return number((rest.constant or 0) % by)
        if by == 2:  # the same of either sign
            rest = Expression({atoms: -abs(factor) for atoms, factor in rest.terms.items()})
        if all(factor < 0 for atoms, factor in rest.terms.items() if atoms):  # what is missing to a multiple
            return add(rest, self.divide(rest, b), -by)
        return Expression({(Quotient("%", rest, b),): 1})

    def normal(self, expression):
        """The expression with what has become known since."""
        total = number(0)
        for atoms, factor in expression.terms.items():
            product = number(factor)
            for atom in atoms:
                if isinstance(atom, str):
                    part = number(self.fixed[atom]) if atom in self.fixed else Expression({(atom,): 1})
                else:
                    operate = self.divide if atom.sign == "//" else self.remainder
                    part = operate(self.normal(atom.of), self.normal(atom.by))
                product = self.multiply(product, part)
            total = add(total, product)
        return total

    def evaluate(self, expression, values=None):
        values = self.values if values is None else values
        total = 0
        for atoms, factor in expression.terms.items():
            for atom in atoms:
                if isinstance(atom, str):
                    factor *= values[atom]
                else:
                    of, by = self.evaluate(atom.of, values), self.evaluate(atom.by, values)
                    factor *= of // by if atom.sign == "//" else of % by
            total += factor
        return total

    # ---- What must hold

    def require(self, expression, value):
        """The plan's sizes give the expression this value, as the example's do."""
        expression = self.normal(expression)
        shift = expression.terms.get((), 0)
        rest = add(expression, number(-shift))
        value -= shift
        if not rest.terms:
            return
        if lasting(rest) > 1 and value % lasting(rest) == 0:
            value //= lasting(rest)
            rest = Expression({atoms: factor // lasting(rest) for atoms, factor in rest.terms.items()})
        divided, by = self.remainder_in(rest)
        (atoms, factor), *others = rest.terms.items()
        if divided is not None and value == 0:
            self.multiple(divided, by)
        elif not others and len(atoms) == 1 and isinstance(atoms[0], str) and factor == 1:
            self.fixed[atoms[0]] = value
        else:
            self.required[rest] = value

    @staticmethod
    def remainder_in(expression):
        """(of, by) where the expression is of % by, or by * (of // by rounded up) - of; else None twice."""
        for atoms, factor in expression.terms.items():
            atom = atoms[0] if len(atoms) == 1 else None
            if not isinstance(atom, Quotient) or not atom.by.constant:
                continue
            rest = add(expression, Expression({atoms: factor}), -1)
            if atom.sign == "%" and factor == 1 and not rest.terms:
                return atom.of, atom.by.constant
            rounded = add(atom.of, number(1 - factor))
            if atom.sign == "//" and atom.by.constant == factor and rest == add(number(0), rounded, -1):
                return rounded, factor
        return None, None

    def multiple(self, expression, by):
        known = self.multiples.get(expression, 1)
        self.multiples[expression] = known * by // math.gcd(known, by)

    def fix(self, *sizes):
        """These sizes are what the example has."""
        for size in sizes:
            for name in self.normal(expression_of(size)).names():
                self.fixed[name] = self.values[name]

    def equal(self, a, b):
        """Both sizes are equal, as they are in the example. Returns the better known of the two."""
        a, b = self.size(a), self.size(b)
        if type(a) is int or type(b) is int:
            known, other = (a, b) if type(a) is int else (b, a)
            if type(other) is Size:
                self.require(other.expression, known)
            return known
        if a.expression == b.expression:
            return a
        for size in (a, b):
            self.divide_evenly(size.expression)
        a, b = self.size(a), self.size(b)
        if expression_of(a) != expression_of(b):
            self.require(add(expression_of(a), expression_of(b), -1), 0)
        return self.size(a)

    def divide_evenly(self, expression):
        """Requires that quotients in the expression leave no rest, or are not rounded up, where that is so in the
        example."""
        for atoms in expression.terms:
            for atom in atoms:
                if isinstance(atom, Quotient) and atom.sign == "//" and (atom.by.constant or FAR) != FAR:
                    plain = add(atom.of, number(-atom.of.terms.get((), 0)))
                    for of in (plain, atom.of):
                        if self.evaluate(of) % atom.by.constant == 0:
                            self.multiple(of, atom.by.constant)
                            break

    def never_negative(self, expression):
        """Whether the expression is known to be at least 0, or more than -1, for all sizes, which are at least 1."""
        bound, pending = {}, [(atoms, Fraction(factor)) for atoms, factor in self.normal(expression).terms.items()]
        for _ in range(64):
            if not pending:
                break
            atoms, factor = pending.pop()
            place = next((i for i, atom in enumerate(atoms) if isinstance(atom, Quotient)), None)
            if place is None:
                bound[atoms] = bound.get(atoms, 0) + factor
                continue
            atom, rest = atoms[place], atoms[:place] + atoms[place + 1 :]
            by = atom.by.constant
            if by is None or by <= 0 or any(isinstance(other, Quotient) for other in rest):
                return False
            if atom.sign == "%":
                pending.append((rest, min(factor, 0) * (by - 1)))
            else:  # of - by + 1 <= by * (of // by) <= of
                pending += [(rest + inner, factor * more / by) for inner, more in atom.of.terms.items()]
                pending.append((rest, max(factor, 0) * (1 - by) / by))
        return not pending and all(factor >= 0 for atoms, factor in bound.items() if atoms) and sum(bound.values()) > -1

    def size(self, size):
        """A size with what has become known since: a plain int where it is one."""
        if not isinstance(size, Size):
            return size
        expression = self.normal(size.expression)
        return expression.constant if expression.constant is not None else Size(expression, self)

    def requirements(self):
        """The file's `requires`, besides sizes that are fixed."""
        entries = {}
        for expression, by in self.multiples.items():
            rest = Expression({(Quotient("%", expression, number(by)),): 1})
            if not self.normal(expression).names() == set():
                entries[text(rest)] = 0
        for expression, value in self.required.items():
            expression = self.normal(expression)
            if expression.constant is None:
                shift = expression.terms.get((), 0)
                entries[text(add(expression, number(-shift)))] = value - shift
        return [{"expression": expression, "equals": value} for expression, value in entries.items()]

    def text(self, size):
        """A size as the file has it: a number, or the text of its expression."""
        size = self.size(size)
        return text(size.expression, self) if isinstance(size, Size) else int(size)
