# SPDX-License-Identifier: Apache-2.0
"""tools/export.py and tools/checkpoints.py: files in, files out, and the lines that say what is wrong. What needs
PyTorch, networks above all (tests/networks/*_cases.py), is skipped without. tests/data/checkpoints are of torch 1.13:
a Block of a LayerNorm and a Linear (2 to 4, weights 0, 0.25, ... 1.75) saved whole, its state_dict behind a wrapper
beside an argparse.Namespace, and the like.

Usage: export_test.py DATA, where DATA holds checkpoints/ and golden/."""

import contextlib
import io
import json
import os
import struct
import sys
import tempfile
import unittest
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "networks"))

import checkpoints  # noqa: E402
import export  # noqa: E402

FOLDER = os.path.dirname(os.path.abspath(__file__))
DATA = sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(FOLDER, "data")
DOCUMENT = os.path.join(FOLDER, "..", "docs", "modules.md")  # what saccade modules --markdown prints
WEIGHT = [i / 4 for i in range(8)]


def checkpoint(name):
    return os.path.join(DATA, "checkpoints", name)


def metadata_of(path):
    with open(path, "rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))["__metadata__"]


def values(tensor):
    return checkpoints.Tensor(tensor.dtype, (len(tensor.data),), lambda: tensor.data).tolist()


def header_of(path):
    with open(path, "rb") as file:
        return json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))


class ExportTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.output = os.path.join(self.folder.name, "out.safetensors")

    def tearDown(self):
        self.folder.cleanup()

    def run_export(self, path, *options, module="PhenakiFeedForward", config='{"dim": 2}'):
        """What the program prints. Raises SystemExit."""
        line = ["export.py", path, self.output, "--module", module, "--config", config, *options]
        with mock.patch.object(sys, "argv", line), contextlib.redirect_stdout(io.StringIO()) as printed:
            export.main()
        return printed.getvalue()

    def refused(self, path, *options, **more):
        with self.assertRaises(SystemExit) as raised:
            self.run_export(path, *options, **more)
        self.assertIsInstance(raised.exception.code, str)
        self.assertEqual(raised.exception.code.count("\n"), 0)
        return raised.exception.code

    def write(self, header, data=b"", name="in.safetensors"):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text + data)
        return path

    def test_whole_module(self):
        self.run_export(checkpoint("whole.pt"), "--strip-prefix", "net.")
        state = checkpoints.read_safetensors(self.output)
        self.assertEqual(sorted(state), ["0.bias", "0.weight", "1.weight"])  # and no buffer that is not persistent
        self.assertEqual(state["1.weight"].shape, (4, 2))
        self.assertEqual(values(state["1.weight"]), WEIGHT)
        self.assertEqual(values(state["0.weight"]), [1, 1])

    def test_entry_beside_foreign_objects_and_a_wrappers_prefix(self):
        self.assertIn("--key model names one", self.refused(checkpoint("checkpoint.pt")))
        self.run_export(checkpoint("checkpoint.pt"), "--key", "model")
        self.assertEqual(values(checkpoints.read_safetensors(self.output)["1.weight"]), WEIGHT)
        message = self.refused(checkpoint("checkpoint.pt"), "--key", "weights")
        self.assertIn("--key weights: there is no such entry; there are args, epoch, model", message)

    def test_old_format(self):
        state = checkpoints.read_state(checkpoint("legacy.pt"), ["args", "module"])
        self.assertEqual(values(state["net.1.weight"]), WEIGHT)
        value = checkpoints.read_pickle(checkpoint("legacy.pt"))["transposed"]
        self.assertEqual((value.shape, values(value)), ((2, 4), WEIGHT[0::2] + WEIGHT[1::2]))

    def test_types_and_parts(self):
        state = checkpoints.read_state(checkpoint("types.pt"))
        self.assertEqual({name: tensor.dtype for name, tensor in state.items()},
                         {"half": "F16", "bf": "BF16", "part": "I64", "flag": "BOOL"})
        self.assertEqual(state["half"].tolist(), [1.5, -2])
        self.assertEqual(state["bf"].tolist(), [1.5, -2])
        self.assertEqual(values(state["part"]), [5, 6, 9, 10])
        self.assertEqual(state["flag"].data, b"\1\0")

    def test_no_code_of_a_pickle_runs(self):
        path = os.path.join(self.folder.name, "evil.pt")
        with open(path, "wb") as file:
            file.write(b"cos\nsystem\n(S'touch " + path.encode() + b".ran'\ntR.")
        self.assertIn("neither a safetensors file nor one of torch.save", self.refused(path))
        self.assertFalse(os.path.exists(path + ".ran"))

    def test_other_files(self):
        self.assertIn("is a TorchScript archive; save its tensors with", self.refused(checkpoint("script.pt")))
        self.assertIn("neither", self.refused(__file__))
        self.assertIn("No such file", self.refused(os.path.join(self.folder.name, "absent.pt")))

    def test_safetensors_in_safetensors_out(self):
        path = os.path.join(DATA, "golden", "deformable_2d_2.safetensors")
        config = json.loads(header_of(path)["__metadata__"]["config"])
        given = {"downsample_factor": config.get("downsample_factor", 4), "offset_scale": config.get("offset_scale"),
                 "axis_order": config.get("axis_order", "reference")}
        self.run_export(path, "--strip-prefix", "w.", "--prefix", "encoder.", module="DeformableAttention2D",
                        config=json.dumps(given))
        header = header_of(self.output)
        self.assertEqual(header["__metadata__"]["prefix"], "encoder.")
        self.assertEqual(json.loads(header["__metadata__"]["config"])["dim"], config["dim"])
        written, source = checkpoints.read_safetensors(self.output), checkpoints.read_safetensors(path)
        self.assertEqual({f"encoder.{name[2:]}" for name in source if name.startswith("w.")}, set(written))
        for name, tensor in written.items():
            self.assertEqual(tensor.data, source["w." + name[len("encoder."):]].data)

    def test_every_module_of_a_pytorch_class_has_its_name_here(self):
        with open(DOCUMENT, encoding="utf-8") as file:
            headings = [line[3:].strip().replace("\\", "") for line in file if line.startswith("## ")]
        of_pytorch = sorted(name for name in headings if not name.startswith("onnx.") and name != "Network")
        self.assertIn("DeformableAttention2D", of_pytorch)
        self.assertEqual(sorted(export.MODULES), of_pytorch)

    def test_the_example_of_the_readme_runs(self):
        try:
            import torch  # noqa: F401
        except ImportError:
            self.skipTest("there is no PyTorch")
        with open(os.path.join(FOLDER, "..", "README.md"), encoding="utf-8") as file:
            code = file.read().split("```python\n")[1].split("```")[0]
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            exec(compile(code, "README.md", "exec"), {})  # verifies with the command line where that is at hand
            config = json.loads(metadata_of("net.safetensors")["config"])
        self.assertEqual([entry["name"] for entry in config["inputs"] + config["outputs"]], ["x", "y"])

    def test_broken_safetensors(self):
        entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
        self.assertIn("the header is not JSON", self.refused(self.write(b"{nothing}")))
        self.assertIn("has bytes 0 to 8 of 4", self.refused(self.write({"a": entry}, bytes(4))))
        self.assertIn("its shape [3] takes 12", self.refused(self.write({"a": {**entry, "shape": [3]}}, bytes(8))))
        self.assertIn("type F3", self.refused(self.write({"a": {**entry, "dtype": "F3"}}, bytes(8))))
        self.assertIn("lacks dtype", self.refused(self.write({"a": {"shape": [2]}}, bytes(8))))
        self.assertIn("no tensor's name begins so",
                      self.refused(self.write({"a": entry}, bytes(8)), "--strip-prefix", "b."))
        self.assertIn("--config is not JSON", self.refused(self.write({"a": entry}, bytes(8)), config="{dim"))

    def test_types_are_converted(self):
        try:
            import torch  # noqa: F401
        except ImportError:
            self.skipTest("PyTorch is not installed")
        self.run_export(checkpoint("checkpoint.pt"), "--key", "model", "--dtype", "float16")
        weight = checkpoints.read_safetensors(self.output)["1.weight"]
        self.assertEqual((weight.dtype, values(weight)), ("F16", WEIGHT))

    def test_converting_without_pytorch_says_so(self):
        with mock.patch.dict(sys.modules, {"torch": None}):
            message = self.refused(checkpoint("checkpoint.pt"), "--key", "model", "--dtype", "float16")
        self.assertEqual(message, "export: --dtype takes PyTorch, which is not installed")


def skipped(name, reason):
    def test():
        raise unittest.SkipTest(reason)
    return unittest.FunctionTestCase(test, description=name)


def load_tests(loader, tests, pattern):
    """With what tests/networks has of networks; what cannot run is skipped by its reason."""
    for name in ("sizes_cases", "command_cases", "export_cases", "onnx_cases"):
        try:
            tests.addTests(loader.loadTestsFromName(name))
        except unittest.SkipTest as reason:
            tests.addTest(skipped(name, str(reason)))
    return tests


def list_skipped(result):
    """Where the other test programs list theirs, for the test skipped_cases."""
    folder = os.environ.get("SACCADE_SKIPPED_DIR")
    if folder:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "export"), "w", encoding="utf-8") as file:
            for test, reason in result.skipped:
                file.write(f"export: {test.shortDescription() or test.id()}: {reason}\n")


if __name__ == "__main__":
    program = unittest.main(exit=False)
    list_skipped(program.result)
    sys.exit(not program.result.wasSuccessful())
