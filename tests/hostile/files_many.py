# expect: failed - more files than the sandbox likes to remove, in folders without permissions
import os

def double(n):
    try:
        for number in range(100):
            os.mkdir(f"/tmp/{number}")
            for inner in range(100):
                os.close(os.open(f"/tmp/{number}/{inner}\n", os.O_CREAT, 0))
            os.chmod(f"/tmp/{number}", 0)
    except OSError:
        pass
    return 0
