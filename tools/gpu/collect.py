# SPDX-License-Identifier: Apache-2.0
"""Runs what is measured on a GPU with the layer beside it, and makes rows of numbers of what the layer writes."""

import collections
import dataclasses
import json
import pathlib
import shutil
import tempfile

import assembly
import drivers

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A number of the table: the drivers' names for it, RADV, NVK, Turnip, Honeykrisp (Apple) and Intel's. The values of
# several names add up.
STATISTICS = {
    "registers": (["VGPRs"], ["Number of GPRs"], ["Registers used"], ["GPRs"], ["Max live registers"]),
    "spills": (["Spilled VGPRs", "Spilled SGPRs"], ["Spills to memory"], ["STP Count"], ["Spills"], ["Spill count"]),
    "scratch": (["Scratch size"], ["SLM size"], ["Scratch"], ["Scratch Memory Size"]),
    "shared": (["LDS size"], ["Workgroup Memory Size"]),
    "waves": (["Subgroups per SIMD"], ["Max warps/SM"], ["Max Waves Per Core"], ["Threads"], ["Max dispatch width"]),
    "estimate": (["Inverse Throughput"], ["Static cycle count"],
                 ["Instruction Count", "Estimated cycles stalled on SS", "Estimated cycles stalled on SY"], ["ALU"],
                 ["Cycle count"]),
}


@dataclasses.dataclass
class Numbers:
    """Of one kernel on one GPU; None: the driver does not say."""
    registers: int | None = None
    spills: int | None = None  # registers or instructions, as the driver counts
    scratch: int | None = None  # bytes of an invocation, or as the driver counts
    shared: int | None = None  # bytes of a workgroup
    waves: int | None = None  # subgroups, or on Apple threads, that run at once where the driver counts them
    share: int | None = None  # per cent of the hot loop's instructions that multiply and add
    matrix: int | None = None  # matrix instructions in the hot loop
    estimate: int | None = None  # the driver's own, of one workgroup or invocation
    loop: collections.Counter | None = dataclasses.field(default=None, compare=False)  # the hot loop, kind by kind

    def worst(self, other):
        """Of two pipelines, number by number."""
        def joined(name, choose):
            values = [value for value in (getattr(self, name), getattr(other, name)) if value is not None]
            return choose(values) if values else None
        result = Numbers(**{name: joined(name, min if name in ("waves", "share", "matrix") else max)
                            for name in NAMES})
        result.loop = min((numbers for numbers in (self, other) if numbers.loop), default=None,
                          key=lambda numbers: 101 if numbers.share is None else numbers.share)
        result.loop = result.loop and result.loop.loop
        return result


NAMES = [field.name for field in dataclasses.fields(Numbers) if field.name != "loop"]


@dataclasses.dataclass
class Case:
    """A command line of saccade. Its stages get rows of their own, or else only its kernels."""
    name: str
    arguments: list
    by_stage: bool = False


def cases():
    def example(dims, bias, precision):
        return Case(f"{dims} {bias}" + (" f16" if precision == "f16" else ""),
                    ["bench", "--case", dims, "--bias", bias, "--precision", precision, "--repeats", "1"], True)
    result = [example(dims, bias, "f32") for dims in ("1d", "2d", "3d") for bias in ("exact", "table")]
    result += [example(dims, "exact", "f16") for dims in ("1d", "2d", "3d")]
    result += [Case("relatives", ["bench", "--relatives", "--repeats", "1"]),
               Case("ops", ["bench", "--ops", "--repeats", "1"]),
               Case("golden", ["verify", *sorted((ROOT / "tests/data/golden").glob("*.safetensors"))])]
    for file in sorted((ROOT / "tests/data/networks").glob("*.safetensors")):
        if not file.stem.endswith("_onnx"):  # the same networks once more
            result += [Case(file.stem, ["verify", file]),
                       Case(f"{file.stem} f16", ["verify", "--precision", "f16", file])]
    return result


class CaseFailed(Exception):
    """A case did not run to its end, or without statistics."""


