"""MMPose's own `tools/test.py` for this project's configs; same flags."""

from _stock import run

if __name__ == '__main__':
    run('test.py')
