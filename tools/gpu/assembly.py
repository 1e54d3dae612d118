# SPDX-License-Identifier: Apache-2.0
"""The hot loop of a compiled kernel, from the assembly that a Mesa driver prints.

RADV's ACO, NVK's NAK and Turnip's ir3 are known. A program is split into basic blocks, its loops are found from the
branches that go back, and instructions are counted by kind."""

import collections
import re

# The kinds of instructions by what an opcode begins with; the first that fits counts.
ACO = (("matrix", r"v_s?wmma|v_swmmac"),
       ("multiply-add", r"v_(dual_)?(pk_)?(fmac?|mac|mad|fmamk|fmaak|fma_mix\w*|dot\w*)_(f|mix)|v_fma_mix|v_dual_fma"),
       ("transcendental", r"v_(exp|log|rcp|rsq|sqrt|sin|cos)_|v_s_"), ("integer multiply", r"v_mul_(lo|hi)|v_mad_u64"),
       ("move", r"v_(dual_)?(mov|swap|perm|cndmask)|v_readfirst"), ("convert", r"v_cvt"), ("vector", r"v_"),
       ("shared memory", r"ds_"), ("memory", r"(t?buffer|global|flat|image|scratch)_"),
       ("constant", r"s_(load|buffer)"), ("wait", r"s_(wait|delay|clause|nop)"), ("barrier", r"s_barrier"),
       ("branch", r"s_(c?branch|setpc|endpgm)"), ("scalar", r"s_"))
NAK = (("matrix", r"[hi]mma"), ("multiply-add", r"(ffma|hfma2)"), ("transcendental", r"mufu"),
       ("integer multiply", r"imad"), ("move", r"(mov|r2ur|sel|prmt)"), ("convert", r"(f2f|i2f|f2i|f2fp)"),
       ("shared memory", r"(ld|st|atom)\.shared|ldsm"), ("memory", r"(ld|st|atom|red)\.|su(ld|st)|tex|tld"),
       ("constant", r"ldc"), ("wait", r"nop"), ("barrier", r"bar\.|membar"),
       ("branch", r"(bra|bssy|bsync|exit|bclear|break|warpsync)"), ("vector", r"\w"))
IR3 = (("multiply-add", r"mad\.f(32|16)"), ("transcendental", r"(exp2|log2|h?rcp|h?rsq|sqrt|sin|cos)"),
       ("integer multiply", r"(mull|madsh|mul\.[us])"), ("move", r"(mov|swz|sel)"), ("convert", r"cov"),
       ("shared memory", r"(ldl|stl)"), ("memory", r"(ldib|stib|ldg|stg|isam|sam|ldp|stp)"), ("constant", r"(ldc|stc)"),
       ("wait", r"nop"), ("barrier", r"(bar|fence)"),
       ("branch", r"(br|jump|predt|predf|prede|bany|ball|getone|shps|shpe|end)"), ("vector", r"\w"))


class Block:
    """Instructions in a row that run together: their counts by kind, the labels of where they may go on."""

    def __init__(self, label):
        self.label = label
        self.counts = collections.Counter()
        self.targets = []
        self.falls_through = True


def count(block, kinds, opcode, times=1):
    for kind, pattern in kinds:
        if re.match(pattern, opcode):
            block.counts[kind] += times
            return


def aco_blocks(lines):
    """`BB3:`, then `\\ts_cbranch_scc1 BB5  ; encoding`; two operations of one issue are joined by `::`."""
    blocks = [Block("")]
    for line in lines:
        label = re.match(r"(BB\d+):", line)
        if label:
            blocks.append(Block(label[1]))
            continue
        text = line.split(";")[0].strip()
        if not text:
            continue
        for operation in text.split("::"):
            count(blocks[-1], ACO, operation.strip())
        branch = re.match(r"s_(c?)branch\w* (BB\d+)", text)
        if branch:
            blocks[-1].targets.append(branch[2])
        if re.match(r"s_(branch|endpgm|setpc)", text):
            blocks[-1].falls_through = False
        if branch:
            blocks.append(Block(""))
    return blocks


