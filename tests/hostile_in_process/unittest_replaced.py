# expect: error|forged - another module stands in for unittest
import sys, types
class Quiet:
    def __enter__(self): return self
    def __exit__(self, *a): return True
class TestCase:
    def __getattr__(self, name): return lambda *a, **k: Quiet()
fake = types.ModuleType("unittest")
fake.TestCase, fake.main = TestCase, lambda *a, **k: None
fake.mock = types.ModuleType("unittest.mock")
sys.modules["unittest"], sys.modules["unittest.mock"] = fake, fake.mock

def double(n): pass
