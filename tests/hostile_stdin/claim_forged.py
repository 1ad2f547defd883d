# expect: error|failed - writes nonsense where exceptions are described
import os
os.pwrite(3, b'{"x": [[[', 0)
