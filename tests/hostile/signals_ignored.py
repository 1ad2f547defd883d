# expect: timeout - ignores every signal and sleeps
import signal, time

def double(n):
    for number in range(1, 64):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        time.sleep(100)
