#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the compilers of GPUs make of the library's kernels (./run gpu). README.md beside it says how to read it."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import sys

import collect
import drivers
import golden
import table

ROOT = collect.ROOT
SKIPPED = 77  # what ctest and automake take for it


def pattern(text):
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="./run gpu", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Prints kernel x GPU: what each GPU's compiler made of the library's kernels. Without hardware:\n"
        "Mesa's drivers are fetched (tools/gpu/setup.sh) and compile as for the GPU.")
    parser.add_argument("--gpu", default=",".join(drivers.GPUS), metavar="NAME,...",
                        help=f"GPUs, default {','.join(drivers.GPUS)}; tools/gpu/README.md names others")
    parser.add_argument("--device", metavar="NAME", help="a device of this machine instead, as saccade --device takes "
                        "it, or default; its own driver is asked")
    parser.add_argument("--case", type=pattern, metavar="REGEX", default="", help="cases whose name has this")
    parser.add_argument("--kernel", type=pattern, metavar="REGEX", default="", help="rows of kernels with this")
    parser.add_argument("--stages", action="store_true", help="a row for each stage of every case")
    parser.add_argument("--loops", action="store_true", help="also print the hot loops' instructions by kind")
    parser.add_argument("--check", action="store_true", help="compare with the baseline: 1 where something is worse")
    parser.add_argument("--update", action="store_true", help="write the baseline")
    parser.add_argument("--baseline", type=pathlib.Path, metavar="FILE",
                        help="default: tools/gpu/baselines/mesa-VERSION.md")
    parser.add_argument("--tolerance", type=int, default=2, metavar="POINTS",
                        help="how much lower the share of multiply-adds may be, default 2 points of 100")
    parser.add_argument("--golden", action="store_true",
                        help="plan, record and submit every golden case and network under the validation layer")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="also write all that the drivers say of every pipeline")
    parser.add_argument("--assembly", type=pathlib.Path, metavar="FOLDER",
                        help="also keep what the drivers print of every kernel: their assembly, and what led to it")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build/bin/saccade", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    part = options.case.pattern or options.kernel.pattern or options.stages or options.gpu != ",".join(drivers.GPUS)
    if options.update and part and not options.baseline:
        parser.error("--update of a part needs --baseline FILE: the project's baseline is of all GPUs and cases")
    if options.device and (options.check or options.update) and not options.baseline:
        parser.error("--check and --update of a real device need --baseline FILE")
    return options


def chosen_gpus(options):
    layer = ROOT / "build/gpu/layer"
    if not list(layer.glob("*.json")):
        raise drivers.Unavailable("the layer is not built (./run build saccade_gpu_layer), which takes Linux and "
                                  "vulkan/vk_layer.h")
    if options.device:
        return [drivers.RealDevice(options.device, layer)]
    root = drivers.fetch(os.environ.get("SACCADE_GPU_DRIVERS", ROOT / "build/gpu/drivers"))
    return [drivers.NoOpGpu(name, root, layer) for name in options.gpu.split(",")]


def check(before, after, gpus, options):
    """Prints what differs from the baseline. False where something is worse."""
    found = table.changes(before, after, gpus, options.tolerance)
    worse = [change for change in found if change.worse]
    for change in found:
        if not change.worse:
            print(f"changed: {change}")
    for change in worse:
        print(f"WORSE: {change}")
    measured = {key[0] for key in after}
    for key in sorted(set(before) - set(after)):
        if key[0] in measured and options.kernel.search(key[1]):
            print(f"gone: {', '.join(filter(None, key))}")
    for key in sorted(set(after) - set(before)):
        print(f"new: {', '.join(filter(None, key))}")
    print(f"gpu: {len(after)} kernels on {', '.join(gpus)}: {len(worse)} numbers worse, "
          f"{len(found) - len(worse)} others changed; {options.baseline}")
    return not worse


def measure(options, gpus, pool):
    wanted = [case for case in collect.cases() if options.case.search(case.name)]
    if not wanted:
        names = ", ".join(case.name for case in collect.cases())
        print(f"gpu: no case has {options.case.pattern!r}: {names}", file=sys.stderr)
        return 2
    for case in wanted:
        case.by_stage |= options.stages
    names = [gpu.name for gpu in gpus]
    rows, failures, reports = collect.collect(gpus, wanted, options.program, pool, options.assembly)
    rows = {key: cells for key, cells in rows.items() if options.kernel.search(key[1])}
    if options.json:
        options.json.write_text(json.dumps([{"gpu": gpu, "case": case, "lines": lines}
                                            for (gpu, case), lines in reports.items()], indent=1), encoding="utf-8")
    for failure in failures:
        print(f"gpu: {failure}", file=sys.stderr)
    ok = not failures
    if options.check:
        if not options.baseline.exists():
            print(f"gpu: there is no {options.baseline}: ./run gpu --update writes it", file=sys.stderr)
            return 1
        before, known = table.read(options.baseline.read_text(encoding="utf-8"))
        for name in set(names) - set(known):
            print(f"gpu: {name} is not in {options.baseline}", file=sys.stderr)
            ok = False
        ok &= check(before, rows, [name for name in names if name in known], options)
    elif rows and not options.update:
        print(table.LEGEND)
        print(table.text_of(rows, names), end="")
        if options.loops:
            print("\nHot loops\n" + table.loops_of(rows, names), end="")
    if options.update and not failures:
        options.baseline.parent.mkdir(parents=True, exist_ok=True)
        options.baseline.write_text(f"{table.LEGEND}\n{table.text_of(rows, names, aligned=False)}", encoding="utf-8")
        print(f"gpu: {len(rows)} kernels on {', '.join(names)} in {options.baseline}")
    return 0 if ok else 1


def main():
    options = parse(sys.argv[1:])
    if not options.baseline:
        options.baseline = drivers.HERE / f"baselines/mesa-{drivers.mesa_version()}.md"
    try:
        gpus = chosen_gpus(options)
    except drivers.Unavailable as error:
        print(f"gpu: skipped: {error}", file=sys.stderr)
        return SKIPPED
    except ValueError as error:
        print(f"gpu: {error}", file=sys.stderr)
        return 2
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", os.cpu_count()))) as pool:
        if options.golden:
            return golden.run(gpus, options.program, pool)
        return measure(options, gpus, pool)


if __name__ == "__main__":
    sys.exit(main())
