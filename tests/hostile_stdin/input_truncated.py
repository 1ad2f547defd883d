# expect: failed - empties its own input, which is nobody else's
import os
os.ftruncate(0, 0)
print(0)
