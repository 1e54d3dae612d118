#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole networks: the library's one plan beside eager PyTorch on the same cores, and beside a plan for each node.

    python3 bench/networks.py [--case unet|detr] [--size N] [--repeats N] [--by-node] [--ncnn PROGRAM]
        [--json FILE]

unet: Open Image Denoise's U-Net with its widths, three inputs of N x N (512). detr: Deformable-DETR's encoder, 6 layers
of width 256 over levels of N/8 to N/64. Times are medians; the library's are those of `saccade run --times`, by the
device's clock. PROGRAM is bench/ncnn/unet.cpp, built. By node every node is a model of its own, as an engine would
chain them by hand.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import torch

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "networks")]

from checkpoints import write_safetensors  # noqa: E402
from deformable_detr import DeformableTransformerEncoder  # noqa: E402
from evaluate import evaluate_node, read, settle  # noqa: E402
from export import export  # noqa: E402
from unet import UNet  # noqa: E402

SACCADE = os.environ.get("SACCADE", os.path.join(ROOT, "build", "bin", "saccade"))


def unet(size):
    net = UNet(9, 3, widths=(32, 48, 64, 80, 96), decoder=(112, 96, 64, 32))
    return net, tuple(torch.rand(1, 3, size, size) for _ in range(3))


def detr(size):
    net = DeformableTransformerEncoder(d_model=256, d_ffn=1024, num_layers=6, n_levels=4, n_heads=8, n_points=4)
    return net, ([torch.rand(1, 256, size // s, size // s) for s in (8, 16, 32, 64)],)


def eager(net, example, repeats):
    with torch.inference_mode():
        net(*example)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            net(*example)
            times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def said(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def size_of(text):
    """Bytes of a size as the command line writes it, to three digits."""
    number, unit = text.split()
    return int(float(number) * {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit])


def library(path, repeats):
    """What a plan costs: milliseconds, dispatches, barriers, bytes of the workspace."""
    text = said([SACCADE, "run", path, "--times", "--repeats", str(repeats)])
    total = next(line for line in text.splitlines() if line.startswith("together")).split()
    info = said([SACCADE, "info", path])
    number = lambda pattern: int(re.search(pattern, info).group(1))
    return {"ms": float(total[2]), "dispatches": int(total[1]), "barriers": number(r"(\d+) barriers"),
            "workspace": size_of(re.search(r"workspace ([\d.]+ \w+)", info).group(1))}


def by_node(path, repeats, folder):
    """The sums over models of one node each, and the bytes of the values between them."""
    metadata, tensors = read(path)
    config = json.loads(metadata["config"])
    values = {entry["name"]: tensors["in." + entry["name"]].float() for entry in config["inputs"]}
    sizes = {name: values[entry["name"]].shape[i] for entry in config["inputs"]
             for i, name in enumerate(entry["shape"]) if isinstance(name, str)}
    sums = {"ms": 0.0, "dispatches": 0, "barriers": 0, "workspace": 0, "between": 0}
    for node in config["nodes"]:
        prefix = node.get("weights", node["name"]) + "."
        inner = tuple(other["name"] + "." for other in config["nodes"] if other["name"].startswith(prefix))
        weights = {name[len(prefix):]: tensor for name, tensor in tensors.items()
                   if name.startswith(prefix) and not name.startswith(inner)}
        settled = settle(node.get("config", {}), sizes, values)
        inputs = [values[item] if isinstance(item, str) else settle(item, sizes, values) for item in node["inputs"]]
        wide = [value.double() if torch.is_tensor(value) else value for value in inputs]
        result = evaluate_node(node["op"], wide, settled, {name: tensor.double() for name, tensor in weights.items()})
        names = node.get("outputs", [node["name"]])
        for name, value in zip(names, result if isinstance(result, tuple) else (result,)):
            values[name] = value.float()
            sums["between"] += value.numel() * 4
        read_names = [item for item in dict.fromkeys(i for i in node["inputs"] if isinstance(i, str))]
        if not read_names:
            continue
        alone = {"inputs": [{"name": name, "shape": list(values[name].shape)} for name in read_names],
                 "nodes": [dict(node, config=settled)],
                 "outputs": [{"name": f"result{i}", "value": name} for i, name in enumerate(names)]}
        file = os.path.join(folder, "node.safetensors")
        held = {"in." + name: values[name] for name in read_names}
        held.update({prefix + name: tensor.float() for name, tensor in weights.items()})
        write_safetensors(file, held, {"module": "Network", "config": json.dumps(alone)})
        for key, value in library(file, repeats).items():
            sums[key] = max(sums[key], value) if key == "workspace" else sums[key] + value
        sums["barriers"] += 1  # before what reads it
    return sums


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=("unet", "detr"))
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--by-node", action="store_true")
    parser.add_argument("--ncnn", help="the program of bench/ncnn")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    report = {"torch": torch.__version__, "threads": torch.get_num_threads(), "size": arguments.size}
    for name, make in (("unet", unet), ("detr", detr)):
        if arguments.case not in (None, name):
            continue
        torch.manual_seed(2022)
        net, example = make(arguments.size)
        net = net.eval()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, name + ".safetensors")
            export(net, path, example, free=False, check=False)
            report[name] = {"plan": library(path, arguments.repeats)}
            report[name]["eager_ms"] = eager(net, example, arguments.repeats)
            if arguments.ncnn and name == "unet":
                size, repeats = str(arguments.size), str(arguments.repeats)
                report[name]["ncnn_ms"] = float(said([arguments.ncnn, size, repeats]).split()[-1])
            if arguments.by_node:
                report[name]["by_node"] = by_node(path, 2, folder)
        print(name, json.dumps(report[name]), flush=True)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
