"""Transform: imputes and scales each feature and packs all features into one vector."""
