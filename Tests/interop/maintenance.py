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


def killer(folder: Path) -> str:
    library = folder / "killer.so"
    subprocess.run(
        [compiler(), "-shared", "-fPIC", "-O1", "-o", str(library), str(Path(__file__).parent / "killer.c"), "-ldl"], check=True)
    return str(library)


def run(*words, library=None, at=None, count=None, input=None, **options):
    extra = {"LD_PRELOAD": library} if library else {}
    if at:
        extra["KILL_AT"] = str(at)
    if count:
        extra["KILL_COUNT"] = str(count)
    return subprocess.run([BINARY, *words], env={**os.environ, **extra}, input=input, text=True, capture_output=True, timeout=60, **options)
