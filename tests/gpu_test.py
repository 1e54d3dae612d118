# SPDX-License-Identifier: Apache-2.0
"""tools/gpu: what it reads out of drivers' assembly and statistics, its tables, and what it calls worse. tests/data/gpu
has the loops of one kernel, the table of a 2D position bias, as three drivers printed them: 4 pairs of positions take 2
multiply-adds to a hidden unit, and 8 from it, 40 in all.

Usage: gpu_test.py DATA, where DATA holds gpu/."""

import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, "..", "tools", "gpu"))

import assembly  # noqa: E402
import collect  # noqa: E402
import drivers  # noqa: E402
import table  # noqa: E402
from collect import Numbers  # noqa: E402

DATA = sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(FOLDER, "data")


def recorded(name):
    with open(os.path.join(DATA, "gpu", name + ".txt"), encoding="utf-8") as file:
        return file.read()


class HotLoop(unittest.TestCase):
    def check(self, representation, text, products, instructions):
        counts = assembly.hot_loop(representation, text)
        self.assertEqual(counts["multiply-add"], products)
        self.assertEqual(sum(counts.values()), instructions)
        return counts

    def test_radv(self):
        counts = self.check("Assembly", recorded("radv"), 40, 58)
        self.assertEqual(counts["wait"], 5)
        self.assertEqual(counts["constant"], 2)
        self.assertEqual(round(100 * assembly.share(counts)), 69)

    def test_nvk(self):
        counts = self.check("NAK assembly", recorded("nvk"), 40, 61)
        self.assertEqual(counts["branch"], 1)

    def test_turnip_repeats_and_waits_in_one_instruction(self):
        # 41 lines: 19 of them twice, one 5 times, and one after 3 cycles of waiting.
        counts = self.check("IR3 Assembly", recorded("turnip"), 40, 67)
        self.assertEqual(counts["wait"], 9)
        self.assertEqual(counts["branch"], 2)

    def test_the_loop_around_counts_without_the_one_inside(self):
        blocks = assembly.aco_blocks(recorded("radv").splitlines())
        labels = {header: {blocks[i].label for i in members} - {""}
                  for header, members in assembly.loops(blocks).items()}
        self.assertEqual({blocks[header].label: members for header, members in labels.items()},
                         {"BB1": {"BB1", "BB2", "BB5"}, "BB2": {"BB2"}})

    def test_what_follows_a_loop_is_not_in_it(self):
        # The way out of the loop lies between its blocks.
        text = "block 0 L0 [] -> {\n} -> [1]\n" \
               "block 1 L1 [0, 3] -> {\n r1 = ffma r2 r3 r1 // delay=1\n@!p0 bra pT L3 // delay=1\n} -> [3, 2]\n" \
               "block 2 L2 [1] -> {\n st.global.b32 [r4] r1 // delay=1\n exit // delay=1\n} -> []\n" \
               "block 3 L3 [1] -> {\n r5 = iadd3 r5 1 rZ // delay=1\n bra pT L1 // delay=1\n} -> [1]\n"
        self.check("NAK assembly", text, 1, 4)

    def test_two_operations_of_one_issue(self):
        text = "BB0:\n\tv_dual_fmac_f32 v1, v2, v3 :: v_dual_mov_b32 v4, 0 ; 1\n\ts_cbranch_scc1 BB0 ; 2\n"
        counts = self.check("Assembly", text, 1, 3)
        self.assertEqual(counts["move"], 1)

    def test_matrix_instructions_make_a_loop_hot(self):
        fma = "\tv_fma_f32 v1, v2, v3, v1 ; 1\n" * 30
        text = f"BB0:\n{fma}\ts_cbranch_scc1 BB0 ; 2\n" \
               "BB1:\n\tv_wmma_f32_16x16x16_f16 v[0:7], v[8:15], v[16:23], v[0:7] ; 3\n\ts_cbranch_scc1 BB1 ; 4\n"
        counts = assembly.hot_loop("Assembly", text)
        self.assertEqual((counts["matrix"], assembly.share(counts)), (1, 0.5))

    def test_program_without_a_loop_counts_whole(self):
        self.check("Assembly", "BB0:\n" + "\tv_fma_f32 v1, v2, v3, v1 ; 1\n" * 3 + "\ts_endpgm ; 2\n", 3, 4)

    def test_little_arithmetic_has_no_share(self):
        counts = assembly.hot_loop("Assembly", "BB0:\n" + "\tv_fma_f32 v1, v2, v3, v1 ; 1\n" * 15)
        self.assertIsNone(assembly.share(counts))

    def test_unknown_representation(self):
        self.assertIsNone(assembly.hot_loop("Final NIR", "anything"))


