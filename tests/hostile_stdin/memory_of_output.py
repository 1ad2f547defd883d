# expect: output_limit|error|memory|failed - writes behind a hole of a terabyte
import os
os.pwrite(1, b'7', 1 << 40)
