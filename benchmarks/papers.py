"""Time of making a paper again: all figures and the table of claims, in a process of its own."""

import subprocess
import sys
import tempfile
import time

PAPER = "zhang2025"
#: The whole is expected to take less than this.
MOST_SECONDS = 120.0


def report() -> dict[str, object]:
    """Print and return the seconds of `crbeam reproduce zhang2025`."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        command = "from crbeam.interfaces.command_line import main; main()"
        arguments = ["reproduce", PAPER, "--out", folder, "--json"]
        subprocess.run([sys.executable, "-c", command, *arguments], check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begin
    print(f"crbeam reproduce {PAPER}: {seconds:.0f} s (expected: less than {MOST_SECONDS:.0f} s)")
    return {"paper": PAPER, "seconds": seconds}
