# SPDX-License-Identifier: Apache-2.0
"""ONNX files as networks. Without PyTorch or onnx they are skipped."""

import os
import tempfile
import unittest

try:
    import onnx
    import torch
except ImportError as error:
    raise unittest.SkipTest(f"{error.name} is not installed") from None

from onnx import TensorProto, helper
from torch.nn import functional as F

import evaluate
import generate
from checkpoints import ExportError
from saccade_export.onnx_network import export_onnx


def draw(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape))) * 2 - 1


X, TOKENS = draw(1, 4, 6, 8), draw(2, 5, 8)
W, B = draw(6, 4, 3, 3), draw(6)


def nodes_of(*steps):
    """(operator, inputs, output, attributes) -> nodes"""
    return [
        helper.make_node(
            op, inputs, [output] if isinstance(output, str) else output, name=f"/{output}/{op}", **attributes
        )
        for op, inputs, output, attributes in steps
    ]


def one(op, *names, **attributes):
    return nodes_of((op, ["x", *names], "y", attributes))


# name -> nodes from x to y, initializers, input, what PyTorch makes of it
def cases():
    integers = lambda *values: torch.tensor(values, dtype=torch.int64)
    mask = torch.arange(8) > 2
    return {
        "Conv": (
            one("Conv", "w", "b", pads=[1, 1, 1, 1], strides=[2, 1]),
            {"w": W, "b": B},
            X,
            lambda x: F.conv2d(x, W.double(), B.double(), (2, 1), 1),
        ),
        "Conv SAME": (
            one("Conv", "w", auto_pad="SAME_UPPER", strides=[2, 2]),
            {"w": W},
            X,
            lambda x: F.conv2d(F.pad(x, (0, 1, 0, 1)), W.double(), None, 2),
        ),
        "Conv pads": (
            one("Conv", "w", pads=[0, 1, 2, 1]),
            {"w": W},
            X,
            lambda x: F.conv2d(F.pad(x, (1, 1, 0, 2)), W.double()),
        ),
        "ConvTranspose": (
            one("ConvTranspose", "w", strides=[2, 2], output_padding=[1, 1], pads=[1, 1, 1, 1]),
            {"w": draw(4, 3, 3, 3)},
            X,
            lambda x: F.conv_transpose2d(x, draw(4, 3, 3, 3).double(), None, 2, 1, 1),
        ),
        "Gemm": (
            one("Gemm", "w", "b", transB=0, alpha=2.0),
            {"w": draw(8, 3), "b": draw(3)},
            draw(5, 8),
            lambda x: 2 * x @ draw(8, 3).double() + draw(3).double(),
        ),
        "MatMul": (
            nodes_of(("MatMul", ["x", "w"], "p", {}), ("Add", ["b", "p"], "y", {})),
            {"w": draw(8, 3), "b": draw(3)},
            TOKENS,
            lambda x: x @ draw(8, 3).double() + draw(3).double(),
        ),
        "Resize scales": (
            one("Resize", "", "s", mode="linear", coordinate_transformation_mode="half_pixel"),
            {"s": torch.tensor([1.0, 1.0, 2.0, 1.5])},
            X,
            lambda x: F.interpolate(x, scale_factor=(2, 1.5), mode="bilinear"),
        ),
        "Resize sizes": (
            one(
                "Resize", "", "", "s", mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
            ),
            {"s": integers(1, 4, 9, 11)},
            X,
            lambda x: F.interpolate(x, (9, 11)),
        ),
        "MaxPool": (
            one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
            {},
            X,
            lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-9), 3, 2),
        ),
        "AveragePool": (
            one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            {},
            X,
            lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
        ),
        "GlobalAveragePool": (one("GlobalAveragePool"), {}, X, lambda x: x.mean((2, 3), keepdim=True)),
        "BatchNormalization": (
            nodes_of(("Conv", ["x", "w"], "p", {}), ("BatchNormalization", ["p", "s", "b", "m", "v"], "y", {})),
            {"w": W, "s": B, "b": B, "m": B, "v": B.abs() + 1},
            X,
            lambda x: F.batch_norm(F.conv2d(x, W.double()), B.double(), B.double().abs() + 1, B.double(), B.double()),
        ),
        "InstanceNormalization": (
            one("InstanceNormalization", "s", "b"),
            {"s": draw(4), "b": draw(4)},
            X,
            lambda x: F.instance_norm(x, weight=draw(4).double(), bias=draw(4).double()),
        ),
        "LayerNormalization": (
            one("LayerNormalization", "s", "b", axis=-1, epsilon=1e-3),
            {"s": draw(8), "b": draw(8)},
            TOKENS,
            lambda x: F.layer_norm(x, (8,), draw(8).double(), draw(8).double(), 1e-3),
        ),
        "GroupNormalization": (
            one("GroupNormalization", "s", "b", num_groups=2),
            {"s": draw(2), "b": draw(2)},
            X,
            lambda x: F.group_norm(x, 2, draw(2).double().repeat_interleave(2), draw(2).double().repeat_interleave(2)),
        ),
        "Softmax": (one("Softmax", axis=1), {}, X, lambda x: x.softmax(1)),
        "ReduceMean": (one("ReduceMean", axes=[2, 3], keepdims=0), {}, X, lambda x: x.mean((2, 3))),
        "ReduceMean 18": (one("ReduceMean", "a"), {"a": integers(1)}, X, lambda x: x.mean(1, keepdim=True)),
        "ReduceL2": (one("ReduceL2", axes=[1]), {}, X, lambda x: x.norm(dim=1, keepdim=True)),
        "Reshape": (one("Reshape", "s"), {"s": integers(0, 2, 2, -1)}, X, lambda x: x.reshape(1, 2, 2, 48)),
        "Transpose": (one("Transpose", perm=[0, 2, 3, 1]), {}, X, lambda x: x.permute(0, 2, 3, 1)),
        "Slice": (
            one("Slice", "s", "e", "a", "t"),
            {"s": integers(1, -6), "e": integers(1 << 62, -1), "a": integers(2, -1), "t": integers(2, 1)},
            X,
            lambda x: x[:, :, 1::2, -6:-1],
        ),
        "Slice backwards": (
            one("Slice", "s", "e", "a", "t"),
            {"s": integers(-1), "e": integers(-(1 << 62)), "a": integers(1), "t": integers(-1)},
            X,
            lambda x: x.flip(1),
        ),
        "Split": (
            nodes_of(("Split", ["x", "s"], ["a", "b"], {"axis": 1}), ("Concat", ["b", "a"], "y", {"axis": 1})),
            {"s": integers(1, 3)},
            X,
            lambda x: torch.cat((x[:, 1:], x[:, :1]), 1),
        ),
        "Gather": (one("Gather", "i", axis=1), {"i": integers(3, 1)}, X, lambda x: x[:, [3, 1]]),
        "Gather one": (one("Gather", "i", axis=2), {"i": torch.tensor(-1)}, X, lambda x: x[:, :, -1]),
        "Squeeze": (
            nodes_of(("Squeeze", ["x", "a"], "p", {}), ("Unsqueeze", ["p", "b"], "q", {}), ("Sin", ["q"], "y", {})),
            {"a": integers(0), "b": integers(1, 4)},
            X,
            lambda x: x[0, :, None, :, :, None].sin(),
        ),
        "Expand": (one("Expand", "s"), {"s": integers(3, 1, 1, 1)}, X, lambda x: x.expand(3, -1, -1, -1)),
        "Tile": (one("Tile", "s"), {"s": integers(1, 2, 1, 3)}, X, lambda x: x.repeat(1, 2, 1, 3)),
        "Pad": (
            one("Pad", "p", mode="reflect"),
            {"p": integers(0, 0, 1, 2, 0, 0, 3, 0)},
            X,
            lambda x: F.pad(x, (2, 0, 1, 3), mode="reflect"),
        ),
        "Pad constant": (
            one("Pad", "p", "v"),
            {"p": integers(0, 1, 0, 0, 0, 0, 0, 2), "v": torch.tensor(0.5)},
            X,
            lambda x: F.pad(x, (0, 2, 0, 0, 1, 0), value=0.5),
        ),
        "DepthToSpace": (
            one("DepthToSpace", blocksize=2),
            {},
            draw(1, 8, 3, 5),
            lambda x: x.view(1, 2, 2, 2, 3, 5).permute(0, 3, 4, 1, 5, 2).reshape(1, 2, 6, 10),
        ),
        "DepthToSpace CRD": (
            one("DepthToSpace", blocksize=2, mode="CRD"),
            {},
            draw(1, 8, 3, 5),
            lambda x: F.pixel_shuffle(x, 2),
        ),
        "SpaceToDepth": (
            one("SpaceToDepth", blocksize=2),
            {},
            X,
            lambda x: x.view(1, 4, 3, 2, 4, 2).permute(0, 3, 5, 1, 2, 4).reshape(1, 16, 3, 4),
        ),
        "GridSample": (
            one("GridSample", "g", align_corners=1),
            {"g": draw(1, 5, 7, 2)},
            X,
            lambda x: F.grid_sample(x, draw(1, 5, 7, 2).double(), align_corners=True),
        ),
        "Gelu of Erf": (
            nodes_of(
                ("Div", ["x", "r"], "a", {}),
                ("Erf", ["a"], "b", {}),
                ("Add", ["b", "o"], "c", {}),
                ("Mul", ["x", "c"], "d", {}),
                ("Mul", ["d", "h"], "y", {}),
            ),
            {"r": torch.tensor(1.4142135381698608), "o": torch.tensor(1.0), "h": torch.tensor(0.5)},
            X,
            F.gelu,
        ),
        "Clip": (
            one("Clip", "a", "b"),
            {"a": torch.tensor(-0.5), "b": torch.tensor(0.25)},
            X,
            lambda x: x.clamp(-0.5, 0.25),
        ),
        "Where": (
            nodes_of(("Where", ["m", "x", "z"], "y", {})),
            {"m": mask, "z": torch.tensor(0.0)},
            X,
            lambda x: torch.where(mask, x, torch.zeros(()).double()),
        ),
        "HardSigmoid": (one("HardSigmoid"), {}, X, lambda x: (0.2 * x + 0.5).clamp(0, 1)),
        "PRelu": (
            one("PRelu", "s"),
            {"s": draw(4, 1, 1)},
            X,
            lambda x: F.prelu(x, draw(4).double() * 0 + draw(4, 1, 1).double().view(4)),
        ),
        "Einsum": (
            one("Einsum", "w", equation="bchw,oc->bohw"),
            {"w": draw(3, 4)},
            X,
            lambda x: torch.einsum("bchw,oc->bohw", x, draw(3, 4).double()),
        ),
        "Max": (
            one("Max", "m", "n"),
            {"m": torch.tensor(-0.2), "n": draw(8)},
            X,
            lambda x: torch.maximum(x.clamp(min=float(torch.tensor(-0.2))), draw(8).double()),
        ),
        "Shape arithmetic": (
            nodes_of(
                ("Shape", ["x"], "s", {}),
                ("Gather", ["s", "i"], "h", {}),
                ("Gather", ["s", "j"], "v", {}),
                ("Mul", ["h", "v"], "n", {}),
                ("Unsqueeze", ["n", "z"], "u", {}),
                ("Concat", ["o", "c", "u"], "t", {"axis": 0}),
                ("Reshape", ["x", "t"], "y", {}),
            ),
            {"i": torch.tensor(2), "j": torch.tensor(3), "z": integers(0), "o": integers(1), "c": integers(4)},
            X,
            lambda x: x.reshape(1, 4, 48),
        ),
    }


class OnnxTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.source = os.path.join(self.folder.name, "network.onnx")
        self.path = os.path.join(self.folder.name, "network.safetensors")

    def tearDown(self):
        self.folder.cleanup()

    def write(self, nodes, initializers, shape, opset=17):
        tensors = [onnx.numpy_helper.from_array(tensor.numpy(), name) for name, tensor in initializers.items()]
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            tensors,
        )
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), self.source)

    def refused(self, **options):
        with self.assertRaises(ExportError) as raised:
            export_onnx(self.source, self.path, check=False, **options)
        return str(raised.exception)

    def test_operators(self):
        for name, (nodes, initializers, x, wanted) in cases().items():
            with self.subTest(name):
                self.write(nodes, initializers, list(x.shape), 18 if name.endswith("18") else 17)
                export_onnx(self.source, self.path, example={"x": x}, check=False)
                expected = wanted(x.double())
                found = evaluate.Network(self.path).run({"x": x})["y"]
                self.assertEqual(found.shape, expected.shape)
                self.assertLessEqual(float((found - expected).norm() / expected.norm()), 1e-7)

    def test_free_sizes(self):
        nodes, initializers, x, _ = cases()["Shape arithmetic"]
        self.write(nodes, initializers, ["batch", 4, "height", "width"])
        config = export_onnx(self.source, self.path, check=False)
        self.assertEqual(config["inputs"], [{"name": "x", "shape": [1, 4, "height", "width"]}])
        self.assertEqual(
            config["nodes"],
            [{"op": "reshape", "name": "y", "inputs": ["x"], "config": {"shape": [1, 4, "height * width"]}}],
        )

    def test_a_state(self):
        nodes = nodes_of(("Add", ["x", "last"], "y", {}), ("AveragePool", ["y"], "next", {"kernel_shape": [1, 1]}))
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4, "h", "w"]) for name in ("x", "last")]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "next")]
        graph = helper.make_graph(nodes, "network", infos, results)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), self.source)
        config = export_onnx(self.source, self.path, states={"last": "next"}, check=False)
        self.assertEqual(config["states"][0]["shape"], [1, 4, "h", "w"])
        self.assertEqual([entry["name"] for entry in config["outputs"]], ["y"])
        network, x = evaluate.Network(self.path), draw(1, 4, 5, 6).double()
        for factor in (1, 2, 3):
            self.assertLessEqual(float((network.run({"x": x})["y"] - factor * x).norm()), 1e-12)

    def test_stored_files(self):
        for name in generate.ONNX:
            with self.subTest(name):
                module, example, _ = generate.make(name)
                inputs = example if isinstance(example, tuple) else (example,)
                names = [
                    entry["name"]
                    for entry in evaluate.Network(os.path.join(generate.DATA, f"{name}_onnx.safetensors")).config[
                        "inputs"
                    ]
                ]
                config = export_onnx(
                    os.path.join(generate.DATA, f"{name}.onnx"),
                    self.path,
                    example=dict(zip(names, inputs)),
                    check=False,
                )
                found = evaluate.Network(self.path).run(dict(zip(names, inputs)))["y"]
                with torch.no_grad():
                    wanted = module.double()(*(tensor.double() for tensor in inputs))
                self.assertLessEqual(float((found - wanted).norm() / wanted.norm()), 1e-7)
                direct = evaluate.Network(os.path.join(generate.DATA, f"{name}.safetensors")).config
                # nothing is left of how ONNX takes things apart
                self.assertEqual(len(config["nodes"]), len(direct["nodes"]))

    def test_messages(self):
        self.write(one("Relu"), {}, [1, 4, 8, 8], opset=9)
        self.assertIn("opset 9; 13 to 20 are taken", self.refused())
        self.write(nodes_of(("NonZero", ["x"], "a", {}), ("Det", ["x"], "y", {})), {}, [1, 4, 8, 8])
        self.assertIn("Det, NonZero: no operator of the library", self.refused())
        self.write(one("Resize", "", "s", mode="cubic"), {"s": torch.tensor([1.0, 1.0, 2.0, 2.0])}, [1, 4, 8, 8])
        self.assertIn("y: mode 'cubic' of a tensor of 4 dimensions is no operator", self.refused())
        self.write(one("Sign"), {}, [1, 4, 8, 8])
        self.assertIn("y: sign is no operator of the library", self.refused())
        self.write(one("Relu"), {}, [1, 4, 8, 8])
        self.assertIn("the file has no input of that name", self.refused(example={"z": (1, 4)}))
