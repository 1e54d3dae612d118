#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Eager PyTorch beside the library: times the three examples of upstream's README, checks the layers, exports both.

    python3 bench/reference.py [--case 1d|2d|3d] [--repeats N] [--json FILE]   times on the CPU
    python3 bench/reference.py --verify FILE...                                golden deformable_* files
    python3 bench/reference.py --export DIR                                    models with input and output
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch

from reference.deformable import LAYERS
from reference.files import read_safetensors, with_prefix

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "tools"))
from export import export  # noqa: E402

# module, constructor arguments, shape of x: as in the README of deformable-attention, defaults left out.
CASES = {
    "1d": ("DeformableAttention1D", dict(dim=128, downsample_factor=4, offset_scale=2, offset_kernel_size=6),
           (1, 128, 512)),
    "2d": ("DeformableAttention2D", dict(dim=512, dim_head=64, heads=8, downsample_factor=4, offset_scale=4,
                                         offset_groups=None, offset_kernel_size=6), (1, 512, 64, 64)),
    "3d": ("DeformableAttention3D", dict(dim=512, dim_head=64, heads=8, downsample_factor=(2, 8, 8),
                                         offset_scale=(2, 8, 8), offset_kernel_size=(4, 10, 10)), (1, 512, 10, 32, 32)),
}
SEED = 20220103
TOLERANCE = 5e-5  # of ||out - reference|| / ||reference||; sampling positions amplify rounding


def make_case(case):
    """-> (layer in float32, x), the same for every call."""
    module, config, shape = CASES[case]
    torch.manual_seed(SEED)
    layer = LAYERS[module](**config).eval()
    # As initialised the softmax is flat and offsets are small; a trained layer's are not. In 3D, where the sampled grid
    # is only 5x4x4, larger offsets would leave the map, and samples that miss it leave nothing but to_out.bias.
    with torch.no_grad():
        layer.to_offsets[2].weight *= 0.3 if case == "3d" else 4
        layer.to_q.weight *= 3
        layer.to_k.weight *= 3
        for parameter in layer.rel_pos_bias.parameters():
            parameter *= 2
    return layer, torch.randn(shape)


def memory(field):
    """A field of this process's memory in MiB, VmHWM being the peak; None where the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(field + ":"))
    except (OSError, StopIteration):
        return None


def measure(case, repeats):
    """Times the layer in this process, whose peak memory is the case's only if no other ran before.

    The CPU time, summed over threads, shows whether the wall time was the layer's or the machine's other programs'.
    """
    layer, x = make_case(case)
    before = memory("VmRSS")
    times, cpu_times = [], []
    with torch.inference_mode():
        for _ in range(repeats + 1):  # the first warms up
            start, cpu_start = time.perf_counter(), time.process_time()
            layer(x)
            times.append((time.perf_counter() - start) * 1e3)
            cpu_times.append((time.process_time() - cpu_start) * 1e3)
    times, cpu_times = times[1:], cpu_times[1:]
    result = {"case": case, "module": CASES[case][0], "config": CASES[case][1], "shape": list(x.shape),
              "repeats": repeats, "median_ms": statistics.median(times), "min_ms": min(times),
              "min_cpu_ms": min(cpu_times),
              "peak_rss_mib": memory("VmHWM"), "rss_before_mib": before, "threads": torch.get_num_threads(),
              "torch": torch.__version__, "cpu_capability": torch.backends.cpu.get_cpu_capability()}
    amount = lambda value: "unknown" if value is None else f"{value:.0f} MiB"
    print(f"{case}  {'x'.join(map(str, x.shape))}  median {result['median_ms']:.1f} ms  min {result['min_ms']:.1f} ms  "
          f"cpu {result['min_cpu_ms']:.1f} ms  peak {amount(result['peak_rss_mib'])} (before: {amount(before)})", flush=True)
    return result


def measure_apart(case, repeats):
    """As measure, in a process of its own, so that cases do not see each other's peak."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "result.json")
        subprocess.run([sys.executable, os.path.abspath(__file__), "--case", case, "--repeats", str(repeats),
                        "--json", output], check=True)
        with open(output, encoding="utf-8") as file:
            return json.load(file)[0]


def share_inside(features, groups):
    """How much of the sampled positions sees any of the map. At 0 keys and values vanish: y is to_out.bias alone."""
    per_group = features.reshape(features.shape[0] * groups, features.shape[1] // groups, -1)
    return (per_group != 0).any(1).float().mean().item()


def verify(paths, dtype):
    """Prints the error of every output of every file, and what share of the samples lies inside the map: where none
    does, agreement of y says nothing about attention. False if an error is too large or not a number.
    """
    passed = True
    for path in paths:
        tensors, metadata = read_safetensors(path)
        layer = LAYERS[metadata["module"]](**json.loads(metadata["config"])).to(dtype).eval()
        layer.load_state_dict(with_prefix(tensors, "w."))
        layer.query_block = 1024
        inside = []
        layer.to_k.register_forward_pre_hook(
            lambda module, inputs: inside.append(share_inside(inputs[0], layer.offset_groups)))
        with torch.inference_mode():
            outputs = dict(zip(("y", "vgrid"), layer(tensors["in.x"].to(dtype), return_vgrid=True)))
        for name, wanted in with_prefix(tensors, "out.").items():
            if outputs[name].shape != wanted.shape:
                error = math.inf
            else:
                error = ((outputs[name].double() - wanted.double()).norm() / wanted.double().norm()).item()
            good = error <= TOLERANCE  # false for NaN
            passed &= good
            print(f"{'ok  ' if good else 'FAIL'} {os.path.basename(path)} {name} {error:.1e}")
        print(f"     {inside[0]:.0%} of samples inside the map{'' if inside[0] else ': y is to_out.bias alone'}")
    return passed


def export_cases(cases, folder):
    """Writes readme_<case>.safetensors: weights "w.", input "in.", outputs of float64 arithmetic "out."."""
    os.makedirs(folder, exist_ok=True)
    for case in cases:
        layer, x = make_case(case)
        weights = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
        layer.double().query_block = 256
        with torch.inference_mode():
            y, vgrid = layer(x.double(), return_vgrid=True)
        layer.float().load_state_dict(weights)
        path = os.path.join(folder, f"readme_{case}.safetensors")
        config = export(layer, path, prefix="w.", tensors={"in.x": x, "out.y": y.float(), "out.vgrid": vgrid.float()},
                        metadata={"reference": "bench/reference.py, float64 rounded once", "seed": str(SEED)})
        print(path, json.dumps(config))


def main():
    parser = argparse.ArgumentParser(description="Deformable attention in eager PyTorch: times, checks, exports.")
    parser.add_argument("--case", action="append", choices=list(CASES), help="an example; repeatable; all if absent")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs after one to warm up (default 5)")
    parser.add_argument("--json", metavar="FILE", help="also write the times there")
    parser.add_argument("--verify", nargs="+", metavar="FILE", help="compare with the outputs of these files instead")
    parser.add_argument("--float64", action="store_true", help="verify in float64 arithmetic")
    parser.add_argument("--export", metavar="DIR", help="write the examples there instead")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats must be at least 1")
    cases = arguments.case or list(CASES)
    if arguments.verify:
        sys.exit(0 if verify(arguments.verify, torch.float64 if arguments.float64 else torch.float32) else 1)
    if arguments.export:
        export_cases(cases, arguments.export)
        return
    run = measure if len(cases) == 1 else measure_apart
    results = [run(case, arguments.repeats) for case in cases]
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
