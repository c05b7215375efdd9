"""MMPose's own `tools/train.py` for this project's configs; same flags."""

from _stock import run

if __name__ == '__main__':
    run('train.py')
