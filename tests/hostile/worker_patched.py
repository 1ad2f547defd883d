# expect: failed - replaces the functions that write its answers
import sys

def double(n):
    frame = sys._getframe()
    while frame is not None:
        if "MAX_RESULT" in frame.f_globals:
            frame.f_globals.update(MAX_RESULT=1 << 40, encode=lambda *args: {"@o": [7, "int", "b"]})
        frame = frame.f_back
    for thing in list(sys.modules.values()):
        for name in ("encode", "snapshot", "reference"):
            if hasattr(thing, name):
                try:
                    setattr(thing, name, lambda *args: 4)
                except Exception:
                    pass
    return 0