class Rows(unittest.TestCase):
    def pipeline(self, number, kernel, statistics, representations=()):
        return {"pipeline": number, "kernel": kernel, "constants": [], "milliseconds": 1,
                "executables": [{"name": "compute", "subgroup": 64, "statistics": statistics,
                                 "representations": list(representations)}]}

    def test_each_drivers_names(self):
        radv = {"VGPRs": 48, "Spilled VGPRs": 2, "Spilled SGPRs": 3, "Scratch size": 256, "LDS size": 1024,
                "Subgroups per SIMD": 16, "Inverse Throughput": 99}
        self.assertEqual(collect.numbers_of(self.pipeline(1, "gemm", radv)),
                         Numbers(48, 5, 256, 1024, 16, None, None, 99))
        nvk = {"Number of GPRs": 32, "Spills to memory": 1, "SLM size": 16, "Max warps/SM": 48, "Static cycle count": 7}
        self.assertEqual(collect.numbers_of(self.pipeline(1, "gemm", nvk)), Numbers(32, 1, 16, None, 48, None, None, 7))
        turnip = {"Registers used": 12, "STP Count": 0, "Max Waves Per Core": 16, "Instruction Count": 100,
                  "Estimated cycles stalled on SS": 10, "Estimated cycles stalled on SY": 20}
        self.assertEqual(collect.numbers_of(self.pipeline(1, "gemm", turnip)),
                         Numbers(12, 0, None, None, 16, None, None, 130))
        apple = {"GPRs": 255, "Spills": 71, "Scratch": 64, "Threads": 384, "ALU": 900}
        self.assertEqual(collect.numbers_of(self.pipeline(1, "gemm", apple)),
                         Numbers(255, 71, 64, None, 384, None, None, 900))

    def test_share_comes_from_the_assembly(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "1.txt")
            with open(file, "w", encoding="utf-8") as out:
                out.write(recorded("radv"))
            line = self.pipeline(1, "positionBias", {"VGPRs": 60}, [{"name": "Assembly", "file": file}])
            self.assertEqual(collect.numbers_of(line).share, 69)

    def test_stages_or_the_worst_of_a_kernel(self):
        lines = [{"device": "d", "driver": "radv", "info": "", "statistics": True},
                 self.pipeline(1, "gemm", {"VGPRs": 72, "Subgroups per SIMD": 8, "LDS size": 4096}),
                 self.pipeline(2, "gemm", {"VGPRs": 60, "Subgroups per SIMD": 4, "LDS size": 9216}),
                 self.pipeline(3, "never dispatched", {"VGPRs": 256}),
                 {"dispatch": 1, "stage": "to_q", "groups": [1, 1, 1]},
                 {"dispatch": 2, "stage": "to_out", "groups": [1, 1, 1]}]
        rows = collect.rows_of(collect.Case("2d", [], True), lines)
        self.assertEqual(set(rows), {("2d", "gemm", "to_q"), ("2d", "gemm", "to_out")})
        rows = collect.rows_of(collect.Case("unet", []), lines)
        self.assertEqual(rows, {("unet", "gemm", ""): Numbers(registers=72, waves=4, shared=9216)})

    def test_driver_without_statistics(self):
        line = {"pipeline": 1, "kernel": "gemm", "constants": [], "milliseconds": 1, "executables": []}
        self.assertIsNone(collect.numbers_of(line))


