# SPDX-License-Identifier: Apache-2.0
"""The golden cases and networks on each GPU under the validation layer: planned, recorded and submitted. Drivers that
run nothing give wrong results, so only a real device's are compared."""

import re

import collect
import drivers

PRECISIONS = ("f32", "f16")


def files():
    return [file for folder in ("golden", "networks")
            for file in sorted((collect.ROOT / "tests/data" / folder).glob("*.safetensors"))]


def verify(gpu, precision, program):
    """(whether all went well, what to say)"""
    cases = files()
    result = drivers.run(gpu, [program, "verify", "--validation", "--precision", precision, *cases],
                         VK_INSTANCE_LAYERS=drivers.LAYER, SACCADE_GPU_REPORT="/dev/null")
    # 1 says that results are wrong and nothing else: validation messages and failures come first.
    good = result.returncode in ((0,) if gpu.is_real else (0, 1))
    last = re.search(r"^(\d+) files, (\d+) results, .*$", result.stdout, re.MULTILINE)
    good = good and bool(last) and int(last[1]) == len(cases) and int(last[2]) >= len(cases)
    if good:
        compared = "compared" if gpu.is_real else "not compared"
        return True, f"{gpu.name} {precision}: {last[1]} files recorded and submitted, {last[2]} results {compared}, " \
            "0 validation messages"
    bad = [line for line in result.stdout.splitlines() if not re.search(r" (ok|WRONG)$|ok: rounds to it$", line)]
    return False, f"{gpu.name} {precision}: FAILED, saccade exited with {result.returncode}\n" + "\n".join(bad[-40:])


def run(gpus, program, pool):
    jobs = [pool.submit(verify, gpu, precision, program) for gpu in gpus for precision in PRECISIONS]
    good = True
    for job in jobs:
        ok, text = job.result()
        print(text, flush=True)
        good &= ok
    return 0 if good else 1
