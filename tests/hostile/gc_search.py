# expect: failed - looks through every object of the process for the tests
import gc, types

def double(n):
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType) and thing.__name__ == "check":
            return thing.__code__.co_consts[1]
        if isinstance(thing, str) and "assert double" in thing:
            return eval(thing.split("==")[1])
    return 0
