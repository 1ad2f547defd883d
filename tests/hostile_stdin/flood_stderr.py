# expect: error|failed|output_limit - floods standard error
import os
while True: os.write(2, b'x' * 1000000)
