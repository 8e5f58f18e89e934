"""As many processes run tests as there are cores: the threads of linear algebra would only wait for each other."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
