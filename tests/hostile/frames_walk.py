# expect: failed - looks through the calling frames for the tests and the expected value
import sys

def double(n):
    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
            if callable(value) and getattr(value, "__name__", "") == "check":
                for constant in value.__code__.co_consts:
                    if type(constant) is int:
                        return constant
        frame = frame.f_back
    return 0
