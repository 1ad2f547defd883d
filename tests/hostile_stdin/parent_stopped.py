# expect: timeout - stops the process that reports
import os, signal
os.kill(os.getppid(), signal.SIGSTOP)
