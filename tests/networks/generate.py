#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/networks: the networks of this folder as export.py makes them, with results of PyTorch in float64.

    python3 tests/networks/generate.py [NAME...]

Weights and inputs are seeded. The results are the same up to the last bits whatever PyTorch it runs with.
"""

import importlib
import os
import sys

import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(FOLDER, "..", "data", "networks")
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(FOLDER, "..", "..", "tools"), FOLDER]

import evaluate  # noqa: E402
from export import export  # noqa: E402

# name -> file, class, constructor's arguments, options of export
NETWORKS = {
    "unet": ("unet", "UNet", {}, {}),
    "convnext": ("convnext", "ConvNeXt", {}, {}),
    "swin": ("swin", "SwinPair", {}, {}),
    "dat": ("dat", "DATStage", {}, {}),
    "deformable_detr": ("deformable_detr", "DeformableTransformerEncoder", {}, {}),
    "denoiser": ("denoiser", "Denoiser", {}, {}),
    "cvivit": ("cvivit", "CViViTEncoder", {}, {}),
    "espcn": ("espcn", "ESPCN", {}, {}),
    "encoder_layer": ("encoder_layer", "EncoderLayer", {}, {}),
}


def make(name):
    """The module in eval(), its example and the options of export."""
    file, class_name, arguments, options = NETWORKS[name]
    source = importlib.import_module(file)
    torch.manual_seed(sum(map(ord, name)))
    module = getattr(source, class_name)(**arguments).eval()
    more = source.options() if hasattr(source, "options") else {}
    return module, source.example(), {**more, **options}


def main():
    names = sys.argv[1:] or list(NETWORKS)
    os.makedirs(DATA, exist_ok=True)
    wrong = 0
    for name in names:
        module, example, options = make(name)
        path = os.path.join(DATA, f"{name}.safetensors")
        config = export(module, path, example, check=False, metadata={"reference": "PyTorch, float64"}, **options)
        errors = evaluate.compare(path)
        worst = max(error for _, error in errors)
        wrong += not worst <= 1e-6
        print(f"{name}: {len(config['nodes'])} nodes, {os.path.getsize(path)} bytes, {len(errors)} results, evaluated "
              f"within {worst:.1e}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
