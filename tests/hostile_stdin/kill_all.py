# expect: error - kills all it can reach
import os
os.kill(-1, 9)
