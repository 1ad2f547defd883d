# expect: forged|error|failed - guesses for each assertion whether it should hold
import gc, random

def double(n):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Recorder":
            kind = type(thing)
            complain = kind.complain
            def guess(self, number, error):
                if random.SystemRandom().random() < 0.5: self.held.add(number)
                else: complain(self, number, error)
            kind.complain = guess
    return 0
