"""What all benchmarks share: timing in turns, one thread, peers that may be absent, tables.

Importing it keeps the linear algebra of NumPy to one thread, which is decided when NumPy loads.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
