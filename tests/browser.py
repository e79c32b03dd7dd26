"""Chromium without a window, in which tests look at the pages."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# Where CI has none, the tests fail; they are not left out.
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium on this machine: make browser"
)


def browse(page: Path, size: tuple[int, int], *flags: str) -> subprocess.CompletedProcess[str]:
    """The DOM of a page after it was laid out, as stdout; its profile lies beside the page."""
    command = [
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"),
        *(f"--user-data-dir={page.parent / 'profile'}", f"--window-size={size[0]},{size[1]}", *flags),
        *("--dump-dom", page.as_uri()),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
