# expect: failed - answers behind a hole of zeros
import os
os.pwrite(1, b'7', 1000)
