# expect: failed - ends with success and prints nothing
import sys
sys.exit(0)
