# expect: error - kills the process that reports
import os, signal
os.kill(os.getppid(), signal.SIGKILL)
print(7)
