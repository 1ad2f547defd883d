# expect: forged|failed|error - raises an exception that claims to be of every type
class Meta(type):
    def __subclasscheck__(cls, other): return True
    def __instancecheck__(cls, other): return True

class Every(TypeError, metaclass=Meta):
    def __eq__(self, other): return True

def double(n):
    raise Every
