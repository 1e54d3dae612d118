# SPDX-License-Identifier: Apache-2.0
"""Sizes that remember their expression, without PyTorch: the text of an expression has the value that the arithmetic
has."""

import ast
import math
import random
import unittest

from saccade_export.book import Book
from saccade_export.sizes import Size


def value_of(text, names):
    """Python's own value of an expression."""
    return eval(compile(ast.parse(str(text), mode="eval"), "expression", "eval"), {"__builtins__": {}}, dict(names))


class SizesTest(unittest.TestCase):
    def setUp(self):
        self.book = Book()
        self.h, self.w = self.book.free("h", 64), self.book.free("w", 48)

    def text(self, size):
        return self.book.text(size)

    def test_usual_arithmetic_has_short_expressions(self):
        h, w = self.h, self.w
        self.assertEqual(self.text((h + 2 - 3) // 1 + 1), "h")
        self.assertEqual(self.text((h - 2) // 2 + 1), "h // 2")
        self.assertEqual(self.text(((h + 1) // 2 + 1) // 2), "(h + 3) // 4")
        self.assertEqual(self.text(math.ceil(h / 8)), "(h + 7) // 8")
        self.assertEqual(self.text(math.prod((3, h, w))), "3 * h * w")
        self.assertEqual(self.text(h * w // w), "h")
        self.assertEqual(self.text((8 - h % 8) % 8), "8 * ((h + 7) // 8) - h")
        self.assertEqual(self.text((h + -h % 8) // 8 * 8), self.text(h + -h % 8))
        self.assertEqual(self.text(sum((h, w))), "h + w")
        self.assertEqual((self.text(h - h), self.text(h * 0), type(h - h)), (0, 0, int))

    def test_a_size_is_its_value(self):
        self.assertIsInstance(self.h, int)
        self.assertEqual(f"{self.h} {[0] * 70}"[:2], "64")
        self.assertEqual(int.__add__(self.h // 3, 0), 21)

    def test_equal_sizes_become_one(self):
        half = self.h // 16 * 2
        self.book.equal(half, self.h // 8)
        self.assertEqual(self.text(self.h // 16 * 16), "h")
        self.assertEqual(self.text(self.h // 4), "h // 4")
        self.assertEqual(self.book.requirements(), [{"expression": "h % 16", "equals": 0}])

    def test_branches_are_required(self):
        self.assertTrue(self.h % 8 == 0)
        self.assertTrue(self.w > 10)
        self.assertFalse(self.h < self.w)
        self.assertTrue(self.h != 7)
        required = {entry["expression"]: entry["equals"] for entry in self.book.requirements()}
        self.assertEqual(required["h % 8"], 0)
        for h, w, holds in ((64, 48, True), (72, 48, True), (72, 80, False), (72, 10, False), (68, 48, False)):
            found = all(value_of(text, {"h": h, "w": w}) == value for text, value in required.items())
            self.assertEqual(found, holds, (h, w))

    def test_numbers_made_of_sizes_fix_them(self):
        self.assertEqual(self.h * 0.5, 32.0)
        self.assertEqual(self.text(self.h + 1), 65)
        self.assertEqual(self.text(self.w + 1), "w + 1")
        int(self.w)
        self.assertEqual(self.text(self.w), 48)

    def test_random_expressions(self):
        draw = random.Random(3)
        for trial in range(300):
            book = Book()
            names = {"h": 16 * draw.randint(1, 9), "w": 12 * draw.randint(1, 9)}
            sizes = [book.free(name, value) for name, value in names.items()]
            plain = list(names.values())
            if trial % 2:
                book.divide_evenly((sizes[0] // 16).expression)
                book.divide_evenly((sizes[1] // 4).expression)
            steps = []
            for _ in range(draw.randint(1, 7)):
                i, j, sign, by = (
                    draw.randrange(len(sizes)),
                    draw.randrange(len(sizes)),
                    draw.choice("+-*/%n"),
                    draw.randint(1, 9),
                )
                steps.append((i, j, sign, by))

            def carried_out(values):
                values = list(values)
                for i, j, sign, by in steps:
                    a, b = values[i], values[j]
                    values.append(
                        {
                            "+": lambda: a + b + by,
                            "-": lambda: a - b * by,
                            "*": lambda: a * by,
                            "/": lambda: a // by,
                            "%": lambda: a % by,
                            "n": lambda: -(-a // by),
                        }[sign]()
                    )
                return values

            results = carried_out(sizes)
            self.assertEqual([int.__add__(item, 0) for item in results], carried_out(plain), steps)
            for factor in (1, 2, 5):
                other = {"h": names["h"] * factor, "w": names["w"] * factor}
                wanted = carried_out(other.values())
                found = [value_of(book.text(item), other) for item in results]
                self.assertEqual(found, wanted, (steps, other, [book.text(item) for item in results]))

    def test_sizes_of_two_traces_are_not_the_same(self):
        self.assertNotEqual(Book().free("h", 64), self.h)
        self.assertEqual(len({Book().free("h", 64), self.h, self.h + 0}), 2)

    def test_a_size_is_copied_as_itself(self):
        import copy

        self.assertIs(copy.deepcopy(self.h), self.h)
        self.assertIsInstance(self.h * 2, Size)

    def test_what_is_always_so_is_not_required(self):
        h, w = self.h, self.w
        self.assertTrue(h > 0 and h + w >= 2 and not h * w < 1)
        self.assertTrue((h + 3) // 4 * 4 >= h and h // 2 * 2 <= h and 0 <= h % 8 < 8)
        self.assertEqual(self.book.requirements(), [])
        self.assertTrue(h // 2 * 2 >= h)
        self.assertEqual(len(self.book.requirements()), 1)
