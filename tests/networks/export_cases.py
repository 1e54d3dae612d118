# SPDX-License-Identifier: Apache-2.0
"""What the exporter makes of modules of PyTorch. Without PyTorch they are skipped."""

import copy
import os
import tempfile
import unittest
import warnings

try:
    import torch
except ImportError:
    raise unittest.SkipTest("PyTorch is not installed") from None

from torch import nn
from torch.nn import functional as F

import evaluate
import generate
import operators
from checkpoints import ExportError
from export import export
from operators import Lambda

EXACT = 1e-12


def rank4(size=8):
    return torch.rand(1, 4, size, size + 4)


class NetworkTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "network.safetensors")

    def tearDown(self):
        self.folder.cleanup()

    def export(self, module, example, **options):
        return export(module, self.path, example, check=False, **options)

    def operators_of(self, module, example, **options):
        return [node["op"] for node in self.export(module, example, **options)["nodes"]]

    def refused(self, function, *inputs, **options):
        module = function if isinstance(function, nn.Module) else Lambda(lambda self, *given: function(*given))
        with self.assertRaises(ExportError) as raised:
            self.export(module, inputs or (rank4(),), **options)
        return str(raised.exception)

    def evaluated(self):
        return max(error for _, error in evaluate.compare(self.path))

    def run_at(self, module, *inputs):
        """The relative error of the file at other inputs than the example."""
        names = [entry["name"] for entry in evaluate.Network(self.path).config["inputs"]]
        found = evaluate.Network(self.path).run(dict(zip(names, inputs)))["y"]
        with torch.no_grad():
            wanted = copy.deepcopy(module).double().eval()(*(tensor.double() for tensor in inputs))
        return float((found - wanted).norm() / wanted.norm())


class OperatorsTest(NetworkTest):
    def test_everything_equals_pytorch(self):
        with torch.no_grad():
            cases = operators.everything()
        self.assertGreater(len(cases), 200)
        for name, (module, example) in cases.items():
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.export(module, example)
                self.assertLessEqual(self.evaluated(), EXACT)

    def test_what_is_recognised(self):
        with torch.no_grad():
            cases = operators.everything()
        wanted = {
            "gelu_by_hand": ["gelu"],
            "gelu_by_hand_2": ["gelu"],
            "swish_by_hand": ["silu"],
            "casts": [],
            "doubled": [],
            "batch_norm": ["conv2d"],
            "batch_norm_transposed": ["conv_transpose2d"],
            "conv2d_reflect": ["conv2d"],
            "conv2d_replicate": ["conv2d"],
            "conv2d_zero_pad": ["conv2d"],
            "linear_matrix": ["linear"],
            "dropout": ["tanh"],
            "instance_norm": ["group_norm"],
            "adaptive": ["mean"],
            "prelu_one": ["leaky_relu"],
            "shared": ["linear", "tanh", "linear"],
            "weight_norm": ["conv2d"],
            "index_even": ["slice", "sin"],
            "interpolate_like": ["conv2d", "interpolate"],
            "channel_attention": ["reshape", "normalize", "permute", "matmul", "softmax", "matmul"],
        }
        for name, expected in wanted.items():
            with self.subTest(name):
                self.assertEqual(self.operators_of(*cases[name]), expected)
        for name in cases:
            if name.startswith("attention_") or name.startswith("multihead"):
                with self.subTest(name):
                    found = self.operators_of(*cases[name])
                    self.assertEqual(found.count("scaled_dot_product_attention"), 1)
                    self.assertFalse({"softmax", "matmul"} & set(found))

    def test_norms_by_hand(self):
        def channels_first(x):
            u = x.mean(1, keepdim=True)
            s = (x - u).pow(2).mean(1, keepdim=True)
            return (x - u) / torch.sqrt(s + 1e-6)

        def by_variance(x):
            return (x - x.mean(-1, keepdim=True)) * torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)

        def unit(x):
            return x / x.norm(dim=1, keepdim=True).clamp(min=1e-6)

        def root_mean_square(x):
            return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

        for function, expected in (
            (channels_first, ["permute", "layer_norm", "permute"]),
            (by_variance, ["layer_norm"]),
            (root_mean_square, ["rms_norm"]),
            (unit, ["normalize"]),
        ):
            module = Lambda(lambda self, x, function=function: function(x))
            self.assertEqual(self.operators_of(module, rank4(), free=False), expected)
            self.assertLessEqual(self.evaluated(), EXACT)

    def test_filters_by_hand(self):
        def filtered(x, kernels):
            b, c, h, w = x.shape
            parts = F.unfold(F.pad(x, [1] * 4, mode="replicate"), 3).view(b, c, 9, h, w)
            return (parts * F.softmax(kernels, 1).unsqueeze(1)).sum(2)

        config = self.export(Lambda(lambda self, x, kernels: filtered(x, kernels)), (rank4(), torch.rand(1, 9, 8, 12)))
        self.assertEqual(
            [(node["op"], node["config"]) for node in config["nodes"]],
            [("apply_kernels", {"size": 3, "normalize": "softmax"})],
        )
        self.assertLessEqual(self.evaluated(), EXACT)

    def test_a_function_with_its_own_gradient(self):
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, factor):
                ctx.save_for_backward(x)
                return x.sin() * factor

        self.assertEqual(self.operators_of(Lambda(lambda self, x: Double.apply(x, 2)), rank4()), ["sin", "mul"])

    def test_newer_functions(self):
        if hasattr(F, "scaled_dot_product_attention"):
            q = torch.rand(1, 2, 5, 8)
            mask = torch.ones(5, 5, dtype=torch.bool).tril()
            module = Lambda(
                lambda self, q: F.scaled_dot_product_attention(q, q.sin(), q.cos(), attn_mask=mask, scale=0.3)
                + F.scaled_dot_product_attention(q, q, q, is_causal=True)
            )
            self.assertEqual(self.operators_of(module, q).count("scaled_dot_product_attention"), 2)
            self.assertLessEqual(self.evaluated(), EXACT)
        if hasattr(nn, "RMSNorm"):
            self.assertEqual(self.operators_of(nn.RMSNorm(12, eps=1e-6), rank4(), free=False), ["rms_norm"])
            self.assertLessEqual(self.evaluated(), EXACT)


