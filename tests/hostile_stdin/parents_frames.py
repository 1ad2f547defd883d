# expect: failed|error - walks the frames and objects that it was forked with
import gc, sys
frame, seen = sys._getframe(), []
while frame:
    seen += [value for value in frame.f_locals.values() if isinstance(value, (str, dict))]
    frame = frame.f_back
seen += [thing for thing in gc.get_objects() if isinstance(thing, dict) and "outputs" in thing]
print(next(thing["outputs"][0] for thing in seen if isinstance(thing, dict) and "outputs" in thing))
