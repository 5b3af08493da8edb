"""A worker process: reads jobs from standard input, writes records to standard output."""

import os
import sys

from crbeam.studies.computing import Job, compute
from crbeam.studies.processes import receive, send


def main() -> None:
    """Compute jobs until the input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a solver prints goes to standard error
    jobs = sys.stdin.buffer
    while True:
        try:
            job = receive(jobs)
            if not isinstance(job, Job):
                return
            send(answers, compute(job))
        except (EOFError, BrokenPipeError):
            return


if __name__ == "__main__":
    main()