class FileTest(NetworkTest):
    def test_names_weights_and_sharing(self):
        net = nn.ModuleDict({"enc": nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()), "out": nn.Conv2d(4, 4, 1)})
        module = Lambda(
            lambda self, x: self.net["out"](self.net["enc"](self.net["enc"](x))) * self.scale,
            net=net,
            scale=nn.Parameter(torch.rand(4, 1, 1)),
        )
        config = self.export(module, rank4())
        names = {node["name"]: node for node in config["nodes"]}
        self.assertEqual(
            list(names), ["net.enc.0", "net.enc.1", "net.enc.0_1", "net.enc.1_1", "net.out", "scale", "mul"]
        )
        self.assertEqual(names["net.enc.0_1"]["weights"], "net.enc.0")
        tensors = evaluate.read(self.path)[1]
        self.assertEqual(
            sorted(tensors),
            [
                "in.inputs_0",
                "net.enc.0.bias",
                "net.enc.0.weight",
                "net.out.bias",
                "net.out.weight",
                "out.y",
                "scale.value",
            ],
        )
        self.assertTrue(torch.equal(tensors["net.out.weight"], net["out"].weight.detach()))
        self.assertEqual(tensors["out.y"].dtype, torch.float64)
        self.assertLessEqual(self.evaluated(), EXACT)

    def test_no_node_is_named_as_an_example_is(self):
        module = nn.Sequential()
        module.add_module("in", nn.Linear(12, 4))
        module.add_module("out", nn.Linear(4, 4))
        names = [node["name"] for node in self.export(module, rank4())["nodes"]]
        self.assertEqual(names, ["in_", "out_"])
        self.assertEqual(
            [node["name"] for node in self.export(nn.Sequential(nn.Linear(12, 4)), rank4())["nodes"]], ["0_"]
        )

    def test_options(self):
        module = Lambda(lambda self, x, y: {"sum": x + y, "both": (x * 2, y * 3)})
        config = self.export(module, (rank4(), rank4()), with_example=False)
        self.assertEqual([entry["name"] for entry in config["outputs"]], ["sum", "both_0", "both_1"])
        self.assertEqual(list(evaluate.read(self.path)[1]), [])
        config = self.export(module, (rank4(), rank4()), outputs={"sum": "sum"}, dtype=torch.float16)
        self.assertEqual(config["outputs"], [{"name": "sum", "value": "add"}])
        self.assertEqual(len(config["nodes"]), 1)
        linear = nn.Linear(6, 3)
        config = self.export(linear, torch.rand(1, 8, 9, 6), channels={"input": "last", "y": "last"})
        self.assertEqual(config["inputs"], [{"name": "input", "shape": [1, "h", "w", 6], "channels": "last"}])
        self.assertEqual(config["outputs"], [{"name": "y", "value": "linear", "channels": "last"}])
        config = self.export(linear, torch.rand(1, 8, 6), free={"input": {1: "tokens"}})
        self.assertEqual(config["inputs"][0]["shape"], [1, "tokens", 6])

    def test_a_module_of_the_library_that_its_class_does_not_tell(self):
        class Norm(nn.Module):
            def forward(self, x):
                return x / x.norm(dim=-1, keepdim=True)

        config = self.export(nn.Sequential(Norm(), nn.Linear(12, 4)), rank4(), modules={Norm: ("l2norm", {})})
        self.assertEqual([(node["op"], node["name"]) for node in config["nodes"]], [("l2norm", "0_"), ("linear", "1_")])


    def test_positions_and_chosen_modules_keep_float32(self):
        class Sampler(nn.Module):
            def __init__(self):
                super().__init__()
                self.offsets, self.norm = nn.Conv2d(4, 2, 1), nn.LayerNorm(12)

            def forward(self, x):
                grid = torch.tanh(self.offsets(x)).permute(0, 2, 3, 1) * 2
                return F.grid_sample(self.norm(x), grid, align_corners=False) + 1

        kept = {node["name"] for node in self.export(Sampler(), rank4())["nodes"] if node.get("precision") == "float32"}
        self.assertEqual(kept, {"tanh", "permute", "mul"})
        nodes = self.export(Sampler(), rank4(), float32=[nn.LayerNorm])["nodes"]
        kept = {node["name"] for node in nodes if "precision" in node}
        self.assertEqual(kept, {"tanh", "permute", "mul", "norm"})
        self.assertLessEqual(self.evaluated(), EXACT)