def nak_blocks(lines):
    """`block.u 3 L7 [1, 2] -> {`, then `@!p0  r1 = ffma r2 r3 r4  // delay=1`; pT is always true."""
    blocks = [Block("")]
    for line in lines:
        text = line.split("//")[0].strip()
        label = re.match(r"block(?:\.u)? \d+ (L\d+)", text)
        if label:
            blocks.append(Block(label[1]))
            continue
        if not text or text.startswith("}"):
            continue
        operation = re.sub(r"^@!?u?p\w+\s+", "", text)
        operation = operation.split("= ", 1)[-1].strip()
        count(blocks[-1], NAK, operation)
        branch = re.match(r"bra (?:(\S+) )?(L\d+)", operation)
        if branch:
            blocks[-1].targets.append(branch[2])
        always = not text.startswith("@") and (not branch or branch[1] in (None, "pT"))
        if always and (branch or operation.startswith("exit")):
            blocks[-1].falls_through = False
        if branch:
            blocks.append(Block(""))
    return blocks


def ir3_blocks(lines):
    """`l61:`, then `(sy)(rpt1)mad.f32 r9.y, ...`; (rptN) is N more of the instruction, (nopN) N cycles of waiting."""
    blocks = [Block("")]
    for line in lines:
        text = line.split(";")[0].strip()
        label = re.match(r"(l\d+):", text)
        if label:
            blocks.append(Block(label[1]))
            continue
        if not text or text.startswith("@"):
            continue
        opcode = re.sub(r"^(\(\w+\)\s*)+", "", text)
        flags = text[:len(text) - len(opcode)]
        repeats = re.search(r"\(rpt(\d)\)", flags)
        waits = re.search(r"\(nop(\d)\)", flags)
        count(blocks[-1], IR3, opcode, 1 + int(repeats[1] if repeats else 0))
        if waits:
            blocks[-1].counts["wait"] += int(waits[1])
        branch = re.search(r"#(l\d+)", opcode)
        if branch:
            blocks[-1].targets.append(branch[1])
        if re.match(r"(jump|end)\b", opcode):
            blocks[-1].falls_through = False
        if branch:
            blocks.append(Block(""))
    return blocks


PARSERS = {"Assembly": aco_blocks, "NAK assembly": nak_blocks, "IR3 Assembly": ir3_blocks}


def loops(blocks):
    """{header: blocks of the loop}, by index. Loops with the same header are one."""
    place = {block.label: i for i, block in enumerate(blocks) if block.label}
    before = collections.defaultdict(set)
    for i, block in enumerate(blocks):
        for target in block.targets:
            if target in place:
                before[place[target]].add(i)
        if block.falls_through and i + 1 < len(blocks):
            before[i + 1].add(i)
    found = {}
    for header in range(len(blocks)):
        # Structured control flow: who branches back to a block, or to itself, is in its loop.
        members, waiting = {header}, [i for i in before[header] if i >= header]
        if not waiting:
            continue
        while waiting:
            i = waiting.pop()
            if i not in members:
                members.add(i)
                waiting += [j for j in before[i] if j > header]
        found[header] = members
    return found


def hot_loop(representation, text):
    """Counts by kind of the loop with the most multiply-adds, without the loops inside it; of the whole program where
    there is no loop. None where the representation, a name that the driver gives, is not known."""
    if representation not in PARSERS:
        return None
    blocks = PARSERS[representation](text.splitlines())
    found = loops(blocks)
    candidates = []
    for header, members in found.items():
        inner = set().union(*(found[other] for other in found if other != header and other in members))
        candidates.append(sum((blocks[i].counts for i in members - inner), collections.Counter()))
    if not candidates:
        candidates = [sum((block.counts for block in blocks), collections.Counter())]
    # A matrix instruction is hundreds of multiply-adds.
    return max(candidates, key=lambda counts: counts["multiply-add"] + 1000 * counts["matrix"])


def share(counts):
    """The part of the instructions that are multiply-adds or matrix instructions; None for a program of few: what
    little arithmetic it has does not set its speed."""
    products = counts["multiply-add"] + counts["matrix"]
    return products / sum(counts.values()) if counts["matrix"] or products >= 16 else None
