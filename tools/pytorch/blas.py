"""Which kernels PyTorch's OpenBLAS takes. It does not know processors newer than itself, and takes its oldest kernel for some
of them, a fifth as fast: a comparison would then be one with a mishap."""

import pathlib
import re
import subprocess


def core_of(python, env):
    """The name of the kernels that are taken in this environment."""
    probe = "import numpy as n; a = n.ones((9, 9), 'f'); a @ a"
    said = subprocess.run([python, "-c", probe], env=dict(env, OPENBLAS_VERBOSE="2"), capture_output=True, text=True, check=False)
    core = re.search(r"Core: (\S+)", said.stdout + said.stderr)
    return core.group(1) if core else "unknown"


def settle(python, env):
    """Sets OPENBLAS_CORETYPE in env where the kernels are too old for the vector units. Returns what is taken, in words."""
    core = core_of(python, env)
    if "OPENBLAS_CORETYPE" in env or core not in ("Prescott", "Core2", "Nehalem", "Generic"):
        return core
    flags = pathlib.Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    better = "SkylakeX" if "avx512vl" in flags else "Haswell" if "avx2" in flags else None
    if not better:
        return core
    env["OPENBLAS_CORETYPE"] = better
    return f"{better} (set; OpenBLAS by itself takes {core})"
