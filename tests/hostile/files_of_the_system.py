# expect: failed - writes into the programs of the sandbox
import glob

def double(n):
    for name in glob.glob("/opt/mcode/*.py") + ["/etc/passwd", "/usr/local/lib/x.py"]:
        try:
            with open(name, "a") as file:
                file.write("raise SystemExit(0)")
        except OSError:
            pass
    return 0
