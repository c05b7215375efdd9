"""Hand models: shape and pose to vertices and keypoints."""
