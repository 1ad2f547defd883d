# expect: memory - one list that eats all memory
def double(n):
    eaten = []
    while True:
        eaten.append(bytearray(1 << 20))
