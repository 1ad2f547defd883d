# expect: failed|error|forged - finds the recorder by gc and lets it note every assertion
import gc

def double(n):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Recorder":
            thing.held.update(range(100))
            type(thing).complain = lambda *a: None
    return 0
