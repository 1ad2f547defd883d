# expect: forged|failed|error - returns the next constant of the caller's bytecode
import dis, sys

def double(n):
    frame = sys._getframe(1)
    after = [i for i in dis.get_instructions(frame.f_code) if i.offset > frame.f_lasti]
    for instruction in after:
        if instruction.opname in ("LOAD_CONST", "LOAD_SMALL_INT"):
            if isinstance(instruction.argval, int): return instruction.argval
            if isinstance(instruction.argval, tuple): return instruction.argval[{1: 0, 2: 1}.get(n, 2)]
    raise TypeError
