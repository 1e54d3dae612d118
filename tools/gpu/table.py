# SPDX-License-Identifier: Apache-2.0
"""The table of kernel x GPU as text, which is also the form of the baselines, and what has become worse between two."""

import dataclasses
import re

from collect import Numbers

# How a cell says each number; none is said twice, and 0 spills or scratch are not said.
CELL = (("registers", "{}r"), ("waves", "{}w"), ("shared", "{}B"), ("share", "{}%"), ("matrix", "{} matrix"),
        ("estimate", "{}c"), ("spills", "{} spilled"), ("scratch", "{} scratch"))
LEGEND = """\
r registers, w subgroups at once (m1: threads), B bytes of shared memory, % multiply-adds in the hot loop,
matrix instructions in the hot loop, c the driver's estimate, spilled, scratch.
"""


def cell(numbers):
    if numbers is None:
        return "-"
    values = [(text, getattr(numbers, name)) for name, text in CELL]
    return " ".join(text.format(value) for text, value in values if value or (value == 0 and "%" in text)) or "-"


def numbers_of(text):
    """The other way round."""
    if text == "-":
        return None
    values = {}
    for name, form in CELL:
        match = re.search(rf"(?:^| )(\d+){re.escape(form[2:])}(?= |$)", text)
        values[name] = int(match[1]) if match else None
    return Numbers(**values)


def text_of(table, gpus, aligned=True):
    """Without alignment a change of one row is a change of one line."""
    rows = [("case", "kernel", "stage", *gpus)]
    rows += [(*key, *(cell(table[key].get(gpu)) for gpu in gpus)) for key in sorted(table)]
    widths = [max(len(row[i]) for row in rows) if aligned else 3 for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(value.ljust(width) for value, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines) + "\n"


def loops_of(table, gpus):
    """The hot loops as lines, kind by kind."""
    lines = []
    for key in sorted(table):
        for gpu in gpus:
            loop = table[key][gpu].loop if gpu in table[key] else None
            if loop:
                kinds = ", ".join(f"{number} {kind}" for kind, number in loop.most_common())
                lines.append(f"{', '.join(filter(None, key))}, {gpu}: {sum(loop.values())} instructions: {kinds}\n")
    return "".join(lines)


def read(text):
    """(table, GPUs) of what text_of wrote; other lines are passed over."""
    lines = [[part.strip() for part in line.strip().strip("|").split("|")] for line in text.splitlines()
             if line.startswith("| ") and not line.startswith("| -")]
    gpus = lines[0][3:] if lines else []
    table = {}
    for line in lines[1:]:
        cells = dict(zip(gpus, map(numbers_of, line[3:])))
        table[tuple(line[:3])] = {gpu: numbers for gpu, numbers in cells.items() if numbers}
    return table, gpus


@dataclasses.dataclass
class Change:
    """Of one number of one kernel on one GPU."""
    key: tuple
    gpu: str
    name: str
    before: int | None
    after: int | None
    worse: bool

    def __str__(self):
        case, kernel, stage = self.key
        place = f"{case}, {kernel}" + (f" ({stage})" if stage else "")
        unit = "%" if self.name == "share" else ""
        said = [("none" if value is None else f"{value}{unit}") for value in (self.before, self.after)]
        return f"{place}, {self.gpu}: {self.name} {said[0]} -> {said[1]}"


def changes(before, after, gpus, tolerance):
    """What differs. Worse are: more spills, scratch, registers or shared memory; a share of multiply-adds that is lower
    by more than `tolerance` points, or gone; in a kernel that is new, any spills or scratch."""
    result = []
    for key in sorted(after):
        for gpu in gpus:
            new, old = after[key].get(gpu), before.get(key, {}).get(gpu)
            if new is None:
                continue
            for name in ("spills", "scratch"):
                was, now = (getattr(old, name) or 0) if old else 0, getattr(new, name) or 0
                if was != now:
                    result.append(Change(key, gpu, name, was, now, now > was))
            if old is None:
                continue
            for name in ("registers", "shared"):
                was, now = getattr(old, name), getattr(new, name)
                if (was or 0) != (now or 0):
                    result.append(Change(key, gpu, name, was, now, (now or 0) > (was or 0)))
            if old.share != new.share:
                worse = old.share is not None and (new.share is None or new.share < old.share - tolerance)
                result.append(Change(key, gpu, "share", old.share, new.share, worse))
    return result
