"""Ways to use the library without writing Python.

Commands run with one BLAS thread unless the environment says otherwise: the matrices of this library are tiny, and
threads cost an order of magnitude.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")