class Table(unittest.TestCase):
    def test_is_read_as_it_was_written(self):
        rows = {("2d", "gemm", "to_q"): {"navi31": Numbers(72, 0, 0, 9216, 14, 58, None, 5543),
                                         "m1": Numbers(255, 71, 80, None, 384, None, None, 1933)},
                ("unet", "conv", ""): {"navi31": Numbers(64, None, None, 512, 8, 0, 16, 1)}}
        for aligned in (False, True):
            read, gpus = table.read("what it is\n\n" + table.text_of(rows, ["navi31", "m1"], aligned))
            self.assertEqual(gpus, ["navi31", "m1"])
            self.assertEqual(table.changes(rows, read, gpus, 0), [])
            self.assertEqual(table.text_of(read, gpus), table.text_of(rows, gpus))

    def worse(self, before, after, tolerance=2):
        key = ("2d", "gemm", "to_q")
        old = {key: {"navi31": before}} if before else {}
        found = table.changes(old, {key: {"navi31": after}}, ["navi31"], tolerance)
        return [(change.name, change.before, change.after) for change in found if change.worse]

    def test_what_is_worse(self):
        base = Numbers(72, 0, 0, 9216, 14, 58, None, 5543)
        self.assertEqual(self.worse(base, base), [])
        self.assertEqual(self.worse(base, Numbers(72, 0, 0, 9216, 14, 56, None, 9999)), [])  # within the tolerance
        self.assertEqual(self.worse(base, Numbers(72, 0, 0, 9216, 14, 55, None, 5543)), [("share", 58, 55)])
        self.assertEqual(self.worse(base, Numbers(72, 0, 0, 9216, 14, None, None, 5543)), [("share", 58, None)])
        self.assertEqual(self.worse(base, Numbers(76, 0, 0, 9216, 14, 58, None, 1)), [("registers", 72, 76)])
        self.assertEqual(self.worse(base, Numbers(72, 0, 0, 9220, 14, 58, None, 1)), [("shared", 9216, 9220)])
        self.assertEqual(self.worse(base, Numbers(72, 3, 64, 9216, 14, 58, None, 1)),
                         [("spills", 0, 3), ("scratch", 0, 64)])
        self.assertEqual(self.worse(base, Numbers(60, 0, 0, 1024, 14, 70, None, 1)), [])
        self.assertEqual(self.worse(None, Numbers(255, 0, 0, 1024, 14, 10, None, 1)), [])
        self.assertEqual(self.worse(None, Numbers(255, 1, 0, 1024, 14, 10, None, 1)), [("spills", 0, 1)])

    def test_change_names_kernel_gpu_and_both_numbers(self):
        key = ("2d exact", "attentionGpu2", "attention")
        change, = table.changes({key: {"m1": Numbers(spills=11)}}, {key: {"m1": Numbers(spills=14)}}, ["m1"], 2)
        self.assertEqual(str(change), "2d exact, attentionGpu2 (attention), m1: spills 11 -> 14")


class Gpus(unittest.TestCase):
    def test_names(self):
        for name in (*drivers.GPUS, "vega10", "navi21", "strix1", "a660", "nv1b2"):
            drivers.NoOpGpu(name, drivers.HERE, drivers.HERE)
        self.assertEqual(drivers.NoOpGpu("nv172", drivers.HERE, drivers.HERE).variables, {"NOUVEAU_CHIPSET": "0x172"})
        with self.assertRaisesRegex(ValueError, "no GPU 'rtx'"):
            drivers.NoOpGpu("rtx", drivers.HERE, drivers.HERE)


@unittest.skipUnless(os.environ.get("SACCADE_GPU_LAYER"), "the layer is not built")
class Layer(unittest.TestCase):
    """On the machine's own device, whose driver may have no statistics (lavapipe has none)."""

    def test_names_pipelines_and_stages(self):
        gpu = drivers.RealDevice("default", os.environ["SACCADE_GPU_LAYER"])
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report.json")
            golden = os.path.join(DATA, "golden", "deformable_1d_1.safetensors")
            result = drivers.run(gpu, [os.environ["SACCADE"], "verify", golden, "--debug-names", "--validation"],
                                 VK_INSTANCE_LAYERS=drivers.LAYER, SACCADE_GPU_REPORT=report)
            self.assertEqual(result.returncode, 0, result.stdout)
            with open(report, encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
        device, = (line for line in lines if "device" in line)
        pipelines = {line["pipeline"]: line for line in lines if "pipeline" in line}
        stages = {line["stage"]: pipelines[line["dispatch"]]["kernel"] for line in lines if "dispatch" in line}
        self.assertTrue(stages["attention"].startswith("attention"), stages)
        self.assertEqual(stages["to_q"], "gemm")
        for line in pipelines.values():
            self.assertEqual(bool(line["executables"]), device["statistics"])
            self.assertGreater(len(line["constants"]), 0)


if __name__ == "__main__":
    unittest.main()