def numbers_of(pipeline):
    """From a line of the layer; None where the driver gave no statistics."""
    if not pipeline["executables"]:
        return None
    executable = pipeline["executables"][0]
    statistics = executable["statistics"]
    result = Numbers()
    for field, candidates in STATISTICS.items():
        for names in candidates:
            if names[0] in statistics:
                setattr(result, field, int(sum(statistics.get(name, 0) for name in names)))
                break
    for representation in executable.get("representations", []):
        text = pathlib.Path(representation["file"]).read_text(encoding="utf-8", errors="replace")
        counts = assembly.hot_loop(representation["name"], text)
        if counts is not None:
            share = assembly.share(counts)
            result.share = None if share is None else round(100 * share)
            result.loop = counts
            result.matrix = counts["matrix"] or None
    return result


def rows_of(case, lines):
    """{(case, kernel, stage): Numbers} from the layer's lines."""
    numbers, kernels, rows = {}, {}, {}
    for line in lines:
        if "pipeline" in line:
            numbers[line["pipeline"]] = numbers_of(line)
            kernels[line["pipeline"]] = line["kernel"] or "unnamed"
    dispatched = {(line["dispatch"], line["stage"] if case.by_stage else "") for line in lines if "dispatch" in line}
    for pipeline, stage in sorted(dispatched):
        if numbers.get(pipeline):
            key = (case.name, kernels[pipeline], stage)
            rows[key] = rows[key].worst(numbers[pipeline]) if key in rows else numbers[pipeline]
    return rows


def keep_assembly(folder, gpu, case, lines):
    """Copies what the drivers printed to FOLDER/GPU/CASE/KERNEL-NUMBER-REPRESENTATION.txt."""
    target = folder / gpu.name / case.name.replace(" ", "-")
    target.mkdir(parents=True, exist_ok=True)
    for line in lines:
        for executable in line.get("executables", []):
            for representation in executable.get("representations", []):
                name = representation["name"].replace(" ", "-").replace("/", "-")
                shutil.copyfile(representation["file"], target / f"{line['kernel']}-{line['pipeline']}-{name}.txt")


def run_case(gpu, case, program, assembly_folder=None):
    """(rows, lines of the layer). Throws CaseFailed."""
    with tempfile.TemporaryDirectory(prefix="saccade-gpu-") as folder:
        report = pathlib.Path(folder) / "report.json"
        result = drivers.run(gpu, [program, *case.arguments, "--debug-names"], SACCADE_GPU_REPORT=report,
                             SACCADE_GPU_ASSEMBLY=folder, VK_INSTANCE_LAYERS=drivers.LAYER)
        # Results of drivers that run nothing are wrong, which verify's 1 says.
        if result.returncode not in ((0,) if gpu.is_real else (0, 1)) or "FAILED" in result.stdout:
            raise CaseFailed(f"{gpu.name}, {case.name}: saccade exited with {result.returncode}\n"
                             f"{result.stdout[-2000:]}")
        text = report.read_text(encoding="utf-8") if report.exists() else ""
        lines = [json.loads(line) for line in text.splitlines()]
        device = next((line for line in lines if "device" in line), None)
        if device is None:
            raise CaseFailed(f"{gpu.name}, {case.name}: the layer {drivers.LAYER} was not loaded")
        if not device["statistics"]:
            raise CaseFailed(f"{gpu.name}: {device['device']} ({device['driver']} {device['info']}) has no "
                             "VK_KHR_pipeline_executable_properties: it tells nothing of its kernels")
        if assembly_folder:
            keep_assembly(assembly_folder, gpu, case, lines)
        rows = rows_of(case, lines)
        if not rows:
            raise CaseFailed(f"{gpu.name}, {case.name}: no kernel was dispatched")
        return rows, lines


def collect(gpus, wanted, program, pool, assembly_folder=None):
    """({(case, kernel, stage): {gpu: Numbers}}, [messages of what failed], {(gpu, case): lines of the layer})."""
    jobs = [(gpu, case, pool.submit(run_case, gpu, case, program, assembly_folder)) for case in wanted for gpu in gpus]
    table, failures, reports = collections.defaultdict(dict), [], {}
    for gpu, case, job in jobs:
        try:
            rows, reports[gpu.name, case.name] = job.result()
            for key, numbers in rows.items():
                table[key][gpu.name] = numbers
        except CaseFailed as error:
            if str(error) not in failures:
                failures.append(str(error))
    return dict(table), failures, reports