class SizesTest(NetworkTest):
    def test_networks_hold_at_other_sizes(self):
        for name, sizes in (("unet", (48, 16)), ("convnext", (40, 72)), ("espcn", (9, 11)), ("dat", (12, 8))):
            with self.subTest(name):
                module, example, options = generate.make(name)
                self.export(module, example, **options)
                inputs = example if isinstance(example, tuple) else (example,)
                other = [torch.rand(*tensor.shape[:2], *sizes) for tensor in inputs]
                self.assertLessEqual(self.run_at(module, *other), EXACT)

    def test_requirements_refuse(self):
        module, example, options = generate.make("unet")
        config = self.export(module, example, **options)
        self.assertEqual(
            config["requires"], [{"expression": "h % 16", "equals": 0}, {"expression": "w % 16", "equals": 0}]
        )
        network = evaluate.Network(self.path)
        with self.assertRaises((ValueError, RuntimeError)):
            network.run(dict.fromkeys(("color", "albedo", "normal"), torch.rand(1, 3, 24, 32)))

    def test_windows_of_padded_maps(self):
        module = Lambda(lambda self, x: operators.padded_windows(x))
        config = self.export(module, torch.rand(1, 3, 10, 13))
        self.assertEqual(config["inputs"][0]["shape"], [1, 3, "h", "w"])
        for size in ((11, 9), (9, 18)):
            self.assertLessEqual(self.run_at(module, torch.rand(1, 3, *size)), EXACT)

    def test_constants_fix_the_sizes_that_they_are_made_of(self):
        module = Lambda(lambda self, x: x + torch.arange(x.shape[-1]))
        self.assertEqual(self.export(module, rank4())["inputs"][0]["shape"], [1, 4, "h", 12])

    def test_what_python_hides_is_found(self):
        module = Lambda(lambda self, x: sum(x * i for i in range(x.shape[2])))
        with self.assertWarnsRegex(UserWarning, "sizes are fixed .*: at .* forward does something else"):
            config = self.export(module, rank4())
        self.assertEqual(config["inputs"][0]["shape"], [1, 4, 8, 12])

    def test_a_branch_on_a_size(self):
        module = Lambda(lambda self, x: F.pad(x, (0, 1)) if x.shape[-1] % 2 else x * 2)
        config = self.export(module, rank4())
        self.assertEqual(config["requires"], [{"expression": "w % 2", "equals": 0}])
        self.assertEqual(len(config["nodes"]), 1)


class StatesTest(NetworkTest):
    def test_a_network_keeps_what_it_returns(self):
        class Smooth(nn.Module):
            def forward(self, x, last):
                return x + F.interpolate(last, scale_factor=2), F.avg_pool2d(x, 2) + 0.5 * last

        module = Smooth()
        inputs = [torch.rand(1, 2, 8, 12) for _ in range(3)]
        zeros = torch.zeros(1, 2, 4, 6)
        config = self.export(module, (inputs[0], zeros), states={"last": 1}, runs=[(x, zeros) for x in inputs[1:]])
        self.assertEqual(config["states"], [{"name": "last", "shape": [1, 2, "h // 2", "w // 2"], "next": "add_1"}])
        self.assertEqual([entry["name"] for entry in config["inputs"]], ["x"])
        tensors = evaluate.read(self.path)[1]
        self.assertLessEqual({"in.x", "out.y", "1.in.x", "1.out.y", "2.in.x", "2.out.y"}, set(tensors))
        last = zeros.double()
        for place, x in enumerate(inputs):
            y, last = module(x.double(), last)
            self.assertTrue(torch.equal(y, tensors[f"{place}.out.y" if place else "out.y"]))
        self.assertLessEqual(self.evaluated(), EXACT)

    def test_wrong_states(self):
        class Less(nn.Module):
            def forward(self, x, last):
                return x, last[:, :1]

        module = Less()
        self.assertIn(
            "the example has no tensor 'history'", self.refused(module, rank4(), rank4(), states={"history": 1})
        )
        self.assertIn(
            "forward returns nothing at 2 for 'last'", self.refused(module, rank4(), rank4(), states={"last": 2})
        )
        self.assertIn(
            "state 'last' is [1, 4, 8, 12], what follows it [1, 1, 8, 12]",
            self.refused(module, rank4(), rank4(), states={"last": 1}),
        )


