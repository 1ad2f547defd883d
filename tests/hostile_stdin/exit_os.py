# expect: failed - ends with success without cleaning up
import os
os._exit(0)
