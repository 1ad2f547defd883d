# expect: failed - starts a program of the system
import subprocess, sys

def double(n):
    return subprocess.run([sys.executable, "-c", "print(0)"], capture_output=True).returncode