class MessagesTest(NetworkTest):
    def test_path_file_and_line_of_everything(self):
        class Block(nn.Module):
            def forward(self, x):
                y = torch.cumsum(x, 1)
                return y + torch.fft.rfft(x).real.sum()

        message = self.refused(nn.Sequential(nn.Identity(), Block(), nn.LSTM(12, 3)), rank4())
        line = Block.forward.__code__.co_firstlineno
        self.assertIn(f"1 (Block) at export_cases.py:{line + 1}: cumsum is no operator of the library", message)
        self.assertIn(f"1 (Block) at export_cases.py:{line + 2}: ", message)
        self.assertNotIn("\n", message)

    def test_what_cannot_be_said(self):
        def assigned(x):
            x[:, 0] = 1
            return x

        def through_a_view(x):
            y = x * 1.5
            z = y[:, 0]
            z += 1
            return y * 2

        def on_numbers(x):
            return x if x.sum() > 0 else -x

        self.assertIn("assigns to a part of a tensor", self.refused(assigned))
        self.assertIn("after an operation in place has changed it through another", self.refused(through_a_view))
        self.assertIn("no operator of the library", self.refused(on_numbers))
        self.assertIn("draws random numbers", self.refused(lambda x: x + torch.rand(4, 1, 1)))
        self.assertIn("takes indices or the like", self.refused(lambda x: x * x.max(1, keepdim=True)[1]))
        self.assertIn("makes torch.int64 of a value", self.refused(lambda x: x.to(torch.int64)))
        self.assertIn(
            "mode 'bicubic' is no operator", self.refused(lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"))
        )
        self.assertIn("with a condition that depends on the inputs", self.refused(lambda x: torch.where(x > 0, x, -x)))
        self.assertIn(
            "makes a tensor of 7 dimensions", self.refused(lambda x: x.view(1, 2, 2, 2, 4, 3, 4).sin(), free=False)
        )
        self.assertIn("erf is no operator of the library", self.refused(torch.erf))
        self.assertIn("a weight that depends on the inputs", self.refused(lambda x: F.conv2d(x, x[:, :, :3, :3])))

    def test_what_passes_pytorch_by(self):
        @torch.jit.script
        def gate(x):
            return torch.sigmoid(x) * 2

        self.assertIn("depends on the inputs, but not by functions of PyTorch", self.refused(lambda x: x * gate(x)))

    def test_wrong_arguments(self):
        self.assertIn("networks take floats", self.refused(lambda x: x, torch.zeros(2, dtype=torch.int64)))
        self.assertIn("forward returns no tensor", self.refused(lambda x: ()))
        self.assertIn(
            "outputs: 2 names, but forward returns 1 tensors", self.refused(lambda x: x * 2, outputs=["a", "b"])
        )


class StoredTest(unittest.TestCase):
    def test_stored_networks_evaluate_to_their_results(self):
        folder = generate.DATA
        names = {f"{name}.safetensors" for name in generate.NETWORKS} | {
            f"{name}_onnx.safetensors" for name in generate.ONNX
        }
        self.assertEqual({name for name in os.listdir(folder) if name.endswith(".safetensors")}, names)
        for name in sorted(names):
            with self.subTest(name):
                errors = evaluate.compare(os.path.join(folder, name))
                self.assertEqual(len(errors), 8 if name == "denoiser.safetensors" else 1)
                self.assertLessEqual(max(error for _, error in errors), EXACT)

    def test_stored_networks_are_what_the_exporter_makes(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("encoder_layer", "swin", "denoiser"):
                module, example, options = generate.make(name)
                path = os.path.join(folder, f"{name}.safetensors")
                export(module, path, example, check=False, **options)
                made, stored = (
                    evaluate.read(item) for item in (path, os.path.join(generate.DATA, f"{name}.safetensors"))
                )
                self.assertEqual(made[0]["config"], stored[0]["config"])
                self.assertEqual(sorted(made[1]), sorted(stored[1]))
