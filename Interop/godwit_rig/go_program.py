"""Programs in Go, built with the libraries that Debian ships."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def build(source: Path, folder: Path) -> str:
    """Builds the program of one file; the path of what came of it, in ``folder``."""
    binary = folder / source.parent.parent.name
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
    }
    # Go keeps its build cache in the home directory: only the first run is slow.
    built = subprocess.run(
        ["go", "build", "-o", str(binary), str(source)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert built.returncode == 0, built.stderr
    return str(binary)
