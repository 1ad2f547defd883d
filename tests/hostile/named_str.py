# expect: failed - a class that is called str, whose items are asked for when the failure is described
class C:
    def __len__(self): return 3
    def __iter__(self): return iter([1, 2, 3])
    def __getitem__(self, i): return i
    def __str__(self): return "x"

C.__name__ = "str"

def double(n):
    return [C(), C()] if n > 20 else C()
