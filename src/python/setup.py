"""A wheel that carries libpartrain. CMake builds it from the source tree that this folder lies in; with
PARTRAIN_LIBRARY=FILE that file is taken instead."""
import os
import pathlib
import re
import shutil
import subprocess

from setuptools import setup
from setuptools.command.build_py import build_py
from wheel.bdist_wheel import bdist_wheel

TOP = pathlib.Path(__file__).resolve().parents[2]


def version():
    return re.search(r"project\(partrain VERSION ([0-9.]+)", (TOP / "CMakeLists.txt").read_text()).group(1)


def library(folder):
    said = os.environ.get("PARTRAIN_LIBRARY")
    if said:
        return pathlib.Path(said)
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    subprocess.run(["cmake", *generator, "-S", TOP, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", "-DPARTRAIN_TESTS=OFF"],
                   check=True)
    subprocess.run(["cmake", "--build", folder, "--target", "partrain_shared", "--parallel", str(os.cpu_count())],
                   check=True)
    return pathlib.Path(folder) / "libpartrain.so"


class Build(build_py):
    def run(self):
        super().run()
        folder = pathlib.Path(self.get_finalized_command("build").build_temp).resolve() / "partrain"
        to = pathlib.Path(self.build_lib) / "partrain" / "libpartrain.so"
        self.mkpath(str(to.parent))
        shutil.copyfile(library(folder), to)
        if shutil.which("strip"):
            subprocess.run(["strip", "--strip-unneeded", to], check=True)


class Wheel(bdist_wheel):
    """Of any Python 3, for this machine: the library is called by ctypes."""

    def finalize_options(self):
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self):
        return "py3", "none", super().get_tag()[2]


setup(version=version(), cmdclass={"build_py": Build, "bdist_wheel": Wheel})
