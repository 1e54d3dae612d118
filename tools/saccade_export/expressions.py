# SPDX-License-Identifier: Apache-2.0
"""Expressions of sizes: polynomials over names, quotients and remainders, and how the file writes them."""

import math

FAR = 1 << 30  # more than any size: (a - b) // FAR is -1 where a < b, else 0


class Expression:
    """A polynomial with integer coefficients over atoms: names of free sizes, and quotients and remainders."""

    __slots__ = ("terms", "key")

    def __init__(self, terms):
        self.terms = {atoms: factor for atoms, factor in terms.items() if factor}
        self.key = tuple(sorted(self.terms.items(), key=repr))

    def __eq__(self, other):
        return self.key == other.key

    def __hash__(self):
        return hash(self.key)

    def __repr__(self):
        return text(self)

    @property
    def constant(self):
        """The number that this is, or None."""
        return None if any(self.terms.keys() - {()}) else self.terms.get((), 0)

    def names(self):
        found = set()
        for atoms in self.terms:
            for atom in atoms:
                found |= {atom} if isinstance(atom, str) else atom.of.names() | atom.by.names()
        return found


class Quotient:
    """The atom `of // by`, or `of % by`."""

    __slots__ = ("sign", "of", "by", "key")

    def __init__(self, sign, of, by):
        self.sign, self.of, self.by, self.key = sign, of, by, (sign, of, by)

    def __eq__(self, other):
        return isinstance(other, Quotient) and self.key == other.key

    def __hash__(self):
        return hash(self.key)

    def __repr__(self):
        return f"({text(self.of)}) {self.sign} ({text(self.by)})"


def number(value):
    return Expression({(): value})


def add(a, b, factor=1):
    terms = dict(a.terms)
    for atoms, value in b.terms.items():
        terms[atoms] = terms.get(atoms, 0) + factor * value
    return Expression(terms)


def lasting(expression):
    """The greatest common divisor of all factors."""
    return math.gcd(*expression.terms.values())


def text(expression, book=None):
    """The expression in the file's notation."""
    parts = []
    for atoms, factor in sorted(expression.terms.items(), key=lambda item: (item[0] == (), item[1] < 0, repr(item[0]))):
        atoms = list(atoms)
        for place, atom in enumerate(atoms):  # 4 * (h // 16), where h is a multiple of 16, is h // 4
            by = atom.by.constant if isinstance(atom, Quotient) and atom.sign == "//" else None
            if by and book is not None and abs(factor) > 1 and by % abs(factor) == 0 and book.divides(atom.of, by):
                atoms[place] = Quotient("//", atom.of, number(by // abs(factor)))
                factor //= abs(factor)
                break
        words = [] if abs(factor) == 1 and atoms else [str(abs(factor))]
        for atom in atoms:
            if isinstance(atom, str):
                words.append(atom)
            else:
                of, by = text(atom.of, book), text(atom.by, book)
                of = of if of.isidentifier() or of.isdigit() else f"({of})"
                by = by if by.isidentifier() or by.isdigit() else f"({by})"
                quotient = f"{of} {atom.sign} {by}"
                words.append(quotient if len(atoms) == 1 and not words else f"({quotient})")
        sign = " - " if factor < 0 else " + "
        parts.append(((sign if parts else "-" if factor < 0 else "") + " * ".join(words)))
    joined = "".join(parts) or "0"
    return f"0 - {joined[1:]}" if joined.startswith("-") else joined
