# SPDX-License-Identifier: Apache-2.0
"""The GPUs that need no hardware: Mesa's drivers over libraries that answer as each GPU's kernel driver would.

They compile every shader as for the hardware; what is submitted does nothing."""

import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
GPUS = ("navi31", "gfx1201", "a730", "m1", "nv172", "nv192")
TIMEOUT = 900  # seconds of one program: all golden cases under validation take 30 on a slow core
LAYER = "VK_LAYER_SACCADE_pipeline_statistics"
SYSTEM = ("/usr/share", "/usr/local/share", "/etc")

# A GPU's name: its driver, the stand-in for the kernel, and the variable that tells the stand-in which GPU it is.
FAMILIES = ((r"((vega|navi|raven|renoir|rembrandt|phoenix|strix|gfx|polaris)\w*)", "radeon", "amdgpu",
             "AMDGPU_GPU_ID={}"),
            (r"a(\d+)", "freedreno", "freedreno", "FD_GPU_ID={}"),
            (r"nv([0-9a-f]+)", "nouveau", "nouveau", "NOUVEAU_CHIPSET=0x{}"),
            (r"(m1)", "asahi", "asahi", ""))


class Unavailable(Exception):
    """The drivers cannot be had here."""


class RealDevice:
    """What Vulkan finds on this machine, by the names of `saccade --device`."""

    is_real = True

    def __init__(self, name, layer_folder):
        self.name = name
        self.layer_folder = layer_folder

    def command(self, arguments):
        return list(map(str, arguments)) + (["--device", self.name] if self.name != "default" else [])

    def environment(self):
        # VK_LAYER_PATH takes the place of the system's folders.
        folders = [self.layer_folder, *(f"{root}/vulkan/explicit_layer.d" for root in SYSTEM)]
        return {"VK_LAYER_PATH": ":".join(map(str, folders))}


class NoOpGpu:
    """A GPU that setup.sh's drivers know."""

    is_real = False

    def __init__(self, name, root, layer_folder):
        self.name = name
        self.root = root
        self.libraries = root / "usr/lib/x86_64-linux-gnu"
        self.layer_folder = layer_folder
        for pattern, self.driver, self.kernel, variable in FAMILIES:
            match = re.fullmatch(pattern, name)
            if match:
                self.variables = dict([variable.format(match[1]).split("=")]) if variable else {}
                return
        raise ValueError(f"no GPU {name!r}: {', '.join(GPUS)}, or another that Mesa's stand-ins know")

    def command(self, arguments):
        # The drivers' own loader of programs: they are built for a newer C library than most systems have.
        return [str(self.root / "usr/lib64/ld-linux-x86-64.so.2"), "--library-path", str(self.libraries),
                *map(str, arguments)]

    def environment(self):
        manifest, = (self.root / "usr/share/vulkan/icd.d").glob(f"{self.driver}_icd*.json")
        validation = self.root / "usr/share/vulkan/explicit_layer.d"
        return {**self.variables, "VK_DRIVER_FILES": str(manifest), "VK_LOADER_LAYERS_DISABLE": "~implicit~",
                "VK_LAYER_PATH": f"{self.layer_folder}:{validation}", "MESA_SHADER_CACHE_DISABLE": "true",
                "LD_PRELOAD": str(self.libraries / f"lib{self.kernel}_noop_drm_shim.so"), "SACCADE_GPU_NO_OP": "1"}


def mesa_version():
    packages = (HERE / "packages.txt").read_text(encoding="utf-8")
    return re.search(r"/mesa-vulkan-drivers_(?:\d+(?:%3a|:))?([\d.]+)", packages)[1]


def fetch(folder):
    """The folder of the drivers, fetched if it is not there yet. Throws Unavailable."""
    result = subprocess.run([HERE / "setup.sh", folder], check=False)
    if result.returncode:
        raise Unavailable("setup.sh could not get them; see above")
    return pathlib.Path(folder).resolve() / "root"


def run(gpu, arguments, **variables):
    """The program's result on a GPU; `variables` join its environment."""
    # env(1) sets the preloaded library for the program alone, and not for what starts it.
    environment = {**gpu.environment(), **variables}
    settings = [f"{name}={value}" for name, value in environment.items()]
    command = ["env", *settings, *gpu.command(arguments)]
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, f"no end after {TIMEOUT} seconds")
