"""Making labelled images of hands; knows nothing of MMPose."""
