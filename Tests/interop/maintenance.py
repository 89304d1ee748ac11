"""Running commands that are killed at a chosen point of their work on disk."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway import BINARY


def compiler() -> str:
    found = shutil.which("cc") or shutil.which("clang")
    if not found:
        pytest.skip("no C compiler for the preloaded library")
    return found


def preload(folder: Path, name: str) -> str:
    """A library of this folder, built to be preloaded."""
    library = folder / f"{name}.so"
    source = Path(__file__).parent / f"{name}.c"
    subprocess.run([compiler(), "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"], check=True)
    return str(library)


def run(*words, library=None, at=None, count=None, input=None, **options):
    extra = {"LD_PRELOAD": library} if library else {}
    if at:
        extra["KILL_AT"] = str(at)
    if count:
        extra["KILL_COUNT"] = str(count)
    return subprocess.run([BINARY, *words], env={**os.environ, **extra}, input=input, text=True, capture_output=True, timeout=60, **options)
