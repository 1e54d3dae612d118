# SPDX-License-Identifier: Apache-2.0
"""export.py's command line for networks. What needs PyTorch is skipped without it."""

import contextlib
import importlib.util
import io
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

import export

FOLDER = os.path.dirname(os.path.abspath(__file__))
CLASS = os.path.join(FOLDER, "espcn.py") + ":ESPCN"
HAS_TORCH = importlib.util.find_spec("torch") is not None


class CommandTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.output = os.path.join(self.folder.name, "out.safetensors")

    def tearDown(self):
        self.folder.cleanup()

    def run_export(self, *line):
        with mock.patch.object(sys, "argv", ["export.py", *line]), contextlib.redirect_stdout(io.StringIO()) as printed:
            export.main()
        return printed.getvalue()

    def refused(self, *line):
        with self.assertRaises(SystemExit) as raised:
            self.run_export(*line)
        self.assertIsInstance(raised.exception.code, str)
        self.assertEqual(raised.exception.code.count("\n"), 0)
        return raised.exception.code

    def test_without_pytorch(self):
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertEqual(
                self.refused(self.output, "--module", CLASS, "--weights", "w.pt"),
                "export: networks take PyTorch, which is not installed",
            )
            self.assertEqual(
                self.refused("net.onnx", self.output), "export: networks take PyTorch, which is not installed"
            )

    def test_arguments_that_are_missing_or_of_something_else(self):
        self.assertIn("--module must be given", self.refused("in.pt", self.output))
        self.assertIn(
            "the checkpoint and the file to write must be given", self.refused(self.output, "--module", "PEG")
        )
        self.assertIn("no more than two files", self.refused("a", "b", "c", "--module", "PEG"))
        self.assertIn(
            "--config and --prefix are of single modules",
            self.refused(self.output, "--module", CLASS, "--config", "{}"),
        )
        self.assertIn("an ONNX file and the file to write", self.refused("net.onnx"))
        self.assertIn("an ONNX file has both", self.refused("net.onnx", self.output, "--weights", "w.pt"))
        self.assertIn("not NAME=PLACE", self.refused(self.output, "--module", CLASS, "--state", "history"))

    @unittest.skipUnless(HAS_TORCH, "PyTorch is not installed")
    def test_the_library_verifies_the_file(self):
        import torch

        from checkpoints import ExportError
        from saccade_export.network_file import command_line_tool

        if command_line_tool() is None:
            self.skipTest("the program saccade is not built")
        layer = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.GELU())
        x = torch.rand(1, 3, 8, 8)
        export.export(layer, self.output, x)
        with self.assertRaisesRegex(ExportError, "saccade verify: "):
            export.export(layer, self.output, x, reference=torch.nn.Conv2d(3, 4, 3, padding=1))
        with self.assertWarnsRegex(UserWarning, "is not verified"):
            export.export(layer, self.output, x, check=self.program("exit 4"))

    def program(self, line):
        path = os.path.join(self.folder.name, "program")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{line}\n")
        os.chmod(path, 0o755)
        return path

    @unittest.skipUnless(HAS_TORCH, "PyTorch is not installed")
    def test_a_class_with_a_checkpoint(self):
        import torch

        import evaluate
        import generate

        module, _, _ = generate.make("espcn")
        weights = os.path.join(self.folder.name, "weights.pt")
        torch.save({"model": module.state_dict()}, weights)
        line = (self.output, "--module", CLASS, "--weights", weights, "--key", "model", "--no-verify")
        self.assertEqual(self.run_export(*line), f"{self.output} Network 7 nodes\n")
        metadata, tensors = evaluate.read(self.output)
        self.assertEqual(json.loads(metadata["config"])["inputs"], [{"name": "x", "shape": [1, 3, "h", "w"]}])
        self.assertLessEqual(max(error for _, error in evaluate.compare(self.output)), 1e-7)
        self.assertTrue(torch.equal(tensors["first.0.weight"], module.first[0].weight.detach()))

        self.run_export(
            *line, "--example", "2x3x8x8", "--static", "--outputs", "image", "--no-example", "--dtype", "float16"
        )
        metadata, tensors = evaluate.read(self.output)
        config = json.loads(metadata["config"])
        self.assertEqual(config["inputs"][0]["shape"], [2, 3, 8, 8])
        self.assertEqual(config["outputs"][0]["name"], "image")
        self.assertEqual({tensor.dtype for tensor in tensors.values()}, {torch.float16})

        self.assertIn("size mismatch for last.0.weight", self.refused(*line, "--args", '{"scale": 3}'))
        self.assertIn("--args is not JSON", self.refused(*line, "--args", "{scale"))
        self.assertIn("--args: ", self.refused(*line, "--args", '{"width_": 3}'))
        self.assertIn(
            "has no 'Espcn'",
            self.refused(self.output, "--module", CLASS.replace("ESPCN", "Espcn"), "--weights", weights),
        )
        self.assertIn("sizes are written 1x3x256x256", self.refused(*line, "--example", "1x3xhxw"))
        self.assertIn("--weights: must be given", self.refused(self.output, "--module", CLASS))
        self.assertIn("No such file", self.refused(self.output, "--module", "absent.py:Net", "--weights", weights))
