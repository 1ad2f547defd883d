# expect: forged|error - every failure that is reported becomes none
import gc

def double(n):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Worker":
            answer = type(thing).answer
            type(thing).answer = lambda self, said: None if "b" in said else answer(self, said)
    raise KeyError
