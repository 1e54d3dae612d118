#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `saccade bake` writes, run by samples/replay: the same bits as `saccade run`.

    baked_test.py BIN DATA [--all] [--convert] [-- OPTION ...]

BIN: the folder of the programs, DATA: tests/data. Without --all a few files of each kind. Every shader passes spirv-val.
--convert: also spirv-cross to MSL and HLSL, of each shader once, and prints a table. OPTIONs are of run and bake."""
import array
import collections
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

FEW = ["golden/deformable_1d_2", "golden/deformable_2d_2", "golden/deformable_3d_1", "golden/dalle_attention_3",
       "golden/phenaki_transformer_1", "golden/grid_sample_4", "onnx/attention_4d_gqa_with_past_and_present_fp16",
       "sparse/dynamic_map", "networks/espcn", "networks/denoiser"]
MESSAGE = re.compile("VUID|SYNC-HAZARD|UNASSIGNED")  # of the validation layer
CODES = {"F64": "d", "F32": "f", "I32": "i", "I64": "q"}


def header_of(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + length]), data[8 + length:]


def metadata_of(path):
    return header_of(path)[0].get("__metadata__", {})


def tensors_of(path):
    header, body = header_of(path)
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], body[slice(*entry["data_offsets"])]) for name, entry in header.items()}


def converted(stored, data, wanted):
    if stored == wanted or stored not in CODES or wanted not in CODES:
        return data
    return array.array(CODES[wanted], array.array(CODES[stored], data)).tobytes()


def call(*command):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600)


class Check:
    def __init__(self, programs, data, scratch, options):
        self.programs, self.data, self.scratch, self.options = programs, data, scratch, options
        self.faults, self.refused, self.equal = [], [], 0
        self.conversions = collections.defaultdict(dict)
        self.seen = set()
        self.val, self.cross = shutil.which("spirv-val"), shutil.which("spirv-cross")

    def fail(self, what):
        self.faults.append(what)
        print("FAILED", what)

    def replay(self):
        return call(self.programs / "replay", *(self.scratch / folder for folder in ("baked", "in", "out")))

    def barriers(self):
        """Under the validation layer, a list without its barriers is told, so that silence above means something."""
        if "VK_INSTANCE_LAYERS" not in os.environ:
            return
        self.file("golden/phenaki_transformer_1", False)
        path = self.scratch / "baked" / "dispatches.json"
        path.write_text(path.read_text().replace('"barrier": true', '"barrier": false'))
        replayed = self.replay()
        if "SYNC-HAZARD" not in replayed.stdout + replayed.stderr:
            self.fail("a list without barriers brings no message")

    def shaders(self, folder, convert):
        for file in sorted(folder.glob("*.spv")):
            code = file.read_bytes()
            if code in self.seen:
                continue
            self.seen.add(code)
            if self.val:
                checked = call(self.val, "--target-env", "vulkan1.1", file)
                if checked.returncode:
                    self.fail(f"{file.name}: {checked.stdout}{checked.stderr}")
            kernel = file.name.split(".")[1]
            if convert and self.cross:
                for form, options in {"MSL": ["--msl", "--msl-version", "20200"],
                                      "HLSL": ["--hlsl", "--shader-model", "62", "--hlsl-enable-16bit-types"]}.items():
                    made = call(self.cross, *options, file)
                    reason = (made.stderr or made.stdout).strip().split("\n")[0] if made.returncode else ""
                    self.conversions[kernel].setdefault(form, reason)

    def file(self, name, convert):
        path = self.data / f"{name}.safetensors"
        for folder in ("baked", "in", "out"):
            shutil.rmtree(self.scratch / folder, ignore_errors=True)
            (self.scratch / folder).mkdir()
        result = self.scratch / "result.safetensors"
        options = [*self.options]
        for key, value in json.loads(metadata_of(path).get("args", "{}")).items():
            options += ["--argument", f"{key}={json.dumps(value)}"]
        ran = call(self.programs / "saccade", "run", path, "--device", "0", "--output", result, *options)
        baked = call(self.programs / "saccade", "bake", path, "--device", "0", "-o", self.scratch / "baked", *options)
        if ran.returncode != baked.returncode:
            return self.fail(f"{name}: run ends with {ran.returncode}, bake with {baked.returncode}: {baked.stderr}")
        if ran.returncode:
            return self.refused.append(f"{name}: {baked.stderr.strip()}")
        self.shaders(self.scratch / "baked", convert)
        description = json.loads((self.scratch / "baked" / "dispatches.json").read_text())
        stored = tensors_of(path)
        for tensor in description["tensors"]:
            entry = stored.get("in." + tensor["name"])
            if tensor["input"] and entry:
                (self.scratch / "in" / f"{tensor['name']}.bin").write_bytes(converted(*entry, tensor["type"]))
        replayed = self.replay()
        if replayed.returncode or MESSAGE.search(replayed.stdout + replayed.stderr):
            return self.fail(f"{name}: {replayed.stdout}{replayed.stderr}")
        for output, (_, data) in tensors_of(result).items():
            made = (self.scratch / "out" / f"{output}.bin").read_bytes()
            if not data or made[:len(data)] != data:
                return self.fail(f"{name}: \"{output}\" has other bits")
        self.equal += 1

    def images(self):
        """A frame as an image: the result is that of the same channels in a buffer, rounded to half."""
        side, shuffle = 64, 4
        model = self.data.parent.parent / "samples" / "frame" / "model.safetensors"
        for folder in ("baked", "in", "out"):
            shutil.rmtree(self.scratch / folder, ignore_errors=True)
            (self.scratch / folder).mkdir()
        texels = [((i * 7919) % 2048 - 1024) / 1024 for i in range(side * side * 4)]
        (self.scratch / "in" / "x.0.bin").write_bytes(struct.pack(f"<{len(texels)}e", *texels))
        cells = side // shuffle
        channels = [texels[((y * shuffle + r) * side + x * shuffle + c) * 4 + k]
                    for k in range(4) for r in range(shuffle) for c in range(shuffle)
                    for y in range(cells) for x in range(cells)]
        header = json.dumps({"x": {"dtype": "F32", "shape": [1, 64, cells, cells],
                                   "data_offsets": [0, len(channels) * 4]}}).encode()
        inputs, result = self.scratch / "x.safetensors", self.scratch / "result.safetensors"
        inputs.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(channels)}f", *channels))
        for command in ([self.programs / "saccade", "run", model, "--input", inputs, "--output", result],
                        [self.programs / "saccade", "bake", model, "--device", "0", "--image", f"{side}x{side}",
                         "-o", self.scratch / "baked"],
                        [self.programs / "replay"] + [self.scratch / f for f in ("baked", "in", "out")]):
            ended = call(*command)
            if ended.returncode or MESSAGE.search(ended.stdout + ended.stderr):
                return self.fail(f"image: {ended.stdout}{ended.stderr}")
        y = struct.unpack(f"<{len(channels)}f", tensors_of(result)["y"][1])
        made = struct.unpack(f"<{len(texels)}e", (self.scratch / "out" / "y.0.bin").read_bytes())
        at = 0
        for k in range(4):
            for r in range(shuffle):
                for c in range(shuffle):
                    for row in range(cells):
                        for x in range(cells):
                            texel = made[((row * shuffle + r) * side + x * shuffle + c) * 4 + k]
                            if abs(texel - y[at]) > abs(y[at]) / 1000 + 1e-6:
                                return self.fail(f"image: texel {at} is {texel}, not {y[at]}")
                            at += 1
        self.equal += 1

    def arguments(self):
        """Wrong ones end with 2 or 3 and are named."""
        model = self.data / "golden" / "deformable_2d_2.safetensors"
        out = ["-o", self.scratch / "refused"]
        for code, named, options in ((2, "--output", []), (2, "WIDTHxHEIGHT", ["--image", "64", *out]),
                                     (2, "WIDTHxHEIGHT", ["--image", "0x64", *out]), (2, "x=", ["--shape", "x=a", *out]),
                                     (2, "no name of C", ["--name", "1a", *out]),
                                     (3, "nowhere.json", ["--profile", "nowhere.json", *out]),
                                     (3, "shape", ["--shape", "x=1,3,8,8", *out])):
            ended = call(self.programs / "saccade", "bake", model, *options)
            if ended.returncode != code or named not in ended.stderr:
                self.fail(f"bake {options}: {ended.returncode}, {ended.stderr}")
        (self.scratch / "refused").mkdir(exist_ok=True)
        (self.scratch / "refused" / "dispatches.json").write_text('{"format": "saccade dispatches", "version": 2}')
        ended = call(self.programs / "replay", self.scratch / "refused", self.scratch, self.scratch)
        if ended.returncode != 1 or "version 1" not in ended.stderr:
            self.fail(f"replay of another version: {ended.returncode}, {ended.stderr}")


def main():
    programs, data = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    own, options = sys.argv[3:], []
    if "--" in own:
        own, options = own[:own.index("--")], own[own.index("--") + 1:]
    everything, convert = "--all" in own, "--convert" in own
    names = FEW
    if everything:
        names = sorted(str(path.relative_to(data).with_suffix("")) for path in data.glob("*/*.safetensors")
                       if path.parent.name in ("golden", "onnx", "sparse", "cases", "inside", "logits", "networks"))
    with tempfile.TemporaryDirectory() as scratch:
        check = Check(programs, data, pathlib.Path(scratch), options)
        for name in names:
            check.file(name, convert)
        check.images()
        check.arguments()
        check.barriers()
    print(f"{check.equal} equal, {len(check.faults)} not, {len(check.refused)} refused by run and bake, "
          f"{len(check.seen)} shaders{'' if check.val else ', no spirv-val'}")
    for refusal in check.refused:
        print("refused", refusal)
    for kernel, forms in sorted(check.conversions.items()):
        print("|", kernel, "|", " | ".join(forms[form] or "yes" for form in ("MSL", "HLSL")), "|")
    return bool(check.faults) or check.equal < (len(names) if not everything else 250)


if __name__ == "__main__":
    sys.exit(main())
