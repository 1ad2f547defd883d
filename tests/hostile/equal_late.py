# expect: failed - a list that changes when it is looked at, and again afterwards
import threading

class Late(list):
    def __iter__(self): return iter([4])
    def __len__(self): return 1
    def __getitem__(self, i): return 4
    def __reduce__(self): return (int, (4,))
    def __int__(self): return 4

def double(n):
    answer = Late()
    threading.Timer(0, lambda: answer.append(4)).start()
    return answer
