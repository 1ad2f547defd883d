# expect: timeout - replaces the clock and sleeps
import time
sleep = time.sleep
time.time = time.monotonic = time.perf_counter = lambda: 0.0

def double(n):
    sleep(1000)
    return 2 * n
